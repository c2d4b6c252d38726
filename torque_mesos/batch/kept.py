"""How often a long list of jobs is read: not more than it is worth.

Jobs are by far the most of what a server tells, and nearly always the same as before. A list
that is read quickly is read each time. A long one is read anew

- when somebody told that something changed, or when the queues' own counts of jobs by state
  did, but after a rest as long as the last reading took: so half of the time at most is spent
  on it;
- and at last, for changes that nobody tells and no count shows (`qalter`), after twenty times
  as long as it took.

Who has changed something, or must know, has the next list read anew whatever it takes: a decision
on what a node lost may not rest on a list from before.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Generic, TypeVar

SHORT_S = 0.25
REST = 1.0
NET = 20.0

_CLOCK = re.compile(r'^\s*"timestamp":.*$', re.MULTILINE)
T = TypeVar("T")


class Kept(Generic[T]):
    """The last list. `read` is for one thread at a time, `changed` for any."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._value: T | None = None
        self._sign: str | None = None
        self._ended_s = 0.0
        self._took_s = 0.0
        self._told = 0
        self._told_before = 0
        self._renewed = 0
        self._renewed_before = 0

    @property
    def short(self) -> bool:
        """Whether it is read each time, whatever the queues tell."""
        return self._value is None or self._took_s < SHORT_S

    def changed(self) -> None:
        """Somebody tells that something changed."""
        self._told += 1

    def renew(self) -> None:
        """The next list is read anew, whatever that takes."""
        self._renewed += 1

    def get(self, read: Callable[[], T], queues: str = "") -> T:
        """The list; `read` reads it anew. `queues`: what was printed of the queues just before.

        Raises what `read` raises.
        """
        sign = _CLOCK.sub("", queues)
        value = self._value
        if value is not None and not self.short and not self._due(sign):
            return value
        told, renewed, begun_s = self._told, self._renewed, self._clock()
        value = read()
        self._value, self._sign = value, sign
        self._told_before, self._renewed_before = told, renewed
        self._ended_s = self._clock()
        self._took_s = self._ended_s - begun_s
        return value

    def _due(self, sign: str) -> bool:
        if self._renewed != self._renewed_before:
            return True
        rested_s = self._clock() - self._ended_s
        if rested_s < REST * self._took_s:
            return False
        news = self._told != self._told_before or sign != self._sign
        return news or rested_s >= NET * self._took_s
