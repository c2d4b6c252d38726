"""The commands of a built-in server, for tests."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

from tests.waiting import wait_for
from torque_mesos.batch.builtin.install import Installation


class Commands:
    """The commands of an installation, as its manager's or a user's, and what they tell.

    They run in the folder `work`. `account` is the user. Of a server for a single user, all are
    the user's.
    """

    def __init__(
        self,
        installed: Installation,
        account: pwd.struct_passwd,
        work: Path,
        *,
        single_user: bool,
    ) -> None:
        self.installed = installed
        self.home = installed.home
        self.account = account
        self.work = work
        self.single_user = single_user or os.geteuid() != 0
        self._drops = os.geteuid() == 0

    @property
    def privileged(self) -> bool:
        """Whether the daemons run as root."""
        return self._drops and not self.single_user

    def give(self, path: Path) -> None:
        """Make a file the user's."""
        if self._drops:
            os.chown(path, self.account.pw_uid, self.account.pw_gid)

    def _identity(self) -> dict[str, object]:
        if not self._drops:
            return {}
        account = self.account
        return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}

    def run(
        self,
        command: str,
        *arguments: str,
        user: bool = False,
        uid: int | None = None,
        text: str = "",
        env: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as the manager, as `user`, or as any `uid`, in the user's folder."""
        folder = self.installed.sbin_dir if command == "momctl" else self.installed.bin_dir
        options = self._identity() if user or self.single_user else {}
        if uid is not None:
            options = {"user": uid, "group": uid, "extra_groups": []}
        given = {"PBS_BUILTIN_HOSTS": str(self.home / "hosts"), "TZ": "UTC", **(env or {})}
        env = {**os.environ, **given}
        if options:
            env.update(HOME=self.account.pw_dir, LOGNAME=self.account.pw_name)
        return subprocess.run(
            [str(folder / command), *arguments],
            input=text,
            capture_output=True,
            text=True,
            timeout=60,
            env=env,
            cwd=self.work,
            check=False,
            **options,
        )

    def qmgr(self, *commands: str) -> None:
        """Commands of qmgr that must succeed."""
        for command in commands:
            done = self.run("qmgr", "-c", command)
            assert done.returncode == 0, (command, done.stderr)

    def submit(self, script: str, *options: str) -> str:
        """Submit a job that must be accepted; its id."""
        done = self.run("qsub", *options, user=True, text=script)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def job(self, job_id: str) -> dict[str, str]:
        """A job's attributes from `qstat -x`, nested names with dots; empty where it is unknown."""
        done = self.run("qstat", "-x", "-t", job_id)
        if done.returncode:
            return {}
        return flat(ElementTree.fromstring(done.stdout)[0])

    def node(self, name: str) -> dict[str, str]:
        """A node's attributes from `pbsnodes -x`."""
        done = self.run("pbsnodes", "-x", name)
        assert done.returncode == 0, done.stderr
        return flat(ElementTree.fromstring(done.stdout)[0])

    def states(self, name: str) -> set[str]:
        """The words of a node's state."""
        return set(self.node(name)["state"].split(","))

    def wait_state(self, job_id: str, state: str, timeout_s: float = 60.0) -> dict[str, str]:
        """Wait until a job is in a state; its attributes then."""
        wait_for(
            lambda: self.job(job_id).get("job_state") == state,
            timeout_s,
            f"{job_id} is {state}: {self.job(job_id)}",
        )
        return self.job(job_id)

    def wait_node(self, name: str, *states: str, timeout_s: float = 60.0) -> None:
        """Wait until a node's state is exactly these words."""
        wait_for(lambda: self.states(name) == set(states), timeout_s, f"{name} is {states}")

    def kick(self) -> None:
        """Ask for a scheduling cycle."""
        self.qmgr("set server scheduling=true")

    def accounting(self) -> list[str]:
        """The lines of the accounting files."""
        lines: list[str] = []
        for path in sorted((self.home / "server_priv" / "accounting").iterdir()):
            lines += path.read_text().splitlines()
        return lines


def flat(element: ElementTree.Element) -> dict[str, str]:
    """An element's children by name; children of children with a dot."""
    found: dict[str, str] = {}
    for child in element:
        if len(child):
            found.update({f"{child.tag}.{inner.tag}": inner.text or "" for inner in child})
        else:
            found[child.tag] = child.text or ""
    return found
