"""Waits that grow."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from torque_mesos.mesos.backoff import Backoff


def test_waits_double_up_to_the_longest() -> None:
    backoff = Backoff(first_s=1, most_s=10, chance=lambda: 0.0)
    assert [backoff.next_s() for _ in range(6)] == [1, 2, 4, 8, 10, 10]
    backoff.reset()
    assert backoff.next_s() == 1


@given(st.floats(0, 1, exclude_max=True), st.integers(0, 5000))
def test_chance_shortens_by_a_half_at_most(chance: float, attempts: int) -> None:
    backoff = Backoff(first_s=1, most_s=10, chance=lambda: chance)
    backoff.attempts = attempts
    longest = min(10, 2 ** min(attempts, 10))
    assert longest / 2 <= backoff.next_s() <= longest
