"""Waiting for what must come: a condition with a deadline, never a sleep for luck."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_for(
    condition: Callable[[], T], deadline_s: float, what: str, *, interval_s: float = 0.05
) -> T:
    """Call `condition` until its value is true, and give that value.

    Raises:
        AssertionError: `deadline_s` seconds passed; names `what` and the last value.
    """
    end = time.monotonic() + deadline_s
    while True:
        late = time.monotonic() >= end
        value = condition()
        if value:
            return value
        if late:
            raise AssertionError(f"after {deadline_s:g} s, still not: {what} (last: {value!r})")
        time.sleep(interval_s)
