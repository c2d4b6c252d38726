"""What a real TORQUE or OpenPBS takes for our calls, by commands and by its library.

On the server's own host, as root, with a server without jobs:

    TORQUE_MESOS_TEST_LIBRARY=torque:/opt/torque TORQUE_MESOS_TEST_USER=alice \
        python -m benchmarks pbs_calls

(`openpbs:PREFIX` for the other one.) It makes 200 records (`TORQUE_MESOS_NODES`), whose names, n1
and so on, must resolve, and submits 2,000 held jobs as that user; in the end it deletes both.
Where a node is free already, the time from `qsub` to the job's start is measured, too.
"""

from __future__ import annotations

import os
import resource
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

from benchmarks.result import Result
from torque_mesos.batch.base import BatchServer, Hears, NewNode
from torque_mesos.batch.commands import Answer, CommandRunner, Runner
from torque_mesos.batch.library.binding import Kind
from torque_mesos.batch.library.runner import LibraryRunner, find_library
from torque_mesos.batch.openpbs import OpenPbsServer
from torque_mesos.batch.openpbs_settings import OpenPbsSettings
from torque_mesos.batch.torque import TorqueServer
from torque_mesos.batch.torque_settings import TorqueSettings
from torque_mesos.model import JobState, NodeState

NEEDS_TORQUE = True

_NODES = int(os.environ.get("TORQUE_MESOS_NODES", "200"))
_NOTE = "torque-mesos:parked"
_JOBS = 2000
_POLL_S = 5.0
_MARKABLE_S = 60.0
_STARTS = 5


class _Counted:
    """Counts calls and what they tell."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self.calls = self.characters = 0

    def run(self, argv: Sequence[str], *, timeout_s: float) -> Answer:
        answer = self._runner.run(argv, timeout_s=timeout_s)
        self.calls += 1
        self.characters += len(answer.stdout)
        return answer


class _Site:
    """The server, asked in one way."""

    def __init__(self, kind: Kind, prefix: Path, way: str) -> None:
        self.way = way
        self.settings = (
            OpenPbsSettings(bin_dir=prefix / "bin")
            if kind == "openpbs"
            else TorqueSettings(bin_dir=prefix / "bin")
        )
        environment = self.settings.command_environment()
        runner: Runner = CommandRunner(environment)
        self.library = None
        if way == "library":
            found = find_library(prefix / "bin", kind)
            assert found is not None, f"no library below {prefix}"
            self.library = runner = LibraryRunner(kind, found, environment, runner)
        self.counted = _Counted(runner)
        self.ahead_s = 0.0
        self.server: BatchServer = (
            OpenPbsServer(self.settings, self.counted, clock=self._now)
            if isinstance(self.settings, OpenPbsSettings)
            else TorqueServer(self.settings, self.counted, clock=self._now)
        )

    def _now(self) -> float:
        return time.monotonic() + self.ahead_s

    def minute(self) -> tuple[int, float, float]:
        """A minute of polling, without its waits: calls, MB, seconds of the processor."""
        self.server.read()  # the first one
        calls, characters, began_s = self.counted.calls, self.counted.characters, _cpu_s()
        for _ in range(round(60 / _POLL_S)):
            self.ahead_s += _POLL_S
            self.server.read()
        told = self.counted.characters - characters
        return self.counted.calls - calls, told / 1e6, _cpu_s() - began_s

    def close(self) -> None:
        """End the helper."""
        if self.library is not None:
            assert self.library.reason is None, self.library.reason
            self.library.close()


def run() -> Iterable[Result]:
    """Measure."""
    name, _, prefix = os.environ["TORQUE_MESOS_TEST_LIBRARY"].partition(":")
    kind: Kind = "openpbs" if name == "openpbs" else "torque"
    user = os.environ["TORQUE_MESOS_TEST_USER"]
    sites = [_Site(kind, Path(prefix), way) for way in ("commands", "library")]
    for site in sites:
        yield from _starts(site, kind, user)
        yield from _nodes(site, kind)
        yield from _minute(site, kind, "no jobs")
    jobs = [_submitted(sites[0], user, "-h") for _ in range(_JOBS)]
    for site in sites:
        yield from _reads(site, kind)
        yield from _minute(site, kind, f"{_JOBS} jobs")
        site.close()
    for start in range(0, _JOBS, 100):
        subprocess.run([sites[0].settings.bin_dir / "qdel", *jobs[start : start + 100]], check=True)


def _nodes(site: _Site, kind: Kind) -> Iterator[Result]:
    there = {node.name for node in site.server.read().nodes}
    names = [f"n{number}" for number in range(1, _NODES + 1)]
    wanted = [name for name in names if name not in there]
    records = [NewNode(name, 4, note=_NOTE) for name in wanted]
    yield _took(site, kind, "register", len(wanted), lambda: site.server.create_nodes(records))
    some = wanted[:50]
    end_s = time.monotonic() + _MARKABLE_S
    while any(NodeState.MOM_LIST_NOT_SENT in node.states for node in site.server.read().nodes):
        assert time.monotonic() < end_s, "the records cannot be marked yet"
        time.sleep(1)
    yield _took(
        site, kind, "wake", len(some), lambda: site.server.set_online(some, "torque-mesos:online")
    )
    yield _took(site, kind, "park", len(some), lambda: site.server.set_offline(some, _NOTE))
    # TORQUE takes 2 s for each; OpenPBS does one after the other, and saves all nodes each time.
    with ThreadPoolExecutor(25 if kind == "torque" else 1) as pool:
        list(pool.map(site.server.delete_node, wanted))


def _starts(site: _Site, kind: Kind, user: str) -> Iterator[Result]:
    if not any(node.states == {NodeState.FREE} for node in site.server.read().nodes):
        return
    took = []
    for _ in range(_STARTS):
        began_s = time.monotonic()
        job = _submitted(site, user)
        while not any(
            each.job_id == job and each.state in (JobState.RUNNING, JobState.EXITING)
            for each in site.server.read().jobs
        ):
            assert time.monotonic() - began_s < _MARKABLE_S, f"{job} does not start"
        took.append(time.monotonic() - began_s)
        subprocess.run([site.settings.bin_dir / "qdel", job], check=False, capture_output=True)
    yield Result(f"{kind}_start_{site.way}", sorted(took)[_STARTS // 2], "s", size="1 job")


def _reads(site: _Site, kind: Kind) -> Iterator[Result]:
    took = []
    for _ in range(3):
        site.ahead_s += 60.0  # a long list is not read anew at once
        if isinstance(site.server, Hears):
            site.server.changed()
        took.append(_seconds(site.server.read))
    best = min(took)
    yield Result(f"{kind}_read_{site.way}", best, "s", size=f"{_JOBS} jobs")


def _minute(site: _Site, kind: Kind, size: str) -> Iterator[Result]:
    calls, megabytes, cpu_s = site.minute()
    yield Result(f"{kind}_calls_{site.way}", calls, "calls a minute", size=size)
    yield Result(f"{kind}_told_{site.way}", megabytes, "MB a minute", size=size)
    yield Result(f"{kind}_cpu_{site.way}", cpu_s, "s a minute", size=size)


def _took(site: _Site, kind: Kind, what: str, count: int, do: Callable[[], object]) -> Result:
    return Result(f"{kind}_{what}_{site.way}", _seconds(do), "s", size=f"{count} nodes")


def _submitted(site: _Site, user: str, *options: str) -> str:
    command = ["runuser", "-u", user, "--", str(site.settings.bin_dir / "qsub"), *options]
    done = subprocess.run(
        command, input="sleep 60\n", text=True, check=True, capture_output=True, cwd="/tmp"
    )
    return done.stdout.strip()


def _seconds(do: Callable[[], object]) -> float:
    began_s = time.monotonic()
    do()
    return time.monotonic() - began_s


def _cpu_s() -> float:
    """Of this process, of its commands, and of a helper that runs."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    helpers = [child.cpu_times() for child in psutil.Process().children()]
    commands = sum(each.ru_utime + each.ru_stime for each in used)
    return commands + sum(each.user + each.system for each in helpers)
