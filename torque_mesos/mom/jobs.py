"""The processes of jobs on this host, and how they are ended.

The executor is the subreaper of all its descendants. So every process below it that is
not the mom (or momctl) belongs to a job: double-forked ones, whose parent is gone, too.
"""

from __future__ import annotations

import os
import signal
import time
from typing import Callable, Set

from torque_mesos.mom.process import Mom

POLL_S = 0.02
RECORD_TIMEOUT_S = 3.0
MAX_KILL_ROUNDS = 100


def job_processes(mom: Mom) -> Set[int]:
    """The pids of all processes of jobs that are alive."""
    import psutil  # here, because an executor starts faster without it

    own = set(mom.own_pids())
    found = set()
    for process in psutil.Process(os.getpid()).children(recursive=True):
        try:
            if process.pid not in own and process.status() != psutil.STATUS_ZOMBIE:
                found.add(process.pid)
        except psutil.NoSuchProcess:
            continue
    return found


def has_jobs(mom: Mom) -> bool:
    """Whether the mom has a record of a job, or a process of one is alive."""
    return bool(mom.home.jobs() or job_processes(mom))


def end_jobs(mom: Mom, grace_s: float, log: Callable[[str], None]) -> None:
    """End every process of every job: SIGTERM, `grace_s` seconds, SIGKILL.

    Then the mom gets some time to tell its server of the end of its jobs.
    """
    first = job_processes(mom)
    if first:
        log(f"ending {len(first)} processes of jobs {' '.join(mom.home.jobs()) or '(no record)'}")
    _signal(first, signal.SIGTERM)
    # Only those: what the mom starts now (an epilogue) may run to its end.
    if not _until(lambda: not job_processes(mom), mom, grace_s):
        kill_all(mom)
    if mom.pid is not None and mom.home.jobs():
        _until(lambda: mom.pid is None or not mom.home.jobs(), mom, RECORD_TIMEOUT_S)


def kill_all(mom: Mom) -> None:
    """SIGKILL for every process of jobs, until none is left. (One may fork meanwhile.)"""
    for _ in range(MAX_KILL_ROUNDS):
        left = job_processes(mom)
        if not left:
            return
        _signal(left, signal.SIGKILL)
        mom.reap()
        time.sleep(POLL_S / 4)


def _until(condition: Callable[[], bool], mom: Mom, timeout_s: float) -> bool:
    deadline = time.monotonic() + timeout_s
    while True:
        mom.reap()
        if condition():
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL_S)


def _signal(pids: Set[int], number: int) -> None:
    for pid in sorted(pids):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
