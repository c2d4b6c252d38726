"""How many members of an array are in which state, counted as they change.

An array may have 100,000 members: none of them is looked at to know how the others are.
"""

from __future__ import annotations

import heapq
from typing import Callable, Dict, List, Optional, Tuple

from .records import COMPLETE, EXITING, HELD, QUEUED, RUNNING, Job

# The state, whether it waits for a slot, and whether it has failed.
Kind = Tuple[str, bool, bool]


def _kind(job: Job) -> Kind:
    return job.state, "l" in job.hold, bool(job.exit_status)


class Tally:
    """The members of one array."""

    def __init__(self) -> None:
        self._kinds: Dict[int, Kind] = {}
        self._counts: Dict[Kind, int] = {}
        # Those that wait for a slot, and some that did.
        self._waiting: List[int] = []

    def note(self, job: Job) -> None:
        """A member is new or has changed."""
        index, kind = int(job.array_id or 0), _kind(job)
        if self._kinds.get(index) == kind:
            return
        self.drop(job)
        self._kinds[index] = kind
        self._counts[kind] = self._counts.get(kind, 0) + 1
        if kind[:2] == (HELD, True):
            heapq.heappush(self._waiting, index)

    def drop(self, job: Job) -> None:
        """A member is forgotten."""
        kind = self._kinds.pop(int(job.array_id or 0), None)
        if kind is not None:
            self._counts[kind] -= 1

    def __len__(self) -> int:
        return len(self._kinds)

    def _sum(self, wanted: Callable[[Kind], bool]) -> int:
        return sum(count for kind, count in self._counts.items() if wanted(kind))

    @property
    def idle(self) -> int:
        """How many are queued."""
        return self._sum(lambda kind: kind[0] == QUEUED)

    @property
    def holding(self) -> int:
        """How many have a slot of the array's limit."""
        return self._sum(lambda kind: kind[0] != COMPLETE and not kind[1])

    @property
    def started(self) -> bool:
        """Whether all have begun at least."""
        return self._sum(lambda kind: kind[0] in (RUNNING, EXITING, COMPLETE)) == len(self)

    @property
    def ended(self) -> int:
        """How many are over."""
        return self._sum(lambda kind: kind[0] == COMPLETE)

    @property
    def failed(self) -> int:
        """How many are over, and not with 0."""
        return self._sum(lambda kind: kind[0] == COMPLETE and kind[2])

    @property
    def state(self) -> str:
        """The state of the array as a whole."""
        if self._sum(lambda kind: kind[0] in (RUNNING, EXITING)):
            return RUNNING
        return COMPLETE if len(self) and self.ended == len(self) else QUEUED

    def next_waiting(self) -> Optional[int]:
        """The first that waits for a slot."""
        while self._waiting:
            kind = self._kinds.get(self._waiting[0])
            if kind is not None and kind[:2] == (HELD, True):
                return self._waiting[0]
            heapq.heappop(self._waiting)
        return None
