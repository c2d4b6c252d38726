"""Limits, and the floor."""

from __future__ import annotations

import pytest

from tests.decide.site import (
    NOW_S,
    Site,
    codes,
    one,
    some,
)
from torque_mesos.decide import Limit
from torque_mesos.decide.plan import (
    Launch,
    Offline,
    Online,
    Revive,
)
from torque_mesos.decide.reason import Code
from torque_mesos.model import frozen_map

LONG_AGO = NOW_S - 500.0


@pytest.mark.parametrize(
    ("limit", "slots"),
    [
        (Limit(), [4, 4]),
        (Limit(nodes=1), [4]),
        (Limit(cpus=5), [4]),
        (Limit(mem_mb=5 * 1024), [4]),
        (Limit(cpus=8, nodes=2), [4, 4]),
    ],
)
def test_limits(limit: Limit, slots: list[int]) -> None:
    site = Site().rules(limit=limit).parked("n1", offered=4).parked("n2", offered=4)
    plan = site.asks("1:ppn=4").asks("1:ppn=4").plan()
    assert [launch.slots for launch in some(plan, Launch)] == slots
    assert list(codes(plan).values()).count(Code.AT_LIMIT) == 2 - len(slots)


def test_a_smaller_job_behind_one_at_the_limit_is_served() -> None:
    site = Site().rules(limit=Limit(cpus=5)).parked("n1", offered=4).parked("n2", offered=4)
    plan = site.asks("1:ppn=4").asks("1:ppn=4").asks("1").plan()
    assert [launch.slots for launch in some(plan, Launch)] == [4, 1]


def test_a_worker_whose_record_is_unreadable_counts_for_the_limit() -> None:
    site = Site(unreadable=frozenset({"n1"})).rules(limit=Limit(nodes=1))
    plan = site.online("n1").parked("n2", offered=4).asks("1").plan()
    assert not some(plan, Launch)


def test_the_floor_is_started_and_kept() -> None:
    plan = Site().rules(floor_slots=3).parked("n1", offered=4).plan()
    assert (one(plan, Launch).slots, one(plan, Launch).reason.code) == (3, Code.FLOOR)
    kept = Site().rules(floor_slots=3).online("n1", 3)
    kept.remembers(idle_since=frozen_map({"n1": LONG_AGO}))
    assert not some(kept.plan(), Offline)
    assert kept.plan().nodes["n1"].code is Code.FLOOR


def test_what_is_beyond_the_floor_goes() -> None:
    site = Site().rules(floor_slots=4).online("n1").online("n2")
    site.remembers(idle_since=frozen_map({"n1": LONG_AGO, "n2": LONG_AGO - 1}))
    assert one(site.plan(), Offline).name == "n2", "the one that is idle longest"


def test_offers_are_wanted_for_the_floor() -> None:
    plan = Site(suppressed=True).rules(floor_slots=2).parked("n1").plan()
    assert some(plan, Revive)


def test_the_limit_is_nearer_than_the_floor() -> None:
    site = Site().rules(floor_slots=8, limit=Limit(cpus=3)).parked("n1", offered=4)
    assert one(site.plan(), Launch).slots == 3
    full = Site(suppressed=True).rules(floor_slots=8, limit=Limit(cpus=3)).online("n1", 3)
    assert full.plan().actions == ()


def test_a_draining_worker_is_taken_back_for_the_floor() -> None:
    plan = Site().rules(floor_slots=4).draining("n1").parked("n2", offered=4).plan()
    assert one(plan, Online).names == ("n1",)
    assert not some(plan, Launch)


def test_jobs_come_before_the_floor() -> None:
    site = Site().rules(floor_slots=1, limit=Limit(nodes=1)).online("n1", 1, size=1)
    site.parked("n2").asks("1:ppn=4")
    assert one(site.plan(), Offline).reason.code is Code.MAKES_ROOM
    # and the floor takes no part of the host that the job waits for
    after = Site().rules(floor_slots=1).parked("n1", offered=3).asks("1:ppn=4")
    assert not some(after.plan(), Launch)


def test_at_the_limit_of_nodes_a_worker_may_still_grow() -> None:
    site = Site().rules(limit=Limit(nodes=1)).online("n1", 1, jobs={0: "r"}).asks("1")
    plan = site.plan(suppressed=True)
    assert plan.jobs["0.head"].code is Code.WAITING_FOR_OFFERS
    assert some(plan, Revive)
    assert one(site.offer("n1", 3).plan(), Launch).executor_id
