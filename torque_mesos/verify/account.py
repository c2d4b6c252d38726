"""Users on clients: where the test submits from, as themselves."""

from __future__ import annotations

import os
import pwd
import re
import shlex
import socket
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from torque_mesos.batch.commands import Answer, describe

_USER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}\$?", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,253}", re.ASCII)
_SSH = ("ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10")
_SSH_FAILED = 255


class Unusable(Exception):
    """A user or a client cannot be used as was asked; the text says why."""


class Account(Protocol):
    """A user on a client."""

    @property
    def user(self) -> str:
        """The user's name."""

    @property
    def client(self) -> str:
        """The client's name."""

    def run(self, argv: Sequence[str], *, folder: str = "/", text: str = "") -> Answer:
        """Run `argv` in `folder` with `text` to read; its answer, whatever its exit code.

        Commands are found by PATH: the batch server's may be elsewhere on another host.

        Raises:
            Unusable: it could not be run, or did not end in time.
        """


@dataclass(frozen=True, slots=True)
class LocalAccount:
    """A user of this host. `change`: become that user, which only root can."""

    user: str
    client: str
    environment: Mapping[str, str]
    change: bool
    timeout_s: float = 60.0

    def run(self, argv: Sequence[str], *, folder: str = "/", text: str = "") -> Answer:
        """See `Account.run`."""
        known = pwd.getpwnam(self.user)
        own = {
            "HOME": known.pw_dir,
            "USER": self.user,
            "LOGNAME": self.user,
            "SHELL": known.pw_shell or "/bin/sh",
        }
        return _run(
            argv,
            argv,
            text,
            self.timeout_s,
            folder,
            {**self.environment, **own},
            known if self.change else None,
        )


@dataclass(frozen=True, slots=True)
class SshAccount:
    """A user of another host, through ssh without a password.

    `change`: log in there as root and become the user; else log in as oneself.
    """

    user: str
    client: str
    environment: Mapping[str, str]
    change: bool
    timeout_s: float = 60.0

    def run(self, argv: Sequence[str], *, folder: str = "/", text: str = "") -> Answer:
        """See `Account.run`."""
        variables = [f"{key}={value}" for key, value in self.environment.items()]
        line = f"cd {shlex.quote(folder)} && exec {shlex.join(['env', *variables, *argv])}"
        if self.change:
            line = shlex.join(["runuser", "-l", self.user, "-s", "/bin/sh", "-c", line])
        answer = _run(
            [*_SSH, "--", self.client, line], argv, text, self.timeout_s, "/", dict(os.environ)
        )
        if answer.exit_code == _SSH_FAILED:
            raise Unusable(f"ssh {self.client}: {' '.join(answer.stderr.split())[:300]}")
        return answer


def accounts(
    users: Sequence[str], clients: Sequence[str], environment: Mapping[str, str]
) -> tuple[Account, ...]:
    """Every user on every client.

    As root: `users`, else $SUDO_USER. As an ordinary user: only oneself. No `clients`: this
    host. `environment`: of the batch server's commands.

    Raises:
        Unusable: naming what cannot be used.
    """
    root = os.geteuid() == 0
    here = socket.gethostname()
    names = tuple(dict.fromkeys(users)) or _nobody_named(root)
    for name in names:
        _check_user(name, root)
    found: list[Account] = []
    for client in tuple(dict.fromkeys(clients)) or (here,):
        if not _HOST.fullmatch(client):
            raise Unusable(f"client {client!r} is no host's name")
        for name in names:
            if client in (here, "localhost", socket.getfqdn()):
                found.append(LocalAccount(name, client, environment, change=root))
            else:
                found.append(SshAccount(name, client, environment, change=root))
    return tuple(found)


def _nobody_named(root: bool) -> tuple[str, ...]:
    if not root:
        return (pwd.getpwuid(os.geteuid()).pw_name,)
    if os.environ.get("SUDO_USER", "root") != "root":
        return (os.environ["SUDO_USER"],)
    raise Unusable("the batch server refuses root's jobs: name accounts by --users")


def _check_user(name: str, root: bool) -> None:
    if not _USER.fullmatch(name):
        raise Unusable(f"user {name!r} is no account's name")
    try:
        uid = pwd.getpwnam(name).pw_uid
    except KeyError:
        raise Unusable(f"user {name} is not known on this host") from None
    if uid == 0:
        raise Unusable(f"user {name}: the batch server refuses root's jobs")
    if not root and uid != os.geteuid():
        raise Unusable(f"user {name}: only root can submit jobs of others")


def _run(
    argv: Sequence[str],
    shown: Sequence[str],
    text: str,
    timeout_s: float,
    folder: str,
    environment: Mapping[str, str],
    become: pwd.struct_passwd | None = None,
) -> Answer:
    try:
        # A session of its own: Ctrl-C is for us, who then clean up by the same commands.
        done = subprocess.run(
            list(argv),
            input=text.encode(),
            capture_output=True,
            timeout=timeout_s,
            cwd=folder,
            env=dict(environment),
            start_new_session=True,
            user=become.pw_uid if become else None,
            group=become.pw_gid if become else None,
            extra_groups=os.getgrouplist(become.pw_name, become.pw_gid) if become else None,
        )
    except subprocess.TimeoutExpired:
        raise Unusable(f"{describe(shown)} did not end within {timeout_s:g} s") from None
    except OSError as error:
        raise Unusable(f"{describe(shown)} cannot be started: {error}") from error
    return Answer(
        tuple(shown),
        done.returncode,
        done.stdout.decode(errors="replace"),
        done.stderr.decode(errors="replace"),
    )
