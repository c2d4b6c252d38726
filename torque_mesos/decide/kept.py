"""What is kept from one decision to the next, so that only what changed is looked at again.

It never changes a plan: what is kept goes by the identity of frozen values, and follows from
nothing else. `forget` empties all of it.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Mapping
from typing import Generic, NamedTuple, Protocol, TypeVar

from torque_mesos.model import thawed

T = TypeVar("T")


class Kept(Generic[T]):
    """What one module keeps, as one value that is replaced as a whole and never changed."""

    def __init__(self, empty: T) -> None:
        self._empty = empty
        self.value = empty
        _forget.append(self._clear)

    def _clear(self) -> None:
        self.value = self._empty


class _Cached(Protocol):
    def cache_clear(self) -> None:
        """Forget what a function gave."""


C = TypeVar("C", bound=_Cached)
_forget: list[Callable[[], None]] = []


def forgettable(function: C) -> C:
    """A function whose cache `forget` empties, too."""
    _forget.append(function.cache_clear)
    return function


def forget() -> None:
    """Decide as if it were for the first time."""
    for each in _forget:
        each()


def news(now: tuple[T, ...], before: tuple[T, ...]) -> tuple[tuple[T, ...], tuple[T, ...]]:
    """What came and what went between two tuples: their middles, between what is the very same."""
    if now is before:
        return (), ()
    short = min(len(now), len(before))
    differ = map(operator.is_not, now, before)
    first = next(itertools.compress(itertools.count(), differ), short)
    differ = map(operator.is_not, reversed(now), reversed(before))
    last = min(next(itertools.compress(itertools.count(), differ), short), short - first)
    return now[first : len(now) - last], before[first : len(before) - last]


class Listed(NamedTuple, Generic[T]):
    """The values of a tuple by their names; of two with one name the last.

    `found`: those that are wanted; `left_out`: the others. Nobody may change them: they are kept.
    `changed`: the names of those in `found` that are not as in `before`, which has the same names.
    """

    values: tuple[T, ...]
    unwanted: frozenset[str | None]
    found: Mapping[str, T]
    left_out: Mapping[str, T]
    before: Mapping[str, T] | None = None
    changed: tuple[str, ...] = ()


class Named(Generic[T]):
    """Sorts the values of tuples by their names, those that have the attribute `name`."""

    def __init__(self, name: str) -> None:
        self._name: Callable[[T], str] = operator.attrgetter(name)
        self._last = Kept(Listed[T]((), frozenset(), {}, {}))

    def of(self, values: tuple[T, ...], unwanted: frozenset[str | None]) -> Listed[T]:
        """By name; the very same mappings as before where the values are."""
        last, name = self._last.value, self._name
        if values is last.values and unwanted == last.unwanted:
            return last
        new, old = news(values, last.values)
        distinct = len(last.values) == len(last.found) + len(last.left_out)
        if unwanted == last.unwanted and distinct and list(map(name, new)) == list(map(name, old)):
            found, left_out = thawed(last.found), thawed(last.left_out)
            for one in new:
                (left_out if name(one) in unwanted else found)[name(one)] = one
            changed = tuple([each for each in map(name, new) if each in found])
            listed = Listed(values, unwanted, found, left_out, last.found, changed)
        else:
            every = {name(one): one for one in values}
            left_out = {
                each: every[each] for each in unwanted if each is not None and each in every
            }
            found = {each: one for each, one in every.items() if each not in left_out}
            listed = Listed(values, unwanted, found, left_out)
        self._last.value = listed
        return listed
