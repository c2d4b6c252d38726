"""Growing: what is taken of offers, what goes online, and in which order."""

from __future__ import annotations

from tests.decide.site import (
    CAPACITY,
    NOW_S,
    SLOT,
    Site,
    codes,
    kinds,
    one,
    some,
)
from torque_mesos.decide.plan import (
    CreateNode,
    Decline,
    Kill,
    Launch,
    Online,
    SetNp,
    Wake,
)
from torque_mesos.decide.reason import Code
from torque_mesos.decide.worker import (
    CAPACITY_NOTE,
)
from torque_mesos.model import frozen_map


def test_from_offer_to_launch_with_just_the_slots_that_are_wanted() -> None:
    plan = Site().parked("n1", offered=4).asks("1:ppn=2").asks("1").plan()
    launch = one(plan, Launch)
    assert (launch.name, launch.agent_id, launch.offer_ids) == ("n1", "a-n1", ("o0",))
    assert (launch.slots, launch.resources) == (3, SLOT * 3)
    assert launch.reason.code is Code.JOB_WANTS
    assert one(plan, SetNp).np == 3


def test_two_offers_of_one_agent_are_taken_together() -> None:
    plan = Site().parked("n1", offered=2).offer("n1", 2).asks("1:ppn=4").plan()
    assert one(plan, Launch).offer_ids == ("o0", "o1")


def test_offers_of_another_agent_of_that_name_are_not_taken() -> None:
    plan = Site().parked("n1", offered=2).offer("n1", 4, agent_id="old").asks("1").plan()
    assert one(plan, Launch).offer_ids == ("o0",)
    assert one(plan, Decline).offer_ids == ("o1",)


def test_nearer_slots_before_offers() -> None:
    site = Site().parked("n1", offered=4).starting("n2").ready("n3", 1).asks("1").asks("1")
    plan = site.plan()
    assert not some(plan, Launch)
    assert one(plan, Online).names == ("n3",)
    assert codes(plan) == {"0.head": Code.RUNS_SOON, "1.head": Code.STARTING_NODES}


def test_a_ready_node_goes_online_before_the_scheduler_is_woken() -> None:
    plan = Site().ready("n1").asks("1").plan()
    assert kinds(plan)[:2] == ["Online", "Wake"]


def test_np_is_set_before_a_node_goes_online() -> None:
    plan = Site().ready("n1", 2, np=4).asks("1").plan()
    assert kinds(plan)[:3] == ["SetNp", "Online", "Wake"]
    assert one(plan, SetNp).np == 2


def test_np_does_not_fall_without_a_capacity_record() -> None:
    site = Site(capacity=False).ready("n1", 2, np=4).asks("1")
    plan = site.plan()
    assert kinds(plan)[:1] == ["CreateNode"]
    assert not some(plan, SetNp)
    assert not some(plan, Online)


def test_nothing_is_started_before_there_is_a_capacity_record() -> None:
    plan = Site(capacity=False).parked("n1", offered=4).asks("1").plan()
    creation = one(plan, CreateNode)
    assert (creation.name, creation.note) == (CAPACITY, CAPACITY_NOTE)
    assert creation.reason.code is Code.KEEPS_JOBS_FEASIBLE
    assert not some(plan, Launch)
    assert one(plan, Decline).reason.code is Code.NOT_PARKED


def test_a_job_of_two_nodes_waits_until_both_are_ready() -> None:
    first = Site().ready("n1", 2).starting("n2", 2).asks("2:ppn=2").plan()
    assert not some(first, Online)
    assert not some(first, Wake)
    both = Site().ready("n1", 2).ready("n2", 2).asks("2:ppn=2").plan()
    assert one(both, Online).names == ("n1", "n2")
    assert some(both, Wake)


def test_a_ready_node_serves_a_small_job_that_comes_before_the_large_one() -> None:
    plan = Site().ready("n1", 3).starting("n2", 2).asks("1").asks("2:ppn=2").plan()
    assert one(plan, Online).names == ("n1",)


def test_ready_nodes_that_nobody_waits_for_go_online_without_a_cycle() -> None:
    plan = Site().ready("n1").plan()
    assert one(plan, Online).names == ("n1",)
    assert not some(plan, Wake)


def test_a_draining_node_is_taken_back_for_a_job() -> None:
    plan = Site().draining("n1", jobs={0: "r"}).asks("1").plan()
    assert one(plan, Online).names == ("n1",)
    assert not some(plan, Kill)


def test_a_draining_node_waits_for_the_other_node_of_its_job() -> None:
    plan = Site().draining("n1").starting("n2").asks("2:ppn=4").plan()
    assert not some(plan, Kill)
    assert not some(plan, Online)


def test_a_node_that_is_being_stopped_serves_nobody() -> None:
    site = Site().draining("n1").asks("1").remembers(killed_at=frozen_map({"e-n1": NOW_S - 1}))
    assert codes(site.plan()) == {"0.head": Code.WAITING_FOR_OFFERS}


def test_the_scheduler_is_woken_again_but_not_all_the_time() -> None:
    site = Site().online("n1").asks("1")
    assert some(site.plan(), Wake)
    again = site.remembers(woken_s=NOW_S - 3.0).plan()
    assert not some(again, Wake)
    assert again.again_s == NOW_S + 7.0


def test_free_slots_without_waiting_jobs_wake_nobody() -> None:
    assert not some(Site().online("n1").plan(), Wake)


def test_slots_in_use_are_not_counted() -> None:
    plan = Site().online("n1", 2, jobs={1: "r"}).asks("1:ppn=2").plan()
    assert codes(plan) == {"0.head": Code.WAITING_FOR_OFFERS}


def test_properties_and_hosts() -> None:
    site = Site().parked("n1", offered=4).parked("n2", offered=4, kind="fat")
    site.asks("1:fat").asks("n1")
    launches = {launch.name: launch.slots for launch in some(site.plan(), Launch)}
    assert launches == {"n1": 1, "n2": 1}
