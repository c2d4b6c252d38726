"""Real servers that the framework starts itself, each from an empty home on `head`."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.accounts import need_account, need_root
from tests.pelog.batches import OpenPbs, Torque
from tests.pelog.hosts import HEAD, ROOT, Hosts
from tests.pelog.site import TOOLS, Site

QUICK = {"TORQUE_MESOS_GRACE_S": "1.0"}


class WithMaui(Torque):
    """A TORQUE whose scheduler is Maui."""

    daemons = ("maui",)

    def __init__(self, state: Path) -> None:
        super().__init__(state)
        self.environment = QUICK
        self.schedule_with("maui")

    def ready(self, hosts: Hosts) -> None:
        """Nothing more."""

    def left_behind(self, hosts: Hosts) -> list[str]:
        """What a teardown should have taken away, and has not."""
        text = (hosts.folder / "maui" / "maui.cfg").read_text()
        return [line for line in text.splitlines() if "torque-mesos" in line]


class OpenPbsFromNothing(OpenPbs):
    """An OpenPBS without `pbs.conf`, home and database."""

    daemons = ("pbs_comm", "pbs_server", "pbs_sched")

    def __init__(self, state: Path) -> None:
        super().__init__(state)
        self.environment = QUICK

    def prepare(self, hosts: Hosts) -> None:
        """Give `head` a folder for its settings."""
        own = hosts.folder / "etc"
        hosts.check(HEAD, "cp", "-a", "/etc", str(own))
        (own / "pbs.conf").unlink(missing_ok=True)
        hosts.check(HEAD, "mount", "--bind", str(own), "/etc")
        # PostgreSQL's socket is named by its port alone, and locked by a process number.
        where = ("-t", "tmpfs", "-o", "mode=1777", "none", "/run/postgresql")
        hosts.check(HEAD, "mount", *where)

    def settings(self, hosts: Hosts) -> str:
        """As an administrator has them who says nothing but where it is."""
        return super().settings(hosts).replace('mode = "existing"\n', 'mode = "managed"\n')

    def ready(self, hosts: Hosts) -> None:
        """Let jobs that have ended be asked for."""
        qmgr = (str(self.bin_dir / "qmgr"), "-c", "set server job_history_enable=True")
        hosts.check(HEAD, *qmgr)

    def left_behind(self, hosts: Hosts) -> list[str]:
        """What a teardown should have taken away, and has not."""
        return [str(path) for path in (hosts.folder / "etc").glob("pbs.conf")]


class ManagedSite(Site):
    """A site with one of them."""

    def __init__(self, hosts: Hosts, batch: WithMaui | OpenPbsFromNothing) -> None:
        super().__init__(hosts, "builtin")
        self.batch = self.server = batch

    def all_parked(self) -> bool:
        """Whether no node has a mom."""
        records = (self.command("pbsnodes", "-a") or "").split("\n\n")
        parked = {text.split()[0] for text in records if "torque-mesos:parked" in text}
        return set(self.nodes) <= parked

    def pid(self, daemon: str) -> int | None:
        """The process of a daemon, in `head`'s own numbers; None where it does not run."""
        try:
            pid = int(json.loads((self.state / "daemons" / f"{daemon}.pid").read_text())["pid"])
        except FileNotFoundError:
            return None
        return pid if self.hosts.run(HEAD, "kill", "-0", str(pid)).returncode == 0 else None

    def run(self, *words: str) -> None:
        """Run `torque-mesos` on `head`; it must succeed."""
        environment = {**self.batch.environment, "PYTHONPATH": str(ROOT)}
        command = (sys.executable, "-m", "torque_mesos.cli", *words)
        settings = str(self.hosts.folder / "torque-mesos.toml")
        done = self.hosts.run(HEAD, *command, "--config", settings, environment=environment)
        assert done.returncode == 0, done


@contextmanager
def managed(build: Path, kind: type[WithMaui | OpenPbsFromNothing]) -> Iterator[ManagedSite]:
    """A site with two agents; skips the test where there can be none."""
    need_root("for hosts in namespaces")
    need_account()
    if missing := [name for name in TOOLS if not shutil.which(name)]:
        pytest.skip(f"namespaced hosts need {', '.join(missing)}")
    # (A real server wants no home below a folder where anybody may write.)
    hosts = Hosts(2, parent="/var/lib")
    try:
        hosts.start()
        site = ManagedSite(hosts, kind(hosts.folder / "state"))
        site.start(build)
        site.server.ready(hosts)
        yield site
    finally:
        hosts.close()
