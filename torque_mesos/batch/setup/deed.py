"""Doing what is wished for, and taking it back."""

from __future__ import annotations

import enum
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from torque_mesos.batch.base import Refused
from torque_mesos.batch.setup.record import Entry, SetupRecord
from torque_mesos.batch.setup.wish import Change, Needs, Present, Thing, Wish, changes


class Desk(Protocol):
    """A batch server as it is set up. Every method raises `BatchError`; see its subclasses."""

    def present(self, *, whole: bool) -> Present:
        """What is there; with `whole` also nodes, resources, files and jobs."""

    def wishes(self, needs: Needs, present: Present) -> Sequence[Wish | Thing | Change]:
        """What is wished for, in the order in which it is to be done."""

    def remarks(self, needs: Needs, present: Present) -> Sequence[str]:
        """What is left alone, and why."""

    def do(self, change: Change) -> None:
        """Do it. Raises Refused, or OSError for a file."""

    def undo(self, change: Change) -> str:
        """Take it back; says what is different from before all the same, if anything is."""

    def keeps_jobs(self, change: Change) -> bool:
        """Whether jobs that wait may be lost when it is taken back."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done, and what was refused, with the server's words."""

    done: tuple[Change, ...]
    refused: tuple[tuple[Change, str], ...]


class Fate(enum.Enum):
    """What became of a change that was to be taken back."""

    RESTORED = "restored"
    CHANGED_SINCE = "left: somebody has changed it since"
    KEPT = "kept for now"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Undone:
    """One change that was to be taken back. `now`: what is there instead of what we set."""

    change: Change
    fate: Fate
    now: str | None = None
    detail: str = ""


def plan(desk: Desk, needs: Needs) -> tuple[list[Change], list[str]]:
    """What is to be done, and the remarks. Changes nothing."""
    present = desk.present(whole=True)
    return changes(desk.wishes(needs, present), present), list(desk.remarks(needs, present))


def apply(
    desk: Desk,
    wanted: Sequence[Change],
    record: SetupRecord,
    *,
    clock: Callable[[], float] = time.time,
) -> Outcome:
    """Do all of it; what is refused stops nothing that comes after it."""
    done: list[Change] = []
    refused: list[tuple[Change, str]] = []
    for change in wanted:
        before = record.entries()
        record.intend(change, clock())
        try:
            desk.do(change)
        except (Refused, OSError) as error:
            record.put_back(before)
            refused.append((change, str(error)))
        else:
            done.append(change)
            if change.kind == "make":  # as it was made: what is set on it comes later
                record.settle(desk.present(whole=True))
    if done:
        record.settle(desk.present(whole=any(change.kind == "line" for change in done)))
    return Outcome(tuple(done), tuple(refused))


def prepare(desk: Desk, needs: Needs, record: SetupRecord) -> None:
    """Do what an elastic cluster cannot do without. Raises Refused."""
    present = desk.present(whole=False)
    vital = [
        wish for wish in desk.wishes(needs, present) if not isinstance(wish, Change) and wish.vital
    ]
    wanted = changes(vital, present)
    if not wanted:
        return
    with record.locked():
        outcome = apply(desk, wanted, record)
    if outcome.refused:
        raise Refused("; ".join(text for _, text in outcome.refused))


def undo(desk: Desk, record: SetupRecord) -> list[Undone]:
    """Take back what was changed, the last first."""
    return [_undo(desk, record, entry) for entry in reversed(record.entries())]


def _undo(desk: Desk, record: SetupRecord, entry: Entry) -> Undone:
    change = entry.change
    present = desk.present(whole=True)
    now = present.shown(*entry.key)  # type: ignore[arg-type]
    if now == change.old:
        record.forget(entry)
        return Undone(change, Fate.RESTORED, now, "it was so already")
    if now not in (entry.shown, change.new):
        record.forget(entry)
        return Undone(change, Fate.CHANGED_SINCE, now)
    if present.waiting and desk.keeps_jobs(change):
        detail = f"{present.waiting} jobs wait, which the scheduler might delete without it"
        return Undone(change, Fate.KEPT, now, detail)
    try:
        detail = desk.undo(change)
    except (Refused, OSError) as error:
        return Undone(change, Fate.FAILED, now, str(error))
    record.forget(entry)
    return Undone(change, Fate.RESTORED, now, detail)
