"""Daemons that are started here and do not outlive this process, nor does what they start."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, Self

SUPERVISOR = Path(__file__).with_name("supervisor.py")


class SupervisedError(Exception):
    """A daemon could not be started, or the supervisor is not there."""


class Daemons(Protocol):
    """Daemons by name. See `Supervised`."""

    def start(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], log: Path
    ) -> int:
        """Start a daemon."""

    def signal(self, name: str, number: int) -> bool:
        """Send a signal to a daemon."""

    def running(self) -> dict[str, int]:
        """Process ids of the daemons that run."""

    def ended(self) -> dict[str, int]:
        """Exit codes of the daemons that ended."""

    def stop(self) -> None:
        """Kill all daemons and all that came of them."""


class Supervised:
    """Daemons by name, under a supervisor process (see `supervisor`) that this one drives.

    `stop`, or the end of this process however it comes, kills every descendant of the
    daemons, also those that made themselves daemons. Safe to use from several threads.
    """

    def __init__(self) -> None:
        # A session of its own, so that Ctrl-C reaches this process alone, which then decides.
        self._process: subprocess.Popen[str] | None = subprocess.Popen(
            [sys.executable, "-I", str(SUPERVISOR)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], log: Path
    ) -> int:
        """Start a daemon; its output is appended to `log`. Gives its process id.

        Raises:
            SupervisedError: one of that name runs, or the command cannot be run.
        """
        pid: int = self._ask(
            {
                "do": "start",
                "name": name,
                "command": list(command),
                "env": dict(environment),
                "log": str(log),
            }
        )["pid"]
        return pid

    def signal(self, name: str, number: int) -> bool:
        """Send a signal to a daemon; false if it does not run. After SIGKILL it is gone."""
        sent: bool = self._ask({"do": "signal", "name": name, "signal": int(number)})["sent"]
        return sent

    def running(self) -> dict[str, int]:
        """Process ids of the daemons that run."""
        running: dict[str, int] = self._ask({"do": "list"})["running"]
        return running

    def ended(self) -> dict[str, int]:
        """Exit codes of the daemons that ended; below 0: the signal."""
        ended: dict[str, int] = self._ask({"do": "list"})["ended"]
        return ended

    def stop(self) -> None:
        """Kill all daemons and all that came of them. Returns when none is left."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(BrokenPipeError):  # it has ended already
            process.stdin.close()
        process.wait()
        process.stdout.close()

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        process = self._process
        if process is None:
            raise SupervisedError("the supervisor is stopped")
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            with self._lock:
                process.stdin.write(json.dumps(request) + "\n")
                process.stdin.flush()
                line = process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise SupervisedError(f"the supervisor ended with code {process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise SupervisedError(f"{request.get('name')}: {answer['error']}")
        return answer
