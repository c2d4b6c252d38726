"""The accounting file: one line an event, written at once, for whoever watches it."""

from __future__ import annotations

import os
import time
from typing import Callable, List, Tuple

from .home import as_bytes
from .records import Job
from .rotation import ACCOUNTING, Limits, prune


class Accounting:
    """Appends to FOLDER/YYYYMMDD, and removes old files when a day begins."""

    def __init__(
        self, folder: str, kept: Limits = ACCOUNTING, clock: Callable[[], float] = time.time
    ) -> None:
        self._folder = folder
        self._kept = kept
        self._clock = clock
        self._day = ""
        self._unwritten: List[Tuple[str, bytes]] = []

    def write(self, kind: str, job_id: str, text: str = "") -> None:
        """One record: `11/20/2026 15:32:40;Q;0.head;queue=batch`."""
        seconds = self._clock()
        now = time.localtime(seconds)
        day = time.strftime("%Y%m%d", now)
        if day != self._day:
            self._day = day
            prune(self._folder, self._kept, seconds)
        path = os.path.join(self._folder, day)
        text = text.replace("\n", "\\n")  # of a user's making: a record is one line
        line = f"{time.strftime('%m/%d/%Y %H:%M:%S', now)};{kind};{job_id};{text}\n"
        self._unwritten.append((path, as_bytes(line)))
        self.flush()

    def flush(self) -> None:
        """Write what the disk did not take so far, in its order, as far as it takes it now."""
        while self._unwritten:
            path, data = self._unwritten[0]
            try:
                written = _append(path, data)
            except OSError:
                return
            if written < len(data):
                self._unwritten[0] = (path, data[written:])
            else:
                del self._unwritten[0]

    def started(self, job: Job) -> None:
        """The S record."""
        self.write("S", job.job_id, " ".join(_common(job)) + " ")

    def ended(self, job: Job) -> None:
        """The E record."""
        words = _common(job)
        words.append(f"session={job.session or 0}")
        words.append(f"total_execution_slots={sum(len(slots) for _, slots in job.hosts)}")
        words.append(f"unique_node_count={len(job.hosts)}")
        words.append(f"end={int(job.completed)}")
        words.append(f"Exit_status={job.exit_status}")
        for name, value in job.used.items():
            words.append(f"resources_used.{name}={_seconds(value) if name == 'cput' else value}")
        self.write("E", job.job_id, " ".join(words))


def _append(path: str, data: bytes) -> int:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    try:
        return os.write(descriptor, data)
    finally:
        os.close(descriptor)


def _common(job: Job) -> List[str]:
    words = [f"user={job.user}", f"group={job.group}"]
    if job.account:
        words.append(f"account={job.account}")
    words += [f"jobname={job.name}", f"queue={job.queue}"]
    words += [f"ctime={int(job.created)}", f"qtime={int(job.created)}"]
    words += [f"etime={int(job.eligible)}", f"start_count={job.start_count}"]
    words += [f"start={int(job.started)}", f"owner={job.owner}", f"exec_host={job.exec_host}"]
    return words + [f"Resource_List.{name}={value}" for name, value in job.resources.items()]


def _seconds(text: str) -> int:
    hours, minutes, seconds = text.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds)
