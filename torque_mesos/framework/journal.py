"""The journals of turns: `plans.jsonl`, one JSON object for each turn that did something; and,
where the settings ask for it, `snapshots.jsonl` with what those turns knew.
"""

from __future__ import annotations

import base64
import json
import logging
import logging.handlers
import zlib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import structlog

from torque_mesos.decide import Policy, Snapshot
from torque_mesos.decide.plan import Action, Part
from torque_mesos.decide.reason import Reason
from torque_mesos.framework.codec import CodecError, plain, read
from torque_mesos.framework.published import Published
from torque_mesos.model import Resources

NAME = "plans.jsonl"
SNAPSHOTS = "snapshots.jsonl"
_MAX_BYTES = 16 * 2**20
_KEEP = 4
_log = structlog.get_logger(__name__)


class _Handler(logging.handlers.RotatingFileHandler):
    """A file that cannot be written is told of once, and never stops the service."""

    failing = False
    lost = 0

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802
        self.lost += 1
        if not self.failing:
            self.failing = True
            _log.exception("the plan journal cannot be written", file=self.baseFilename)


class _Journal:
    """Appends lines to a file; five files of 16 MiB at most are kept."""

    def __init__(self, file: Path) -> None:
        self._handler = _Handler(
            file, maxBytes=_MAX_BYTES, backupCount=_KEEP, delay=True, encoding="utf-8"
        )

    @property
    def lost(self) -> int:
        """How many lines could not be written."""
        return self._handler.lost

    def append(self, line: dict[str, Any]) -> None:
        """Write a line. Never raises OSError."""
        lost = self._handler.lost
        text = json.dumps(line, separators=(",", ":"))
        record = logging.LogRecord("plans", logging.INFO, "", 0, text, None, None)
        self._handler.handle(record)
        if self._handler.lost == lost:
            self._handler.failing = False

    def close(self) -> None:
        """Close the file."""
        self._handler.close()


class PlanJournal(_Journal):
    """`directory/plans.jsonl`."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory / NAME)

    def write(self, published: Published) -> None:
        """Write what a turn did and why. Never raises OSError."""
        self.append(
            {
                "at": published.wall_s,
                "turn": published.turns,
                "actions": [plain_action(action) for action in published.plan.actions],
                "errors": list(published.action_errors),
            }
        )


class SnapshotJournal(_Journal):
    """`directory/snapshots.jsonl`, which `torque-mesos replay` reads.

    A snapshot of 300 jobs and 40 nodes takes some 5 kB there.
    """

    def __init__(self, directory: Path) -> None:
        super().__init__(directory / SNAPSHOTS)

    def write(self, published: Published, policy: Policy) -> None:
        """Write what a turn knew and did. Never raises OSError."""
        self.append(line_of(published, policy))


class Journals:
    """Both of them, or the first alone."""

    def __init__(self, directory: Path, *, snapshots: bool) -> None:
        self._plans = PlanJournal(directory)
        self._snapshots = SnapshotJournal(directory) if snapshots else None

    @property
    def lost(self) -> int:
        """How many lines could not be written."""
        return self._plans.lost + (self._snapshots.lost if self._snapshots else 0)

    def write(self, published: Published, policy: Policy) -> None:
        """Write what a turn did. Never raises OSError."""
        self._plans.write(published)
        if self._snapshots is not None:
            self._snapshots.write(published, policy)

    def close(self) -> None:
        """Close the files."""
        self._plans.close()
        if self._snapshots is not None:
            self._snapshots.close()


@dataclass(frozen=True, slots=True)
class Written:
    """One line of `snapshots.jsonl`. `actions` are plain values."""

    at_s: float
    turn: int
    policy: Policy
    snapshot: Snapshot
    actions: tuple[dict[str, Any], ...]


def line_of(published: Published, policy: Policy) -> dict[str, Any]:
    """A turn as a line of `snapshots.jsonl` has it: what it knew, and what it did."""
    text = json.dumps(plain(published.snapshot), separators=(",", ":"))
    return {
        "at": published.wall_s,
        "turn": published.turns,
        "policy": plain(policy),
        "actions": [plain_action(action) for action in published.plan.actions],
        "snapshot": base64.b64encode(zlib.compress(text.encode())).decode("ascii"),
    }


def read_line(text: str) -> Written:
    """Read a line of `snapshots.jsonl`.

    Raises:
        CodecError: it cannot be read.
    """
    try:
        line = json.loads(text)
        snapshot = json.loads(zlib.decompress(base64.b64decode(line["snapshot"])))
        return Written(
            at_s=float(line["at"]),
            turn=int(line["turn"]),
            policy=read(Policy, line["policy"]),
            snapshot=read(Snapshot, snapshot),
            actions=tuple(line["actions"]),
        )
    except CodecError:
        raise
    except (ValueError, KeyError, TypeError, zlib.error) as error:
        shown = text if len(text) <= 60 else f"{text[:60]}..."
        raise CodecError(f"{shown!r} is no line of a journal of snapshots: {error}") from error


def plain_action(action: Action) -> dict[str, Any]:
    """An action as JSON has it."""
    values = {field.name: _plain(getattr(action, field.name)) for field in fields(action)}
    return {"action": type(action).__name__, **values}


def _plain(value: object) -> object:
    if isinstance(value, Reason):
        return {"code": value.code.value, "text": value.text, "numbers": dict(value.numbers)}
    if isinstance(value, Resources):
        return {"cpus": value.cpus, "mem_mb": value.mem_mb}
    if isinstance(value, Part):
        return {"slots": value.slots, "resources": _plain(value.resources)}
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value
