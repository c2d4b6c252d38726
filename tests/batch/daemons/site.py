"""A home with small daemons in the place of TORQUE's."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from pathlib import Path

from tests.batch.recorded import FakeRunner
from tests.waiting import wait_for
from torque_mesos.batch import processes
from torque_mesos.batch.commands import Answer
from torque_mesos.batch.daemons import (
    BatchDaemons,
    DaemonState,
    DaemonStatus,
    torque_daemons,
)
from torque_mesos.batch.torque_settings import TorqueSettings

DEADLINE_S = 20.0
NAMES = ("trqauthd", "pbs_server", "pbs_sched")

# A daemon that says how it was started, goes to its home as TORQUE's do, and stays.
DAEMON = """#!{python}
import json, os, sys, time
home = {home!r}
said = dict(argv=sys.argv[1:], stdin=sys.stdin.read(), debug=os.environ.get("PBSDEBUG"),
            session=os.getsid(0) == os.getpid(), pid=os.getpid())
os.chdir(home)
open({said!r}, "a").write(json.dumps(said) + "\\n")
print("I am {name}", flush=True)
if os.path.exists({said!r} + ".die"):
    print("no room", flush=True)
    sys.exit(5)
while True:
    time.sleep(1)
"""


class Site:
    """A home, an sbin folder of small daemons, and what they said."""

    def __init__(self, folder: Path, names=NAMES) -> None:
        self.folder = folder
        self.home = folder / "home"
        (self.home / "server_priv").mkdir(parents=True)
        self.state = folder / "state"
        self.settings = TorqueSettings(bin_dir=folder / "bin", sbin_dir=folder, home=self.home)
        self.runner = FakeRunner()
        self.runner.answer("qstat", by=Answer(("qstat",), 0, "Server\n", ""))
        self.runner.answer("qterm", by=self.quit_server)
        self.now_s = 1000.0
        for name in names:
            self.make_daemon(name, folder)

    def make_daemon(self, name: str, sbin: Path) -> None:
        """Put a small daemon into a folder of programs."""
        sbin.mkdir(parents=True, exist_ok=True)
        script = DAEMON.format(
            python=sys.executable,
            home=str(self.home),
            said=str(self.folder / f"{name}.said"),
            name=name,
        )
        (sbin / name).write_text(script)
        (sbin / name).chmod(0o755)

    def daemons(self, **more) -> BatchDaemons:
        kinds = torque_daemons(self.settings, self.state, self.runner)
        return BatchDaemons(kinds, self.state, clock=lambda: self.now_s, **more)

    def said(self, name: str) -> list[dict]:
        path = self.folder / f"{name}.said"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def await_said(self, name: str, count: int = 1) -> dict:
        wait_for(lambda: len(self.said(name)) >= count, DEADLINE_S, f"{name} speaks")
        return self.said(name)[count - 1]

    def quit_server(self) -> Answer:
        for said in self.said("pbs_server"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(said["pid"], signal.SIGTERM)
        return Answer(("qterm",), 0, "", "")


def gone(pid: int) -> bool:
    """Whether a process has ended."""
    return processes.identify(pid) is None


def status_of(daemons: BatchDaemons, name: str) -> DaemonStatus:
    """What a check of all says of one daemon."""
    return next(status for status in daemons.check() if status.name == name)


def wait_for_end(daemons: BatchDaemons, name: str) -> None:
    """Until a check finds that a daemon has ended."""
    wait_for(
        lambda: status_of(daemons, name).state is not DaemonState.RUNNING,
        DEADLINE_S,
        f"{name} has ended",
    )


def end_all(site: Site, names: tuple[str, ...] = (*NAMES, "maui")) -> None:
    remembered = map(processes.read_pid_file, (site.state / "daemons").glob("*.pid"))
    pids = {identity.pid for identity in remembered if identity and identity.process()}
    pids |= {said["pid"] for name in names for said in site.said(name)}
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
