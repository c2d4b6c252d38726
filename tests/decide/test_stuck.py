"""Nodes that the server takes for full, and tells no job of."""

from __future__ import annotations

import pytest

from tests.decide.site import DOWN, NOW_S, OFFLINE, Site, codes, one, some
from torque_mesos.decide.plan import Launch, Offline
from torque_mesos.decide.reason import Code
from torque_mesos.decide.worker import ONLINE_NOTE, PARKED_NOTE
from torque_mesos.model import NodeState, frozen_map

FULL = NodeState.JOB_EXCLUSIVE


def stuck(idle_s: float) -> Site:
    site = Site().agent("n1").node("n1", 4, (FULL,), ONLINE_NOTE).worker("n1")
    return site.remembers(idle_since=frozen_map({"n1": NOW_S - idle_s}))


def test_no_job_is_promised_slots_there() -> None:
    plan = stuck(5).parked("n2", offered=4).asks("1").plan()
    assert codes(plan) == {"0.head": Code.STARTING_NODES}
    assert one(plan, Launch).name == "n2"
    assert not some(plan, Offline)


def test_it_goes_when_no_job_has_shown_up_for_a_minute() -> None:
    early = stuck(59).plan()
    assert not some(early, Offline)
    assert early.again_s == NOW_S + 1
    assert one(stuck(60).asks("1:ppn=4").plan(), Offline).name == "n1"


@pytest.mark.parametrize("states", [(DOWN, OFFLINE), (DOWN, OFFLINE, FULL)])
def test_no_mom_is_started_on_a_record_that_takes_its_slots_for_used(
    states: tuple[NodeState, ...],
) -> None:
    site = Site().agent("n1").node("n1", 4, states, PARKED_NOTE).offer("n1", 4).asks("1")
    plan = site.plan()
    assert bool(some(plan, Launch)) is (FULL not in states)
    if FULL in states:
        assert plan.nodes["n1"].code is Code.IN_USE
