"""Turns of a live run taken again: where does today's code decide otherwise?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torque_mesos.decide import decide
from torque_mesos.framework.codec import CodecError
from torque_mesos.framework.journal import plain_action, read_line


@dataclass(frozen=True, slots=True)
class Difference:
    """A turn that is decided otherwise: actions as plain values, those of both left out.

    Two actions are the same if they do the same, whatever their reasons say.
    """

    turn: int
    at_s: float
    gone: tuple[dict[str, Any], ...]
    new: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A line that is left out."""

    line: int
    why: str


def replay(journal: Path) -> Iterator[Difference | Unreadable | None]:
    """Decide every turn of a `snapshots.jsonl` again; None where the plan does the same.

    Raises:
        OSError: the file cannot be read.
    """
    with journal.open(encoding="utf-8") as lines:
        for number, text in enumerate(lines, 1):
            try:
                written = read_line(text)
            except CodecError as error:
                yield Unreadable(number, str(error))
                continue
            today = [plain_action(a) for a in decide(written.snapshot, written.policy).actions]
            before = {_deed(action): action for action in written.actions}
            now = {_deed(action): action for action in json.loads(json.dumps(today))}
            if before.keys() == now.keys():
                yield None
                continue
            yield Difference(
                written.turn,
                written.at_s,
                gone=tuple(action for deed, action in before.items() if deed not in now),
                new=tuple(action for deed, action in now.items() if deed not in before),
            )


def _deed(action: dict[str, Any]) -> str:
    """What an action does, without why."""
    return json.dumps({k: v for k, v in action.items() if k != "reason"}, sort_keys=True)


def sentence(action: dict[str, Any]) -> str:
    """An action as a person reads it."""
    where = action.get("name") or ", ".join(action.get("names") or ())
    more = [
        f"{key} {action[key]}"
        for key in ("slots", "np", "job_id", "note", "refuse_s")
        if key in action
    ]
    reason = action.get("reason") or {}
    what = " ".join(part for part in (str(action.get("action")), where, *more) if part)
    return f"{what}: {reason.get('text', '')}"
