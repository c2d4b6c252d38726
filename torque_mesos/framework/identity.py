"""What is remembered: the framework's id, and the port agents know; and that one service runs."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from torque_mesos import durable


class AlreadyRunning(RuntimeError):
    """Another service uses the same state directory."""


class Identity:
    """The framework id, in `<state_dir>/framework-id`."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / "framework-id"

    def read(self) -> str | None:
        """The id, None if there is none yet. Raises OSError if it cannot be read."""
        try:
            return self._path.read_text().strip() or None
        except FileNotFoundError:
            return None

    def write(self, framework_id: str) -> None:
        """Remember the id: it is on the disk when this returns. Raises OSError."""
        durable.write(self._path, framework_id + "\n")

    def forget(self) -> None:
        """Be a new framework next time. Raises OSError."""
        self._path.unlink(missing_ok=True)


class RememberedPort:
    """The port that the bundle was served on last, in `<state_dir>/http-port`.

    It is taken again if it can be: it is in the ExecutorInfo of every running worker, and
    a worker gets further grants only while that stays the same.
    """

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / "http-port"

    def read(self) -> int:
        """The port, 0 if none is known."""
        try:
            text = self._path.read_text().strip()
        except OSError:
            return 0
        return int(text) if text.isascii() and text.isdigit() and int(text) < 65536 else 0

    def write(self, port: int) -> None:
        """Remember it. Raises OSError."""
        self._path.write_text(f"{port}\n")


class Lock:
    """Held while the service runs, `<state_dir>/lock` holds its process id."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / "lock"
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)

    def take(self) -> None:
        """Take it.

        Raises:
            AlreadyRunning: it is held; the message names the holder's process id.
        """
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(
                f"{self._path} is held by process {self.holder()}: one torque-mesos at a time"
                " uses a state directory"
            ) from None
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def holder(self) -> int | None:
        """The process id that the last holder wrote."""
        text = os.pread(self._file, 32, 0).decode(errors="replace").strip()
        return int(text) if text.isdigit() else None

    def held(self) -> bool:
        """Whether another process holds it."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        fcntl.flock(self._file, fcntl.LOCK_UN)
        return False

    def close(self) -> None:
        """Let go of it."""
        os.close(self._file)
