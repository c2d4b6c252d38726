"""One kind of daemon: how it is found, started, looked after and asked to end."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from torque_mesos.batch import processes
from torque_mesos.batch.processes import Identity


@dataclass(frozen=True, slots=True)
class Command:
    """What starts a daemon in the foreground; `stdin` is all that it can read."""

    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    stdin: bytes = b""


class Daemon:
    """A daemon as most are: it needs nothing but its command, and ends by SIGTERM.

    `home`: it works there (None: one serves the whole host); `program`: as processes name it.
    """

    name: str

    def __init__(
        self,
        name: str,
        command: Command | None = None,
        home: Path | None = None,
        *,
        program: str | None = None,
    ) -> None:
        self.name = name
        self._command = command or Command(())
        self._home = home
        self._program = program or name

    def find(self) -> Identity | None:
        """One that somebody else has started."""
        return processes.find(self._program, self._home)

    def command(self) -> Command:
        """What starts it. Called right before that, each time.

        Raises:
            DaemonFailed: it may not be started.
        """
        return self._command

    def answers(self) -> None:
        """Return if it does its work; what needs it is started after that.

        Raises:
            BatchError: it does not yet.
        """

    def settle(self) -> None:
        """Do what must be done once it answers after a start. Doing that again does nothing.

        Raises:
            BatchError: it is to be tried again.
        """

    def outdated(self, now_s: float) -> str:  # noqa: ARG002 (for those that look seldom)
        """Why it must be started anew though it runs; empty if it need not.

        Raises:
            BatchError: it cannot be asked.
        """
        return ""

    def ask_to_end(self, process: psutil.Process, timeout_s: float) -> None:  # noqa: ARG002
        """Tell it to end; it may take its time."""
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGTERM)

    def clear(self) -> None:
        """Take away what its start has left beside it. Raises OSError."""
