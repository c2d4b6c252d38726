"""Arrays of up to 100,000 members on the built-in server, and how long it answers nobody else.

Each command is a process of its own. Beside it another client asks the server for a
node, again and again: the longest that it had to wait is the second number. All nodes
are down, so that nothing runs; members end because they are deleted. MEMBERS (10000,20000,100000)
are the sizes.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from benchmarks.big_server import PATIENCE_S, BigServer
from benchmarks.result import Result
from torque_mesos.batch.builtin.wire import ask, connect_unix

NEEDS_TORQUE = False

SIZES = tuple(map(int, os.environ.get("MEMBERS", "10000,20000,100000").split(",")))
NODES = 10
ENDED_ONE_BY_ONE = 20
PROBE_S = 0.02


class _Probe(threading.Thread):
    """Another client: `longest_s` is the longest that it has waited for an answer."""

    def __init__(self, path: str) -> None:
        super().__init__(daemon=True)
        self._path = path
        self._over = threading.Event()
        self.longest_s = 0.0

    def run(self) -> None:
        """Ask until it is over."""
        with connect_unix(self._path) as connection:
            while not self._over.wait(PROBE_S):
                begin = time.perf_counter()
                ask(connection, {"op": "nodes", "names": ["n0"]})
                self.longest_s = max(self.longest_s, time.perf_counter() - begin)

    def close(self) -> None:
        """Ask no more."""
        self._over.set()
        self.join()


class _Arrays:
    """The measurements of one size."""

    def __init__(self, server: BigServer, members: int) -> None:
        self._server = server
        self._members = members
        self._path = str(server.installed.home / "sock" / "pbs_server")
        self._script = server.folder / "job.sh"
        self._script.write_text("#!/bin/sh\nsleep 1\n")

    @contextmanager
    def _probed(self) -> Iterator[_Probe]:
        probe = _Probe(self._path)
        probe.start()
        try:
            yield probe
        finally:
            probe.close()

    def _measure(self, name: str, work: Callable[[], float | None]) -> Result:
        with self._probed() as probe:
            begin = time.perf_counter()
            seconds = work() or time.perf_counter() - begin
        size = f"{self._members} members; others waited {probe.longest_s:.2f} s at most"
        return Result(name, seconds, "s", size=size)

    def _run(self, command: str, *words: str) -> None:
        done = self._server.run(command, *words, user=True)
        assert done.returncode == 0, done.stderr

    def _until(self, jobs: int) -> None:
        deadline = time.monotonic() + PATIENCE_S
        with connect_unix(self._path) as connection:
            while True:
                shown = dict(ask(connection, {"op": "server"})["server"][0][1])
                if int(shown["total_jobs"]) == jobs:
                    return
                assert time.monotonic() < deadline, f"{shown['total_jobs']} jobs, not {jobs}"
                time.sleep(0.5)

    def results(self) -> Iterable[Result]:
        """Two arrays of the size: one that may run, and one with a slot limit."""
        script, last = str(self._script), self._members - 1
        yield self._measure("qsub", lambda: self._run("qsub", "-t", f"0-{last}", script))
        yield self._measure("until_all_are_there", lambda: self._until(self._members))
        array = self._name()
        for words in (("",), ("-t",), ("-f", array), ("-f", "-t"), ("-x", "-t")):
            options = [word for word in words if word]
            name = "_".join(["qstat", *(word.strip("-") for word in words if word.startswith("-"))])
            yield self._measure(name, lambda options=options: self._run("qstat", *options))  # type: ignore[misc]
        yield self._measure("qhold", lambda: self._run("qhold", array))
        yield self._measure("qrls", lambda: self._run("qrls", array))
        yield self._measure("qdel", lambda: self._run("qdel", array))
        yield self._measure("until_it_is_gone", lambda: self._until(0))
        self._run("qsub", "-t", f"0-{last}%1", script)
        self._until(self._members)
        array = self._name()
        yield self._measure("a_slot_passed_on", lambda: self._one_by_one(array))
        slots = f"%{self._members}"
        yield self._measure("all_slots_given", lambda: self._run("qalter", "-t", slots, array))
        yield self._measure("qdel_all", lambda: self._run("qdel", "all"))
        self._until(0)

    def _name(self) -> str:
        shown = self._server.run("qstat").stdout.decode()
        return str(shown.splitlines()[-1].split()[0])

    def _one_by_one(self, array: str) -> float:
        begin = time.perf_counter()
        for index in range(ENDED_ONE_BY_ONE):
            self._run("qdel", array.replace("[]", f"[{index}]"))
        return (time.perf_counter() - begin) / ENDED_ONE_BY_ONE


def run() -> Iterable[Result]:
    """One server a size, so that its memory is that size's."""
    for members in SIZES:
        server = BigServer(NODES)
        try:
            server.start()
            yield from _Arrays(server, members).results()
            yield Result("pbs_server_memory", server.memory_mb(), "MB", size=f"{members} members")
        finally:
            server.close()
