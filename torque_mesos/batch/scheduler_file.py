"""A batch scheduler's own settings file, which says in which order it serves jobs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from torque_mesos.model import Scheduling


class SchedulerFile:
    """The file, read again when it has changed. One that is not there means the defaults."""

    def __init__(self, path: Path, parse: Callable[[str], Scheduling]) -> None:
        self._path = path
        self._parse = parse
        self._seen: tuple[int, int] | None = None
        self._read = Scheduling()

    def scheduling(self) -> Scheduling:
        """What it says now. A file that cannot be read means first come, first served."""
        try:
            status = self._path.stat()
            seen = (status.st_mtime_ns, status.st_size)
            if seen != self._seen:
                text = self._path.read_text(encoding="utf-8", errors="replace")
                self._read, self._seen = self._parse(text), seen
        except OSError:
            self._read, self._seen = Scheduling(), None
        return self._read
