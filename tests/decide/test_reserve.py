"""The reserve: free slots ahead of the jobs."""

from __future__ import annotations

from tests.decide.site import SLOT, Site, launches, one, some
from torque_mesos.decide import Limit
from torque_mesos.decide.plan import Kill, Launch, Offline
from torque_mesos.decide.reason import Code
from torque_mesos.model import Resources


def test_a_reserve_is_kept_ahead_of_the_jobs() -> None:
    world = Site().rules(reserve_slots=2).parked("n1", 8, offered=8)
    assert launches(world) == {"n1": 2}
    assert launches(world.asks("1:ppn=3")) == {"n1": 5}


def test_free_slots_are_the_reserve() -> None:
    world = Site().rules(reserve_slots=2).online("n1", 4, 4, jobs={0: "a", 1: "a"}).parked("n2")
    world.offer("n2", 4)
    assert launches(world) == {}
    assert launches(world.asks("1")) == {"n2": 1}


def test_a_node_of_the_reserve_does_not_go() -> None:
    world = Site().rules(reserve_slots=4).online("n1").remembers(idle_since={"n1": 0.0})
    plan = world.plan()
    assert not some(plan, Offline)
    assert plan.nodes["n1"].code is Code.FLOOR
    world.rules(reserve_slots=2).online("n2").remembers(idle_since={"n1": 0.0, "n2": 0.0})
    assert len(some(world.plan(), Offline)) == 1
    assert not some(world.plan(), Kill)


def test_a_reserve_does_not_exceed_the_limit() -> None:
    world = Site().rules(reserve_slots=8, limit=Limit(cpus=3)).parked("n1", 8, offered=8)
    assert launches(world) == {"n1": 3}
    assert world.policy.slot == SLOT
    assert Resources(3.0, 3072.0).holds(one(world.plan(), Launch).resources)
