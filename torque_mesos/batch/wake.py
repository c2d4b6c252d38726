"""Tells at once that jobs or nodes may have changed, from OpenPBS' hook (`wake_hook`).

The hook sends a datagram to a socket of ours. What it says does not matter: the receiver
reads jobs and nodes. Anybody who may write to the socket can do no more than wake us.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import structlog

from torque_mesos.batch.setup.record import SetupRecord
from torque_mesos.batch.wake_hook import TARGET

_AT_ONCE = 1024
_NO_HOOK = "OpenPBS has no hook of ours (as root on its host: torque-mesos setup-server)"
_log = structlog.get_logger(__name__)


class HookWatcher:
    """Listens at a socket with a thread of its own.

    `on_change` is called in that thread, once for all that had come; it must only tell
    somebody else. `record` tells whether the hook was made by `setup-server`; one that
    somebody else made is known from its first datagram on.
    """

    def __init__(self, path: Path, on_change: Callable[[], None], record: SetupRecord) -> None:
        self._path = path
        self._on_change = on_change
        self._record = record
        self._heard = False
        self._failure: str | None = "the watch has not begun"
        self._socket: socket.socket | None = None
        self._stop_read, self._stop_write = -1, -1
        self._thread: threading.Thread | None = None

    @property
    def problem(self) -> str | None:
        """Why no hook tells of changes; None if one does."""
        if self._failure is not None:
            return self._failure
        return None if self._heard or self.installed() else _NO_HOOK

    def installed(self) -> bool:
        """Whether `setup-server` has made the hook, and it was not taken back."""
        try:
            entries = self._record.entries()
        except OSError:
            return False
        return any(entry.change.target == TARGET for entry in entries)

    def start(self) -> None:
        """Begin to listen. A socket that cannot be made is a `problem`."""
        if self._thread is not None:
            raise RuntimeError("the watcher runs already")
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        try:
            self._path.unlink(missing_ok=True)  # of a service that was killed
            listener.bind(str(self._path))
            self._path.chmod(0o600)  # root, as which the server runs, may write all the same
        except OSError as error:
            listener.close()
            self._failure = f"{self._path} cannot be listened at: {error.strerror or error}"
            _log.warning("no hook is heard", reason=self._failure)
            return
        listener.setblocking(False)
        self._socket, self._failure = listener, None
        self._stop_read, self._stop_write = os.pipe2(os.O_CLOEXEC)
        self._thread = threading.Thread(target=self._run, name="hook-watcher", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the watch and wait for the thread's end. Doing it again is no error."""
        if self._thread is None or self._socket is None:
            return
        os.write(self._stop_write, b"x")
        self._thread.join()
        self._socket.close()
        self._path.unlink(missing_ok=True)
        os.close(self._stop_read)
        os.close(self._stop_write)
        self._thread = self._socket = None
        self._failure = "the watch has ended"

    def _run(self) -> None:
        assert self._socket is not None
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        poll.register(self._stop_read, select.POLLIN)
        while not any(number == self._stop_read for number, _ in poll.poll()):
            with contextlib.suppress(BlockingIOError):
                for _ in range(_AT_ONCE):
                    self._socket.recv(16)
                    self._heard = True
            self._on_change()
