"""Offers that no launch took, and when Mesos is asked for more."""

from __future__ import annotations

import pytest

from tests.decide.site import (
    DOWN,
    NEW,
    NOW_S,
    OFFLINE,
    Site,
    kinds,
    one,
    some,
)
from torque_mesos.decide.plan import (
    Decline,
    Revive,
)
from torque_mesos.decide.reason import Code
from torque_mesos.decide.worker import (
    PARKED_NOTE,
)


def test_offers_nobody_wants() -> None:
    plan = Site().parked("n1", offered=4).plan()
    assert kinds(plan) == ["Decline", "Suppress"]
    assert one(plan, Decline).refuse_s == 3600.0


@pytest.mark.parametrize(
    ("site", "code"),
    [
        (
            Site().rules(generation="g2").online("n1", 1, jobs={0: "r"}).offer("n1", 3),
            Code.ALREADY_HELD,
        ),
        (Site().parked("n1", 2).offer("n1", 0.5), Code.TOO_SMALL),
        (Site().parked("n1", 8, offered=2), Code.TOO_SMALL),
        (
            Site().agent("n1").node("n1", 4, (DOWN, OFFLINE, NEW), PARKED_NOTE).offer("n1", 4),
            Code.NOT_PARKED,
        ),
        (Site(unreadable=frozenset({"n1"})).parked("n1", offered=4), Code.NOT_PARKED),
        (Site().offer("unlisted", 4), Code.NOT_PARKED),
    ],
)
def test_offers_that_cannot_be_used(site: Site, code: Code) -> None:
    plan = site.parked("n9", 8).asks("1:ppn=4").plan()
    assert one(plan, Decline).reason.code is code


def test_an_incomplete_set_of_offers_is_held_for_a_moment() -> None:
    site = Site().parked("n1", offered=4).parked("n2").asks("2:ppn=4")
    plan = site.plan()
    assert not some(plan, Decline)
    assert plan.again_s == NOW_S + site.policy.offer_hold_s
    late = Site().parked("n1").offer("n1", 4, age_s=5.0).parked("n2").asks("2:ppn=4").plan()
    assert one(late, Decline).reason.code is Code.INCOMPLETE


def test_what_could_complete_a_job_brings_back_what_was_refused_for_it() -> None:
    """n1 was refused for a while; then n2 is offered, and both would do."""
    site = Site().parked("n1").parked("n2").offer("n1", 4, age_s=5.0).asks("2:ppn=4")
    first = site.plan()
    assert one(first, Decline).refuse_s > 2.0
    site.memory, site.offers = first.memory, []
    assert site.plan().actions == ()
    second = site.offer("n2", 4).plan()
    assert kinds(second) == ["Revive"]
    site.memory = second.memory
    assert site.plan().actions == ()  # once
    assert kinds(site.offer("n1", 4).plan())[:2] == ["Launch", "Launch"]


def test_revive_once_for_each_job_and_suppress_once() -> None:
    site = Site(suppressed=True).parked("n1").asks("1")
    plan = site.plan()
    assert kinds(plan) == ["Revive"]
    site.suppressed, site.memory = False, plan.memory
    assert site.plan().actions == ()
    assert kinds(site.asks("1").plan()) == ["Revive"]
    assert kinds(Site().parked("n1").plan()) == ["Suppress"]
    assert Site(suppressed=True).parked("n1").plan().actions == ()


@pytest.mark.parametrize(
    ("jobs", "floor", "text"),
    [
        (1, 0, "1 job waits"),
        (2, 0, "2 jobs wait"),
        (0, 1, "1 slot of a floor or reserve is missing"),
        (2, 3, "2 jobs wait, and 3 slots of a floor or reserve are missing"),
    ],
)
def test_what_more_offers_are_wanted_for(jobs: int, floor: int, text: str) -> None:
    site = Site(suppressed=True).rules(floor_slots=floor).parked("n1")
    for _ in range(jobs):
        site.asks("1")
    assert one(site.plan(), Revive).reason.text == text
