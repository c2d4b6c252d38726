"""The journal of plans: `plans.jsonl`, one JSON object for each turn that did something."""

from __future__ import annotations

import json
import logging
import logging.handlers
from dataclasses import fields
from pathlib import Path
from typing import Any

import structlog

from torque_mesos.decide.plan import Action
from torque_mesos.decide.reason import Reason
from torque_mesos.framework.loop import Published
from torque_mesos.model import Resources

NAME = "plans.jsonl"
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


class PlanJournal:
    """Appends to `directory/plans.jsonl`; five files of 16 MiB at most are kept."""

    def __init__(self, directory: Path) -> None:
        self._handler = _Handler(
            directory / NAME, maxBytes=_MAX_BYTES, backupCount=_KEEP, delay=True, encoding="utf-8"
        )

    @property
    def lost(self) -> int:
        """How many plans could not be written."""
        return self._handler.lost

    def write(self, published: Published) -> None:
        """Write what a turn did and why. Never raises OSError."""
        lost = self._handler.lost
        line = {
            "at": published.wall_s,
            "turn": published.turns,
            "actions": [_action(action) for action in published.plan.actions],
            "errors": list(published.action_errors),
        }
        text = json.dumps(line, separators=(",", ":"))
        record = logging.LogRecord("plans", logging.INFO, "", 0, text, None, None)
        self._handler.handle(record)
        if self._handler.lost == lost:
            self._handler.failing = False

    def close(self) -> None:
        """Close the file."""
        self._handler.close()


def _action(action: Action) -> dict[str, Any]:
    values = {field.name: _plain(getattr(action, field.name)) for field in fields(action)}
    return {"action": type(action).__name__, **values}


def _plain(value: object) -> object:
    if isinstance(value, Reason):
        return {"code": value.code.value, "text": value.text, "numbers": dict(value.numbers)}
    if isinstance(value, Resources):
        return {"cpus": value.cpus, "mem_mb": value.mem_mb}
    if isinstance(value, (frozenset, tuple)):
        return sorted(value) if isinstance(value, frozenset) else list(value)
    return value
