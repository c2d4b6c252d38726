"""`decide` as a whole."""

from __future__ import annotations

from tests.decide.site import (
    Site,
    one,
    some,
)
from torque_mesos.decide.plan import (
    Launch,
)
from torque_mesos.model import Resources


def test_a_thousand_jobs_and_three_hundred_agents() -> None:
    site = Site()
    for number in range(300):
        site.parked(f"n{number}", 16, offered=16)
    for number in range(1000):
        site.asks(["1", "2:ppn=2", "1:ppn=8", "300:ppn=16"][number % 4])
    assert some(site.plan(), Launch)


def test_nothing_to_do_is_an_empty_plan() -> None:
    plan = Site(suppressed=True).parked("n1").plan()
    assert plan.actions == ()
    assert plan.again_s is None


def test_resources_of_a_slot_are_those_of_the_settings() -> None:
    site = Site().rules(slot=Resources(0.5, 256.0)).parked("n1", offered=1).asks("1:ppn=2")
    assert one(site.plan(), Launch).resources == Resources(1.0, 512.0)
