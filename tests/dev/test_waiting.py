"""The helper that all waiting tests stand on."""

from __future__ import annotations

import itertools

import pytest

from tests.waiting import wait_for


def test_gives_the_first_true_value() -> None:
    values = iter([0, "", [], "there", "later"])
    assert wait_for(lambda: next(values), 5, "a value", interval_s=0) == "there"


def test_names_what_and_the_last_value() -> None:
    counter = itertools.count()

    def never() -> bool:
        next(counter)
        return False

    with pytest.raises(AssertionError, match=r"still not: the flood \(last: False\)"):
        wait_for(never, 0.01, "the flood", interval_s=0.001)
    assert next(counter) > 1


def test_asks_once_more_at_the_deadline() -> None:
    assert wait_for(lambda: 7, 0, "a number") == 7
