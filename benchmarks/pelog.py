"""What prologue and epilogue add to a job, on one host and on four.

The scripts as a mom runs them, one after the other, on this machine: on one host prologue,
prologue.user, epilogue.user and epilogue; for four hosts those of the three further hosts at
the same time before (or after) them, as the moms of a job do. Beside each the time that the
project allows itself.
"""

from __future__ import annotations

import os
import pwd
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from benchmarks.result import Result
from dev.demo.account import submitter
from torque_mesos.framework.bundle import project_folder
from torque_mesos.mom import pelog
from torque_mesos.mom.settings import MomSettings

NEEDS_TORQUE = False

ROUNDS = 15
ALLOWED_S = {1: 0.1, 4: 0.3}
BEFORE = ("prologue.parallel", ("prologue", "prologue.user"))
AFTER = ("epilogue.parallel", ("epilogue.user", "epilogue"))


class _Moms:
    """Homes of moms, and a job of as many hosts."""

    def __init__(self, folder: Path, hosts: int) -> None:
        # Of root's own jobs no processes are looked for: that would be too quick.
        self._account = submitter(os.geteuid(), os.environ, pwd.getpwall())
        self._homes = [folder / f"mom{number}" for number in range(hosts)]
        folder.chmod(0o755)
        for number, home in enumerate(self._homes):
            (home / "mom_priv").mkdir(parents=True)
            (home / "mom_logs").mkdir()
            scratch = folder / f"tmp{number}"
            scratch.mkdir()
            settings = MomSettings("localhost", "localhost", scratch=str(scratch))
            pelog.install(settings, home, project_folder())
        self._nodes = folder / "nodes"
        self._nodes.write_text("localhost\n" * 4 + "127.0.0.1\n" * 4 * (hosts > 1))

    def run(self, further: str, first: tuple[str, ...]) -> float:
        """Run the scripts of the further hosts, then those of the first; seconds."""
        began = time.perf_counter()
        others = [self._start(home, further) for home in self._homes[1:]]
        statuses = [process.wait() for process in others]
        statuses += [self._start(self._homes[0], name).wait() for name in first]
        if any(statuses):
            raise RuntimeError(f"{further}, {', '.join(first)} ended with {statuses}")
        return time.perf_counter() - began

    def _start(self, home: Path, name: str) -> subprocess.Popen[bytes]:
        user = self._account.name
        words = [f"{os.getpid()}.benchmark", user, "group", "name", "0", "nodes=1"]
        return subprocess.Popen(
            [home / "mom_priv" / name, *words],
            user=user if name.endswith(".user") and os.geteuid() == 0 else None,
            env={"PATH": "/usr/bin:/bin", "LANG": "C", "PBS_NODEFILE": str(self._nodes)},
            stdin=subprocess.DEVNULL,
        )


def run() -> Iterable[Result]:
    """Measure."""
    for hosts, allowed_s in ALLOWED_S.items():
        folder = Path(tempfile.mkdtemp(prefix="torque-mesos-pelog-"))
        try:
            moms = _Moms(folder, hosts)
            times = [(moms.run(*BEFORE), moms.run(*AFTER)) for _ in range(ROUNDS)]
        finally:
            shutil.rmtree(folder)
        for name, column in (("prologue", 0), ("epilogue", 1)):
            value = statistics.median(pair[column] for pair in times)
            size = f"{hosts} host{'s' * (hosts > 1)}"
            yield Result(f"pelog_{name}", value, "s", "allowed", value / allowed_s, size)
