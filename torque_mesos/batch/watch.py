"""Tells at once that the queue may have changed, from the server's accounting files.

The server writes a line there before qsub returns, and at every start and end of a
job: `11/20/2026 17:55:11;Q;0.head;queue=batch`. A file is named by its day. The lines
are too poor to act on (a Q line does not tell a job's size): the receiver reads the
queue. Polling remains the net for what is not written there (qhold, qrls, qalter) and
for the time when the folder cannot be watched, which `problem` tells.
"""

from __future__ import annotations

import os
import re
import select
import threading
from collections.abc import Callable
from pathlib import Path

import structlog

from torque_mesos.batch import inotify

# Queued, started, ended, deleted, aborted, rerun. The others (checkpoints,
# reservations, licences) change nothing that is decided upon.
RECORDS_THAT_MATTER = frozenset("QSEDAR")

_FILE = re.compile(r"[0-9]{8}", re.ASCII)
_READ_AT_MOST = 2**20
_log = structlog.get_logger(__name__)


class QueueWatcher:
    """Watches one accounting folder with a thread of its own.

    `on_change` is called in that thread, once for all lines that were found together;
    it must only tell somebody else. It is also called when something may have been
    missed: after the folder appeared, or when lines cannot be read.
    """

    def __init__(
        self, folder: Path, on_change: Callable[[], None], *, retry_s: float = 1.0
    ) -> None:
        self._folder = folder
        self._on_change = on_change
        self._retry_s = retry_s
        self._read_to: dict[str, int] = {}
        self._problem: str | None = "the watch has not begun"
        self._stop_read, self._stop_write = -1, -1
        self._thread: threading.Thread | None = None

    @property
    def problem(self) -> str | None:
        """Why only polling tells of changes at present; None while the watch works."""
        return self._problem

    def start(self) -> None:
        """Begin to watch."""
        if self._thread is not None:
            raise RuntimeError("the watcher runs already")
        self._stop_read, self._stop_write = os.pipe2(os.O_CLOEXEC)
        self._thread = threading.Thread(target=self._run, name="queue-watcher", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the watch and wait for the thread's end. Doing it again is no error."""
        if self._thread is None:
            return
        os.write(self._stop_write, b"x")
        self._thread.join()
        os.close(self._stop_read)
        os.close(self._stop_write)
        self._thread = None
        self._problem = "the watch has ended"

    def _run(self) -> None:
        first = True
        while True:
            try:
                with inotify.FolderNotices(self._folder) as notices:
                    self._skip_to_the_ends()
                    self._tell(None)
                    if not first:
                        self._on_change()  # what happened while nobody watched
                    if self._follow(notices):
                        return
                    self._tell(f"{self._folder} was moved or deleted")
            except OSError as error:
                self._tell(f"{self._folder} cannot be watched: {error.strerror or error}")
            first = False
            if self._stopped_within(self._retry_s):
                return

    def _follow(self, notices: inotify.FolderNotices) -> bool:
        """Tell of changes until the stop (True) or until the folder is gone (False)."""
        poll = select.poll()
        poll.register(notices, select.POLLIN)
        poll.register(self._stop_read, select.POLLIN)
        while True:
            if any(number == self._stop_read for number, _ in poll.poll()):
                return True
            changed: set[str] = set()
            missed = gone = False
            for notice in notices.read():
                missed |= bool(notice.mask & inotify.OVERFLOW)
                gone |= bool(notice.mask & inotify.GONE)
                if _FILE.fullmatch(notice.name):
                    changed.add(notice.name)
            # All files are read, so that each one's end is known for the next time.
            matters = [self._new_lines_matter(name) for name in sorted(changed)]
            if missed or any(matters):
                self._on_change()
            if gone:
                return False

    def _new_lines_matter(self, name: str) -> bool:
        """Read on in a file. True if a line there matters, or may."""
        start = self._read_to.get(name, 0)
        try:
            with (self._folder / name).open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                if size < start:
                    start = 0  # it was written anew
                if size - start > _READ_AT_MOST:
                    self._read_to[name] = size
                    return True
                file.seek(start)
                data = file.read(size - start)
        except OSError:
            return True
        whole = data.rfind(b"\n") + 1  # half a line is read again when it is whole
        self._read_to[name] = start + whole
        return any(_matters(line) for line in data[:whole].splitlines())

    def _skip_to_the_ends(self) -> None:
        self._read_to = {
            entry.name: entry.stat().st_size
            for entry in os.scandir(self._folder)
            if _FILE.fullmatch(entry.name)
        }

    def _stopped_within(self, seconds: float) -> bool:
        poll = select.poll()
        poll.register(self._stop_read, select.POLLIN)
        return bool(poll.poll(seconds * 1000))

    def _tell(self, problem: str | None) -> None:
        if problem == self._problem:
            return
        if problem is None:
            _log.info("the accounting files are watched", folder=str(self._folder))
        else:
            _log.warning("the accounting files are not watched", reason=problem)
        self._problem = problem


def _matters(line: bytes) -> bool:
    """Whether an accounting line tells of a change of the queue; a strange one may."""
    fields = line.split(b";", 3)
    if len(fields) < 3 or len(fields[1]) != 1:
        return bool(line.strip())
    return fields[1].decode(errors="replace") in RECORDS_THAT_MATTER
