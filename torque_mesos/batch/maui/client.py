"""Maui's commands, for what an elastic cluster asks of it. Their exit codes are not to be trusted.

`releasehold`, `runjob`, `setspri` and `releaseres` fail with exit code 0, and `maui` itself
does where it cannot start (it has already gone into the background). So what counts is the
text, or what is found afterwards.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from torque_mesos.batch.base import BatchError, ServerUnreachable, UnreadableAnswer
from torque_mesos.batch.commands import Answer, Runner

_COMMAND_S = 30.0
_HELD = re.compile(r"^job (\S+)\s+has the following hold\(s\) in place:\s+(.+?)\s*$", re.MULTILINE)
_NODE = re.compile(r"^(\S+) +([A-Z][A-Za-z]*) +(-?\d+):(\d+) .*", re.MULTILINE)
_CLASS = re.compile(r"\[([^\]\s:]+)_(\d+):(\d+)\]")
_ROOM = re.compile(r"^diagnosing node table \((\d+) slots\)", re.MULTILINE)
_QUEUE_END = "Total Jobs:"
_NODES_BEGIN = "diagnosing node table"
_HOLDS_BEGIN = "Diagnosing blocked jobs"
_NO_JOBS = "cannot evaluate blocked jobs"
_DEFER = "Defer"
_LOST = "lost connection"


class KeyDiffers(BatchError):
    """A Maui listens, and does not talk with these commands: it has another key."""


@dataclass(frozen=True, slots=True, order=True)
class ShortNode:
    """A node with more slots than Maui gives to the jobs of any queue there."""

    name: str
    slots: int
    for_queues: int


@dataclass(frozen=True, slots=True)
class MauiCommands:
    """Maui's commands in `bin_dir`. `runner` gives them `environment`."""

    bin_dir: Path
    runner: Runner

    def answers(self) -> None:
        """Return if Maui answers.

        Raises:
            KeyDiffers: it has another key than its commands.
            BatchError: it does not answer.
        """
        self._ask("showq", expected=_QUEUE_END)

    def deferred(self) -> tuple[str, ...] | None:
        """The jobs that Maui holds because it had no place for them, and for nothing else.

        None where it knows of no job (yet). One that was held so when Maui ended is held for
        ever by the Maui that comes next. Raises `BatchError`.
        """
        text = self._ask("diagnose", "-q")
        if _NO_JOBS in text:
            return None
        if _HOLDS_BEGIN not in text:
            raise UnreadableAnswer(f"diagnose -q: {text.strip()[:200]!r}")
        return tuple(found[1] for found in _HELD.finditer(text) if found[2].split() == [_DEFER])

    def release(self, job_id: str) -> None:
        """Take a job's holds away. It says nothing of whether that worked. Raises `BatchError`."""
        # (It takes an expression: 11[1] would be the job 111.)
        self._ask("releasehold", "-a", re.escape(job_id))

    def short_nodes(self) -> frozenset[ShortNode]:
        """The nodes that had fewer slots when Maui first saw them than they have.

        Their slots follow, those of the queues on them do not: a job that needs more of them
        waits for ever, until Maui is started anew. Raises `BatchError`.
        """
        return short_nodes(self._ask("diagnose", "-n", expected=_NODES_BEGIN))

    def room(self) -> int | None:
        """For how many nodes it was compiled; None where it does not say. Raises `BatchError`."""
        found = _ROOM.search(self._ask("diagnose", "-n", expected=_NODES_BEGIN))
        return int(found.group(1)) if found else None

    def stop(self) -> None:
        """Tell it to end, with all that it knows written to its checkpoint. Raises `BatchError`."""
        self._ask("schedctl", "-k")

    def _ask(self, command: str, *arguments: str, expected: str = "") -> str:
        argv = [str(self.bin_dir / command), *arguments]
        answer = self.runner.run(argv, timeout_s=_COMMAND_S)
        if answer.exit_code != 0:
            raise _failure(answer)
        if expected not in answer.stdout:
            raise UnreadableAnswer(str(answer))
        return answer.stdout


def environment(config: Path) -> dict[str, str]:
    """The variable by which Maui and its commands find `config`, their `maui.cfg`."""
    return {"MAUIHOMEDIR": str(config.parent)}


def short_nodes(text: str) -> frozenset[ShortNode]:
    """The nodes in the answer of `diagnose -n` with fewer slots for queues than slots."""
    found = set()
    for line in _NODE.finditer(text):
        slots = int(line[4])
        classes = [int(item[3]) for item in _CLASS.finditer(line[0])]
        if classes and max(classes) < slots:
            found.add(ShortNode(line[1], slots, max(classes)))
    return frozenset(found)


def _failure(answer: Answer) -> BatchError:
    if _LOST in answer.stderr:
        return KeyDiffers(str(answer))
    return ServerUnreachable(str(answer))
