"""Answers that were recorded from real servers, and a runner that gives them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from torque_mesos.batch.commands import Answer

DATA = Path(__file__).parent.parent / "data"


def recorded(name: str, server: str = "torque") -> Answer:
    """The answer in `tests/data/SERVER/NAME.txt`, as the command's reader would see it."""
    text = (DATA / server / f"{name}.txt").read_bytes().decode(errors="replace")
    head, _, rest = text.partition("--- stdout\n")
    stdout, _, stderr = rest.partition("--- stderr\n")
    lines = head.splitlines()
    command = lines[0].removeprefix("$ ").partition("  #")[0]
    exit_code = next(int(line.split()[1]) for line in lines if line.startswith("exit: "))
    return Answer((f"/bin/{command.split()[0]}",), exit_code, stdout, stderr)


def said(exit_code: int = 0, stdout: str = "", stderr: str = "") -> Answer:
    """An answer of these texts."""
    return Answer(("x",), exit_code, stdout, stderr)


@dataclass
class FakeRunner:
    """Gives prepared answers and remembers what was asked.

    `answers` are tried in order: the first whose beginning the command has answers it.
    A command that nothing answers succeeds silently, as most of the server's do.
    """

    answers: list[tuple[tuple[str, ...], Answer | Exception | Callable[[], Answer]]] = field(
        default_factory=list
    )
    asked: list[tuple[str, ...]] = field(default_factory=list)
    timeouts: list[float] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, *command: str, by: Answer | Exception | Callable[[], Answer]) -> None:
        """Answer commands that begin with `command` so, before all that was said earlier."""
        self.answers.insert(0, (command, by))

    def run(self, argv: Sequence[str], *, timeout_s: float) -> Answer:
        command = (Path(argv[0]).name, *argv[1:])
        with self._lock:
            self.asked.append(command)
            self.timeouts.append(timeout_s)
        for beginning, answer in self.answers:
            if command[: len(beginning)] == beginning:
                if isinstance(answer, Exception):
                    raise answer
                said = answer() if callable(answer) else answer
                return Answer(tuple(argv), said.exit_code, said.stdout, said.stderr)
        return Answer(tuple(argv), 0, "", "")

    def changes(self) -> list[tuple[str, ...]]:
        """What was asked that changes something."""
        marks = (("-o",), ("-c",), ("-r",))
        return [c for c in self.asked if c[0] in ("qmgr", "qrerun") or c[1:2] in marks]
