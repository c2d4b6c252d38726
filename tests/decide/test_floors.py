"""Schedules: floors at some times of some days."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.decide.site import Site, one, some
from torque_mesos.decide.floors import floor_of
from torque_mesos.decide.plan import Launch, Offline
from torque_mesos.decide.pool import DAY_S, Schedule

MONDAY = datetime(2026, 11, 23, tzinfo=UTC).timestamp()
MORNINGS = Schedule(frozenset(range(5)), 27000, 32400, 16)  # 07:30 to 09:00
NIGHT = Schedule(frozenset({4}), 22 * 3600, 6 * 3600, 4)  # Friday's


def at(day: int, hour: float) -> float:
    return MONDAY + day * DAY_S + hour * 3600


@pytest.mark.parametrize(
    ("day", "hour", "slots"),
    [(0, 7.49, 0), (0, 7.5, 16), (0, 8.99, 16), (0, 9, 0), (4, 8, 16), (5, 8, 0), (6, 8, 0),
     (4, 21.9, 0), (4, 22, 4), (5, 5.9, 4), (5, 6, 0), (3, 23, 0)],
)  # fmt: skip
def test_when_a_schedule_holds(day: int, hour: float, slots: int) -> None:
    assert floor_of((MORNINGS, NIGHT), at(day, hour))[0] == slots


def test_the_largest_holds_where_several_do() -> None:
    always = Schedule(frozenset(range(7)), 0, 0, 2)
    assert floor_of((MORNINGS, always), at(0, 8))[0] == 16
    assert floor_of((MORNINGS, always), at(0, 12))[0] == 2


@given(st.floats(0, 14 * DAY_S))
def test_nothing_changes_before_the_time_that_is_told(since: float) -> None:
    schedules = (MORNINGS, NIGHT)
    slots, next_s = floor_of(schedules, MONDAY + since)
    assert MONDAY + since < next_s <= MONDAY + since + DAY_S
    for part in (0.0, 0.5, 0.999):
        between = MONDAY + since + part * (next_s - MONDAY - since)
        if between < next_s:
            assert floor_of(schedules, between)[0] == slots


def test_a_schedule_follows_the_local_clock_and_asks_for_a_turn() -> None:
    site = Site().rules(schedules=(Schedule(frozenset(range(5)), 27000, 32400, 3),))
    site.parked("n1", offered=4)
    utc = at(0, 6.5)
    assert not some(site.plan(wall_s=utc), Launch)
    assert site.plan(wall_s=utc).again_s == site.now_s + 3600
    assert one(site.plan(wall_s=utc, offset_s=3600.0), Launch).slots == 3
    assert not some(site.plan(), Launch)  # the time is not known


def test_a_floor_that_is_over_lets_nodes_go() -> None:
    site = Site().rules(schedules=(MORNINGS,)).online("n1").remembers(idle_since={"n1": 0.0})
    assert not some(site.plan(wall_s=at(0, 8)), Offline)
    assert some(site.plan(wall_s=at(0, 9)), Offline)
    assert timedelta(seconds=MORNINGS.until_s) == timedelta(hours=9)
