from __future__ import annotations

import os
import pwd
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.accounts import need_account
from torque_mesos.verify.account import LocalAccount, SshAccount, Unusable, accounts

SELF = pwd.getpwuid(os.geteuid()).pw_name
PATH = {"PATH": "/usr/bin:/bin", "PBS_DEFAULT": "head"}


def test_commands_run_as_the_user_in_the_folder_with_the_servers_environment() -> None:
    name = need_account().pw_name
    (account,) = accounts([name], [], PATH)
    assert isinstance(account, LocalAccount)
    answer = account.run(["sh", "-c", 'id -un; pwd; echo "$PBS_DEFAULT $HOME"; cat'], text="in")
    home = pwd.getpwnam(name).pw_dir
    assert answer.stdout.splitlines() == [name, "/", f"head {home}", "in"]


def test_a_command_that_hangs_or_is_missing_is_told() -> None:
    account = LocalAccount(SELF, "here", PATH, change=False, timeout_s=0.1)
    with pytest.raises(Unusable, match=r"sleep 60 did not end within 0\.1 s"):
        account.run(["sleep", "60"])
    with pytest.raises(Unusable, match="cannot be started"):
        account.run(["/no/such/command"])


@pytest.fixture
def make_ssh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """A function that puts a shell script in the place of ssh."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    def make(script: str) -> None:
        (tmp_path / "ssh").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "ssh").chmod(0o755)

    return make


def test_other_hosts_are_reached_by_ssh_with_every_word_quoted(
    tmp_path: Path, make_ssh: Callable[[str], None]
) -> None:
    make_ssh('while [ "$1" != -- ]; do shift; done\nexec sh -c "$3"')
    account = SshAccount("alice", "client1", PATH, change=False)
    hostile = "a b'; touch /tmp/x; $(id) \\ \n\""
    answer = account.run(["printf", "%s", hostile], folder=str(tmp_path))
    assert (answer.exit_code, answer.stdout) == (0, hostile)
    make_ssh("echo Permission denied >&2\nexit 255")
    with pytest.raises(Unusable, match="ssh client1: Permission denied"):
        account.run(["true"])


def test_as_root_the_user_is_changed_to_on_the_client(make_ssh: Callable[[str], None]) -> None:
    make_ssh('for word; do :; done\nprintf %s "$word"')
    said = SshAccount("alice", "c1", {}, change=True).run(["qdel", "1.head"]).stdout
    assert said == "runuser -l alice -s /bin/sh -c 'cd / && exec env qdel 1.head'"


def test_this_host_is_used_directly_whatever_it_is_called() -> None:
    name = need_account().pw_name
    found = accounts([name, name], [socket.gethostname(), "localhost", "elsewhere"], {})
    assert [type(account) for account in found] == [LocalAccount, LocalAccount, SshAccount]


@pytest.mark.parametrize(
    ("users", "clients", "told"),
    [
        (["root"], [], "refuses root's jobs"),
        (["no-such-user"], [], "not known"),
        (["-x"], [], "no account's name"),
        ([], ["-oProxyCommand=x"], "no host's name"),
    ],
)
def test_what_cannot_be_used_is_refused(users: list[str], clients: list[str], told: str) -> None:
    with pytest.raises(Unusable, match=told):
        accounts(users or [need_account().pw_name], clients, {})


def test_root_must_name_somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.delenv("SUDO_USER", raising=False)
    with pytest.raises(Unusable, match="--users"):
        accounts([], [], {})
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    with pytest.raises(Unusable, match="only root can submit jobs of others"):
        accounts(["nobody"], [], {})
