"""Nodes that are online with more slots than their grants hold, as after a server's restart."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.decide.site import FREE, NOW_S, OFFLINE, Site, codes, kinds, one, some
from torque_mesos.decide.plan import Kill, Offline, Online, SetNp
from torque_mesos.decide.reason import Code
from torque_mesos.decide.worker import DRAINING_NOTE, ONLINE_NOTE
from torque_mesos.model import TaskState, frozen_map


def online(np: int, held: int, jobs: dict[int, str] | None = None, note: str = ONLINE_NOTE) -> Site:
    site = Site().rules(grace_s=900.0).agent("n1", 8)
    site.node("n1", np, (FREE,), note, jobs).worker("n1", held)
    return site.remembers(idle_since=frozen_map({"n1": NOW_S - 5}))


@pytest.mark.parametrize("jobs", [{}, {0: "r"}])
@pytest.mark.parametrize("waits", ["", "1:ppn=2"])
def test_it_goes_offline_at_once_whatever_waits(jobs: dict[int, str], waits: str) -> None:
    site = online(4, 2, jobs)
    plan = (site.asks(waits) if waits else site).plan()
    assert (one(plan, Offline).name, one(plan, Offline).reason.code) == ("n1", Code.AS_GRANTED)
    assert not {"SetNp", "Kill", "Wake"} & set(kinds(plan))
    if waits:
        assert codes(plan)["0.head"] is Code.WAITING_FOR_OFFERS, "its slots are not ours to give"


@pytest.mark.parametrize("jobs", [{}, {0: "r"}])
def test_it_comes_back_with_what_its_grants_hold(jobs: dict[int, str]) -> None:
    """np at the start of the job that is there was 2."""
    site = Site().agent("n1", 8).node("n1", 4, (OFFLINE,), DRAINING_NOTE, jobs).worker("n1", 2)
    site.remembers(np_at_start=frozen_map({"n1": frozen_map({"r": 2})}))
    plan = site.asks("1").plan()
    assert one(plan, SetNp).np == 2
    assert one(plan, Online).names == ("n1",)


def test_one_of_the_floor_is_put_right_too() -> None:
    site = online(4, 2).rules(floor_slots=2)
    assert one(site.plan(), Offline).name == "n1"
    drained = Site().rules(floor_slots=2).draining("n1", 2)
    drained.nodes[0] = replace(drained.nodes[0], np=4)
    plan = drained.plan()
    assert one(plan, SetNp).np == 2
    assert one(plan, Online).names == ("n1",)
    assert not some(plan, Kill)


def test_too_few_slots_are_raised_where_it_is() -> None:
    plan = online(1, 2, {0: "r"}).plan()
    assert one(plan, SetNp).np == 2
    assert not some(plan, Offline)


@pytest.mark.parametrize("jobs", [{}, {0: "r"}])
@pytest.mark.parametrize("why", ["a person's note", "no capacity record", "lost from sight"])
def test_what_keeps_it_online(why: str, jobs: dict[int, str]) -> None:
    site = online(4, 2, jobs, "look at it" if why == "a person's note" else ONLINE_NOTE)
    if why == "no capacity record":
        site.capacity = False
    if why == "lost from sight":
        (worker,) = site.workers
        (grant,) = worker.grants
        site.workers = [replace(worker, grants=(replace(grant, state=TaskState.UNREACHABLE),))]
    assert not some(site.plan(), Offline)
