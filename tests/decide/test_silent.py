"""A mom that hangs is given up in the end; a server that was restarted is not misread."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.decide.site import DOWN, NOW_S, Site, one, some
from torque_mesos.decide.plan import Kill, Launch, Offline
from torque_mesos.decide.reason import Code
from torque_mesos.decide.turn import SILENT_ALONE_S
from torque_mesos.model import frozen_map


def silent(down_s: float, jobs: dict[int, str] | None = None) -> Site:
    """An online node that is down since then; its floor is all that it has."""
    site = Site().online("n1", jobs=jobs).rules(floor_slots=4, dead_after_s=60.0)
    site.nodes[0] = replace(site.nodes[0], states=frozenset({DOWN}))
    (worker,) = site.workers
    old = replace(worker.grants[0], since_s=NOW_S - 10_000)
    site.workers = [replace(worker, grants=(old,))]
    return site.remembers(down_since=frozen_map({"n1": NOW_S - down_s}))


def test_one_of_several_goes_when_it_is_taken_for_dead() -> None:
    site = silent(60).online("n2", jobs=dict.fromkeys(range(4), "r"))
    plan = site.plan()
    action = one(plan, Offline)
    assert (action.name, action.reason.code) == ("n1", Code.SILENT)
    assert plan.memory.failures["a-n1"].count == 1, "it is left alone for a while"
    early = silent(59).online("n2", jobs={0: "r"})
    assert not some(early.plan(), Offline)


def test_the_floor_gets_another_node() -> None:
    site = silent(60).online("n2", 1, 1, {0: "r"}).parked("n3", offered=4)
    assert one(site.plan(), Launch).name == "n3"


@pytest.mark.parametrize(("down_s", "goes"), [(60, False), (SILENT_ALONE_S, True)])
def test_when_all_are_down_much_more_time_is_given(down_s: float, goes: bool) -> None:
    plan = silent(down_s).plan()
    assert bool(some(plan, Offline)) is goes


def test_a_mom_that_was_just_started_is_given_its_time() -> None:
    site = silent(5000).online("n2", jobs={0: "r"})
    first, second = site.workers
    new = replace(first.grants[0], since_s=NOW_S - 30)  # its node was down while it was parked
    site.workers = [replace(first, grants=(new,)), second]
    assert not some(site.plan(), Offline)


def test_one_with_jobs_is_not_touched() -> None:
    plan = silent(5000, {0: "r"}).online("n2").plan()
    assert not [action for action in some(plan, Offline) if action.name == "n1"]
    assert not some(plan, Kill)
