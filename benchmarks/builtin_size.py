"""The built-in server with 20,000 queued jobs and 2,000 nodes.

Jobs are submitted by an ordinary user through the socket that `qsub` uses, some by `qsub`
itself; then the commands that the framework calls are timed, each a process of its own.
Beside them TORQUE's recorded time: 2000 jobs in 0.158 s for `qstat -x -t`, 215 nodes in
0.0156 s for `pbsnodes -x`, 500 qsub in 2.58 s. All nodes are down: nothing runs, and the
scheduler looks at every job again whenever one is submitted.
"""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Iterable

from benchmarks.big_server import BigServer
from benchmarks.result import Result

NEEDS_TORQUE = False

JOBS = 20_000
NODES = 2_000
QSUBS = 50
ROUNDS = 3
TORQUE_QSTAT_S = 0.158 / 2000
TORQUE_PBSNODES_S = 0.0156 / 215
TORQUE_QSUB_S = 2.58 / 500


def _timed(server: BigServer, command: str, *words: str) -> tuple[float, int, float]:
    """Seconds (median), bytes of the answer, and the processor time of the command."""
    times, cpu, size = [], [], 0
    for _ in range(ROUNDS):
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        begin = time.perf_counter()
        done = server.run(command, *words)
        times.append(time.perf_counter() - begin)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu.append(after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime)
        assert done.returncode == 0, done.stderr
        size = len(done.stdout)
    return statistics.median(times), size, statistics.median(cpu)


def run() -> Iterable[Result]:
    """Fill a server, and measure."""
    server = BigServer(NODES)
    try:
        server.start()
        begin = time.perf_counter()
        server.submit(JOBS - QSUBS)
        seconds = time.perf_counter() - begin
        yield _result("submit_s_per_job", seconds / (JOBS - QSUBS), "500 qsub", TORQUE_QSUB_S)
        script = server.folder / "job.sh"
        script.write_text("#!/bin/sh\nsleep 1\n")
        begin = time.perf_counter()
        for _ in range(QSUBS):
            done = server.run("qsub", str(script), user=True)
            assert done.returncode == 0, done.stderr
        seconds = time.perf_counter() - begin
        yield _result("qsub_s_at_full_queue", seconds / QSUBS, "500 qsub", TORQUE_QSUB_S)
        seconds, size, cpu = _timed(server, "qstat", "-x", "-t")
        yield _result(
            "qstat_s_per_job", seconds / JOBS, "2000 jobs", TORQUE_QSTAT_S,
            f"{JOBS} jobs, {size / 1e6:.0f} MB in {seconds:.2f} s, {cpu:.2f} s of them qstat's own",
        )  # fmt: skip
        seconds, size, _ = _timed(server, "qstat")
        yield _result("qstat_plain_s_per_job", seconds / JOBS, "2000 jobs", 0.0367 / 2000)
        seconds, size, _ = _timed(server, "pbsnodes", "-x")
        yield _result(
            "pbsnodes_s_per_node", seconds / NODES, "215 nodes", TORQUE_PBSNODES_S,
            f"{NODES} nodes, {size / 1e6:.1f} MB in {seconds:.2f} s",
        )  # fmt: skip
        yield Result("pbs_server_memory", server.memory_mb(), "MB", size=f"{JOBS} jobs")
    finally:
        server.close()


def _result(name: str, value: float, what: str, torque: float, size: str = "") -> Result:
    return Result(name, value, "s", f"TORQUE's {what}", value / torque, size)
