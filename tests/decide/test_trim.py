"""Shrinking in place: which grants end, when, and what is found after a crash at any point."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.decide.site import DOWN, NOW_S, OFFLINE, Site, kinds, one, some
from torque_mesos.decide import Limit, Memory
from torque_mesos.decide.plan import Kill, Launch, Offline, Online, SetNp, Spare
from torque_mesos.decide.reason import Code
from torque_mesos.decide.worker import DRAINING_NOTE, ONLINE_NOTE
from torque_mesos.model import Grant, Job, JobState, Resources, TaskState, Worker, frozen_map

GRACE_S = 60.0
LONG_AGO = frozen_map({"n1": Spare(99, NOW_S - GRACE_S)})  # idle all the time


def grants(site: Site, *slots: int, name: str = "n1", ending: int = 0) -> Site:
    """A worker of grants in these sizes; the last `ending` of them were asked to end."""
    made = tuple(
        Grant(f"t{number}", n, site.policy.slot * n, TaskState.RUNNING, NOW_S - 1000)
        for number, n in enumerate(slots)
    )
    site.workers.append(Worker(name, f"a-{name}", f"e-{name}", "g1", made))
    asked = {grant.task_id: NOW_S - 1 for grant in made[len(made) - ending :]}
    return site.remembers(killed_at=frozen_map(asked))


def began(site: Site, **np: int) -> Site:
    """What np was when jobs began."""
    return site.remembers(np_at_start=frozen_map({"n1": frozen_map(np)}))


def online(np: int, jobs: dict[int, str], *slots: int) -> Site:
    site = Site().agent("n1", 8).node("n1", np, (), ONLINE_NOTE, jobs)
    return grants(site.rules(grace_s=GRACE_S), *slots)


def draining(np: int, jobs: dict[int, str], *slots: int, ending: int = 0) -> Site:
    site = Site().agent("n1", 8).node("n1", np, (OFFLINE,), DRAINING_NOTE, jobs)
    return grants(site.rules(grace_s=GRACE_S), *slots, ending=ending)


def test_grants_with_more_than_their_slots_stay() -> None:
    site = draining(8, {0: "r"}, 1, 1, 2, 4)
    (worker,) = site.workers
    richer = replace(worker.grants[3], resources=Resources(4.0, 9000.0))
    site.workers = [replace(worker, grants=(*worker.grants[:3], richer))]
    assert one(site.remembers(spare=LONG_AGO).plan(), Kill).task_ids == ("t2", "t1")


def test_idle_slots_at_the_top_go_after_the_grace() -> None:
    site = online(8, {0: "r", 1: "r"}, 1, 1, 2, 4)
    early = site.plan()
    assert not early.actions[1:]
    assert early.memory.spare == {"n1": Spare(6, NOW_S)}
    assert early.again_s == NOW_S + GRACE_S
    site.memory = early.memory
    plan = site.plan(now_s=NOW_S + GRACE_S)
    action = one(plan, Offline)
    assert (action.name, action.note, action.reason.code) == ("n1", DRAINING_NOTE, Code.SPARE)
    assert action.reason.numbers["slots"] == 6
    assert not some(plan, Kill), "what runs there is read again first"


def test_only_what_was_idle_all_the_time_counts() -> None:
    site = online(8, {0: "r", 1: "r", 2: "r", 3: "r"}, 1, 1, 2, 4)
    site.remembers(spare=frozen_map({"n1": Spare(6, NOW_S - 50)}))
    assert site.plan().memory.spare == {"n1": Spare(4, NOW_S - 50)}
    site = online(8, {0: "r"}, 1, 1, 2, 4)
    site.remembers(spare=frozen_map({"n1": Spare(3, NOW_S - 50)}))
    assert site.plan().memory.spare == {"n1": Spare(3, NOW_S - 50)}


@pytest.mark.parametrize(
    ("why", "site"),
    [
        ("all is in use", online(4, {0: "r", 1: "r", 2: "r", 3: "r"}, 1, 1, 2)),
        ("no grant is that small", online(4, {0: "r"}, 4)),
        ("a grant is still coming", online(4, {0: "r"}, 1, 1, 2).worker("n1", 1)),
        ("a job is about to get it", online(4, {0: "r"}, 1, 1, 2).asks("1")),
        ("the floor is as high", online(4, {0: "r"}, 1, 1, 2).rules(floor_slots=4)),
    ],
)
def test_what_keeps_idle_slots(why: str, site: Site) -> None:
    if why == "a grant is still coming":
        *_, old, new = site.workers
        coming = replace(new.grants[0], state=TaskState.STAGING)
        site.workers = [replace(old, grants=(*old.grants, coming))]
    plan = site.remembers(spare=LONG_AGO).plan()
    assert not some(plan, Offline), why
    assert not some(plan, Kill), why


def test_a_node_that_is_down_or_a_persons_is_left_alone() -> None:
    down = online(8, {0: "r"}, 1, 1, 2, 4)
    down.nodes[0] = replace(down.nodes[0], states=frozenset({DOWN}))
    noted = online(8, {0: "r"}, 1, 1, 2, 4)
    noted.nodes[0] = replace(noted.nodes[0], note="bad disk")
    for site in (down, noted):
        assert not some(site.remembers(spare=LONG_AGO).plan(), Offline)


def test_nothing_is_done_on_an_old_reading() -> None:
    plan = online(8, {0: "r"}, 1, 1, 2, 4).remembers(spare=LONG_AGO).plan(fresh=False)
    assert not some(plan, Offline)
    assert plan.wants_fresh
    assert plan.memory.spare["n1"].since_s == NOW_S - GRACE_S


def test_the_grants_that_no_job_uses_end() -> None:
    plan = draining(8, {0: "r", 2: "r"}, 1, 1, 2, 4).remembers(spare=LONG_AGO).plan()
    kill = one(plan, Kill)
    assert kill.task_ids == ("t3", "t2")  # 4 + 2 of 8
    assert not some(plan, Online)
    assert not some(plan, SetNp)


def test_a_sunk_node_stays_offline_until_the_jobs_above_end() -> None:
    sunk = began(draining(8, {0: "r", 5: "r"}, 1, 1), r=2)
    plan = sunk.plan()
    assert not {"Kill", "Online", "SetNp"} & set(kinds(plan))
    assert "holds only what its jobs use" in plan.nodes["n1"].text
    ended = began(draining(8, {0: "r"}, 1, 1), r=2).plan()
    assert one(ended, Online).names == ("n1",)
    assert one(ended, SetNp).np == 2


def test_a_sunk_node_is_filled_up_for_a_job_when_there_is_nothing_else() -> None:
    def sunk(request: str, offered: int) -> Site:
        node = began(draining(8, {0: "r", 5: "r"}, 1, 1), r=2)
        return node.offer("n1", offered).asks(request)

    launch = one(sunk("1:ppn=2", 6).plan(), Launch)
    assert (launch.slots, launch.executor_id) == (4, "e-n1")  # 2 to 5, two of them in use
    assert one(sunk("1:ppn=5", 6).plan(), Launch).slots == 5
    assert not some(sunk("1", 3).plan(), Launch), "what is missing is not offered"
    assert one(sunk("1:ppn=6", 6).plan(), Launch).slots == 6
    assert not some(sunk("1:ppn=7", 6).plan(), Launch)
    several = sunk("1", 6).asks("1").asks("1:ppn=3")
    assert one(several.plan(), Launch).slots == 5
    beside = sunk("1:ppn=2", 6).parked("n2", offered=2)
    assert one(beside.plan(), Launch).name == "n1", "whole hosts are kept for who needs them"
    limited = sunk("1", 6).rules(limit=Limit(cpus=5))
    assert not some(limited.plan(), Launch), "above the limit with what comes besides"


def test_memory_that_jobs_count_on_stays() -> None:
    site = draining(8, {0: "0.head"}, 1, 1, 2, 4).remembers(spare=LONG_AGO)
    resources = frozen_map({"nodes": "1", "mem": "4gb"})
    job = Job("0.head", "j", "u@h", "batch", JobState.RUNNING, resources, ("n1",))
    site.jobs.append(job)
    kept = 8 - sum({"t1": 1, "t2": 2, "t3": 4}[t] for t in one(site.plan(), Kill).task_ids)
    assert kept == 4


def test_an_online_node_with_more_slots_than_grants_goes_offline_to_be_set_right() -> None:
    plan = online(8, {0: "r"}, 1, 1, 2).plan()
    assert one(plan, Offline).reason.code is Code.AS_GRANTED


def test_the_first_grant_never_ends_before_the_others() -> None:
    for jobs in ({0: "r"}, {0: "r", 1: "r"}):
        plan = draining(8, jobs, 1, 7).remembers(spare=LONG_AGO).plan()
        assert all("t0" not in kill.task_ids for kill in some(plan, Kill))
    assert one(draining(8, {0: "r"}, 1, 7).remembers(spare=LONG_AGO).plan(), Kill).task_ids == (
        "t1",
    )


def test_online_again_when_the_grants_have_ended_and_not_before() -> None:
    waits = draining(8, {0: "r", 1: "r"}, 1, 1, 2, 4, ending=2).plan()
    assert not {"Online", "SetNp", "Kill"} & set(kinds(waits))
    assert waits.again_s == NOW_S + 29
    over = began(draining(8, {0: "r", 1: "r"}, 1, 1), r=2).plan()
    assert (one(over, SetNp).np, one(over, Online).names) == (2, ("n1",))
    assert kinds(over).index("SetNp") < kinds(over).index("Online")


def test_a_grant_that_does_not_end_is_asked_for_again() -> None:
    site = draining(8, {0: "r", 1: "r"}, 1, 1, 2, 4, ending=2)
    plan = site.plan(now_s=NOW_S + 30)
    assert one(plan, Kill).task_ids == ("t2", "t3")
    assert set(plan.memory.killed_at.values()) == {NOW_S + 30}


def test_a_job_that_wants_the_slots_meanwhile_gets_them() -> None:
    plan = draining(8, {0: "r"}, 1, 1, 2, 4).asks("1:ppn=4").plan()
    assert not some(plan, Kill)
    assert one(plan, Online).names == ("n1",)
    dying = draining(8, {0: "r"}, 1, 1, 2, 4, ending=1).asks("1:ppn=4").plan()
    assert not some(dying, Online), "its slots are going away"


def test_no_more_than_the_floor_allows_ends() -> None:
    site = draining(8, {0: "r"}, 1, 1, 2, 4).rules(floor_slots=4).remembers(spare=LONG_AGO)
    plan = site.plan()
    kept = 8 - sum({"t1": 1, "t2": 2, "t3": 4}[task_id] for task_id in one(plan, Kill).task_ids)
    assert kept == 4


def test_after_a_crash_at_any_point_it_goes_on() -> None:
    """What is remembered makes no difference but to the time."""
    for site in (
        draining(8, {0: "r"}, 1, 1, 2, 4),  # and once more after the grace
        draining(1, {0: "r"}, 1),
    ):
        site.memory = Memory()
        assert some(site.plan(), Online)


def test_np_does_not_fall_below_what_it_was_when_a_job_began() -> None:
    """TORQUE would never free the slots of that job."""
    one_job = {0: "0.head"}
    unknown = draining(8, one_job, 1, 1)
    larger = began(draining(8, one_job, 1, 1), **{"0.head": 4})
    for site in (unknown, larger):
        plan = site.plan()
        assert not {"SetNp", "Online", "Kill"} & set(kinds(plan))
        assert "holds only what its jobs use" in plan.nodes["n1"].text
    smaller = began(draining(8, one_job, 1, 1), **{"0.head": 2}).plan()
    assert (one(smaller, SetNp).np, one(smaller, Online).names) == (2, ("n1",))
    job = larger.offer("n1", 6).asks("1").plan()
    assert one(job, Launch).slots == 2, "up to the four slots that there were"


def test_what_np_was_when_a_job_began_is_remembered_while_it_runs() -> None:
    grown = online(2, {0: "0.head"}, 1, 1, 2)
    plan = grown.plan()
    assert one(plan, SetNp).np == 4
    assert plan.memory.np_at_start == {"n1": {"0.head": 2}}
    later = online(4, {0: "0.head", 3: "1.head"}, 1, 1, 2, 4)
    later.memory = plan.memory
    plan = later.plan()
    assert plan.memory.np_at_start == {"n1": {"0.head": 2, "1.head": 4}}
    ended = online(8, {3: "1.head"}, 1, 1, 2, 4)
    ended.memory = plan.memory
    assert ended.plan().memory.np_at_start == {"n1": {"1.head": 4}}
    stale = online(2, {0: "0.head"}, 1, 1, 2).plan(fresh=False)
    assert not stale.memory.np_at_start


def test_a_busy_old_worker_ends_its_jobs_and_gets_no_others() -> None:
    site = online(4, {0: "r"}, 1, 1, 2).rules(generation="g2").asks("1").parked("n2", offered=4)
    plan = site.plan()
    assert one(plan, Offline).reason.code is Code.OLD_GENERATION
    assert one(plan, Launch).name == "n2"
    drained = draining(4, {0: "r"}, 1, 1, 2).rules(generation="g2").asks("1")
    plan = drained.plan()
    assert one(plan, Kill).task_ids == ("t2", "t1"), "what its job does not use goes at once"
    assert not some(plan, Online)
    last = draining(4, {0: "r"}, 1).rules(generation="g2").asks("1").plan()
    assert not {"Kill", "Online", "SetNp"} & set(kinds(last))


def test_an_empty_node_is_stopped_whole() -> None:
    plan = draining(8, {}, 1, 1, 2, 4).plan()
    assert one(plan, Kill).task_ids == ("t0", "t1", "t2", "t3")


@pytest.mark.parametrize("jobs", [{}, {0: "r"}])
def test_a_further_grant_that_never_runs_is_given_up(jobs: dict[int, str]) -> None:
    site = online(1, jobs, 1, 2)
    (worker,) = site.workers
    timeout_s = site.policy.start_timeout_s
    hangs = replace(worker.grants[1], state=TaskState.STAGING, since_s=NOW_S - timeout_s + 1)
    site.workers = [replace(worker, grants=(worker.grants[0], hangs))]
    early = site.asks("1:ppn=3").plan()
    assert not some(early, Kill)
    assert early.again_s is not None
    assert early.again_s <= NOW_S + 1
    kill = one(site.plan(now_s=NOW_S + 1), Kill)
    assert (kill.task_ids, kill.reason.code) == (("t1",), Code.LATE)


@pytest.mark.parametrize("jobs", [{}, {0: "r"}])
def test_late_grants_do_not_end_where_the_mom_would_end_with_them(jobs: dict[int, str]) -> None:
    """Whatever Mesos tells of its tasks: a node that is online may have jobs, or get some."""
    site = online(3, jobs, 1, 2)
    (worker,) = site.workers
    hangs = tuple(
        replace(grant, state=TaskState.STAGING, since_s=NOW_S - 9999) for grant in worker.grants
    )
    site.workers = [replace(worker, grants=hangs)]
    assert not some(site.asks("1").plan(), Kill)
    ending = replace(worker.grants[0], since_s=NOW_S - 9999)
    site.workers = [replace(worker, grants=(ending, hangs[1]))]
    site.remembers(killed_at=frozen_map({"t0": NOW_S - 1}))
    assert not some(site.plan(), Kill), "the only one that runs is about to end"
