"""`decide` on single snapshots: what it does, in which order, and the reason it gives."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.decide.site import (
    CAPACITY,
    DOWN,
    NEW,
    NOW_S,
    OFFLINE,
    SLOT,
    Site,
    codes,
    kinds,
    one,
    some,
)
from torque_mesos.decide import Limit, Memory
from torque_mesos.decide.plan import (
    CreateNode,
    Decline,
    DeleteNode,
    Failures,
    Kill,
    Launch,
    Offline,
    Online,
    Rerun,
    Revive,
    SetNp,
    Wake,
)
from torque_mesos.decide.reason import Code
from torque_mesos.decide.worker import (
    CAPACITY_NOTE,
    DRAINING_NOTE,
    ONLINE_NOTE,
    PARKED_NOTE,
)
from torque_mesos.model import Job, JobState, Queue, Resources, TaskState, frozen_map

LONG_AGO = NOW_S - 500.0


# --- jobs: each reason ----------------------------------------------------------


@pytest.mark.parametrize(
    ("site", "code"),
    [
        (Site().online("n1").asks("1"), Code.RUNS_SOON),
        (Site().ready("n1").asks("1"), Code.RUNS_SOON),
        (Site().draining("n1").asks("1"), Code.RUNS_SOON),
        (Site().starting("n1").asks("1"), Code.STARTING_NODES),
        (Site().parked("n1", offered=4).asks("1"), Code.STARTING_NODES),
        (Site().parked("n1").asks("1"), Code.WAITING_FOR_OFFERS),
        (Site().parked("n1", offered=4).parked("n2").asks("2"), Code.WAITING_FOR_OFFERS),
        (Site().asks("1"), Code.NO_AGENTS),
        (Site().parked("n1").asks("1:ppn=5"), Code.NEVER_TOO_LARGE),
        (Site().parked("n1").asks("2"), Code.NEVER_TOO_LARGE),
        (Site().parked("n1").asks("1:nosuch"), Code.NEVER_NO_SUCH_NODE),
        (Site().parked("n1").rules(limit=Limit(cpus=3)).asks("1:ppn=4"), Code.NEVER_OVER_LIMIT),
        (Site().parked("n1").rules(limit=Limit(nodes=1)).asks("2"), Code.NEVER_OVER_LIMIT),
        (Site().parked("n1").rules(limit=Limit(mem_mb=10)).asks("1"), Code.NEVER_OVER_LIMIT),
        (Site().parked("n1").asks("1:ppn=x"), Code.MALFORMED),
        (Site().parked("n1").asks("1", JobState.HELD), Code.HELD),
        (Site().parked("n1").asks("1", JobState.WAITING), Code.START_TIME),
        (Site().parked("n1").asks("1", JobState.TRANSIT), Code.NOT_STARTABLE),
        (Site().parked("n1").asks("1", JobState.SUSPENDED), Code.NOT_STARTABLE),
    ],
)
def test_why_a_job_waits(site: Site, code: Code) -> None:
    plan = site.plan()
    assert codes(plan) == {"0.head": code}
    text = plan.jobs["0.head"].text
    assert text
    assert "\n" not in text


def test_a_job_at_the_limit() -> None:
    site = Site().rules(limit=Limit(nodes=1)).online("n1", jobs={0: "r", 1: "r", 2: "r", 3: "r"})
    plan = site.parked("n2", offered=4).asks("1").plan()
    assert codes(plan) == {"0.head": Code.AT_LIMIT}
    assert not some(plan, Launch)


@pytest.mark.parametrize("state", [JobState.RUNNING, JobState.EXITING, JobState.COMPLETE])
def test_a_job_that_does_not_wait_has_no_reason(state: JobState) -> None:
    plan = Site().parked("n1", offered=4).asks("1", state).plan()
    assert plan.jobs == {}
    assert not some(plan, Launch)


@pytest.mark.parametrize(
    ("queue", "code"),
    [
        (Queue("night", started=False), Code.QUEUE_STOPPED),
        (Queue("night", execution=False), Code.QUEUE_STOPPED),
        (Queue("night"), Code.STARTING_NODES),
        (Queue("night", enabled=False), Code.STARTING_NODES),  # takes no new jobs, starts old ones
    ],
)
def test_queues(queue: Queue, code: Code) -> None:
    site = Site(queues=[queue]).parked("n1", offered=4).asks("1", queue="night")
    assert codes(site.plan()) == {"0.head": code}


def test_only_watched_queues_count() -> None:
    site = Site().rules(queues=("batch", "day-*")).parked("n1", offered=4)
    site.asks("1", queue="day-1").asks("1", queue="night")
    plan = site.plan()
    assert codes(plan) == {"0.head": Code.STARTING_NODES, "1.head": Code.QUEUE_NOT_WATCHED}
    assert one(plan, Launch).slots == 1


def test_a_limit_of_held_jobs_and_malformed_ones_disturbs_nobody() -> None:
    site = Site().parked("n1", offered=4).asks("1:ppn=99").asks("1:$(x)").asks("77:nosuch")
    site.jobs.append(Job("odd", "", "", "no-such-queue", JobState.QUEUED, frozen_map()))
    plan = site.plan()
    assert plan.jobs["odd"].code is Code.STARTING_NODES
    assert one(plan, Launch).slots == 1
    assert "'$(x)'" in plan.jobs["1.head"].text


def test_never_runnable_jobs_alone_want_nothing() -> None:
    plan = Site().parked("n1", offered=4).asks("1:ppn=99").asks("1:nosuch").plan()
    assert kinds(plan) == ["Decline", "Suppress"]
    assert one(plan, Decline).reason.code is Code.NOTHING_WANTED


def test_never_is_not_said_before_agents_are_known() -> None:
    assert codes(Site().asks("1:ppn=99:nosuch").plan()) == {"0.head": Code.NO_AGENTS}


def test_an_agent_that_is_away_may_come_back() -> None:
    site = Site().node("n1", 8, (DOWN, OFFLINE), PARKED_NOTE).parked("n2", 2)
    assert codes(site.asks("1:ppn=8").plan()) == {"0.head": Code.WAITING_FOR_OFFERS}


# --- growing ---------------------------------------------------------------------


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


# --- limits and floor --------------------------------------------------------------


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


# --- shrinking -----------------------------------------------------------------------


def test_grace() -> None:
    site = Site().online("n1")
    first = site.plan()
    assert not some(first, Offline)
    assert first.memory.idle_since == {"n1": NOW_S}
    assert first.again_s == NOW_S + 60.0
    site.memory, site.now_s = first.memory, NOW_S + 60.0
    offline = one(site.plan(), Offline)
    assert (offline.name, offline.note, offline.reason.code) == ("n1", DRAINING_NOTE, Code.IDLE)


def test_an_idle_worker_behind_a_note_of_others_goes_and_the_note_stays() -> None:
    site = Site().online("n1").remembers(idle_since=frozen_map({"n1": LONG_AGO}))
    site.nodes[0] = replace(site.nodes[0], note="ERROR: prolog/epilog failed")
    offline = one(site.plan(), Offline)
    assert (offline.name, offline.note) == ("n1", None)
    site.nodes[0] = replace(site.nodes[0], states=frozenset({OFFLINE}))
    assert one(site.plan(), Kill).name == "n1"
    site.workers.clear()
    assert not some(site.asks("1").offer("n1", 4).plan(), Launch), "it waits for the person"


def test_a_job_ends_the_grace() -> None:
    site = Site().online("n1", jobs={0: "r"}).remembers(idle_since=frozen_map({"n1": LONG_AGO}))
    plan = site.plan()
    assert not some(plan, Offline)
    assert plan.memory.idle_since == {}


def test_a_node_that_a_running_job_names_is_busy_even_if_its_record_says_nothing() -> None:
    site = Site().draining("n1")
    site.jobs.append(Job("r", "", "", "batch", JobState.RUNNING, frozen_map(), exec_nodes=("n1",)))
    assert not some(site.plan(), Kill)


def test_a_drained_node_is_stopped_once() -> None:
    plan = Site().draining("n1").plan()
    kill = one(plan, Kill)
    assert (kill.task_ids, kill.reason.code) == (("t-n1",), Code.DRAINED)
    site = Site().draining("n1")
    site.memory = plan.memory
    assert not some(site.plan(now_s=NOW_S + 5), Kill)
    assert some(site.plan(now_s=NOW_S + 30), Kill), "it is asked again"


def test_an_old_draining_node_with_jobs_is_left_alone() -> None:
    plan = Site().draining("n1", jobs={2: "r"}).rules(generation="g2").plan()
    assert not some(plan, Kill)
    assert "waits" in plan.nodes["n1"].text


def test_a_stopped_worker_is_noted_as_parked_before_it_is_used_again() -> None:
    site = Site().agent("n1").node("n1", 2, (DOWN, OFFLINE), DRAINING_NOTE).offer("n1", 4)
    plan = site.asks("1").plan()
    assert (one(plan, Offline).name, one(plan, Offline).note) == ("n1", PARKED_NOTE)
    assert not some(plan, Launch)


def test_a_parked_record_gets_its_full_size() -> None:
    site = Site().agent("n1", 4).node("n1", 1, (DOWN, OFFLINE), PARKED_NOTE)
    set_np = one(site.plan(), SetNp)
    assert (set_np.np, set_np.reason.code) == (4, Code.FULL_SIZE)


def test_an_idle_small_worker_waits_to_grow_for_a_larger_job() -> None:
    plan = Site().online("n1", 1).asks("1:ppn=4").plan()
    assert not some(plan, Offline)
    assert some(plan, Revive)


def test_a_worker_grows_by_what_is_offered_of_its_agent() -> None:
    site = Site().online("n1", 1, jobs={0: "r"}).offer("n1", 3).asks("1:ppn=2").asks("1")
    plan = site.plan()
    launch = one(plan, Launch)
    (worker,) = site.snapshot().workers
    assert (launch.slots, launch.executor_id) == (3, worker.executor_id)
    assert codes(plan) == {"0.head": Code.STARTING_NODES, "1.head": Code.STARTING_NODES}


def test_a_running_worker_is_grown_before_a_mom_is_started() -> None:
    site = Site().online("n1", 1, jobs={0: "r"}).offer("n1", 3).parked("n2", offered=4)
    assert one(site.asks("1:ppn=2").plan(), Launch).name == "n1"


@pytest.mark.parametrize("where", ["parked", "online", "sunk"])
def test_the_slots_left_over_count_by_the_size_of_the_host(where: str) -> None:
    site = Site().asks("1:ppn=2")
    for name, size, offered in (("n1", 8, 6), ("n2", 80, 12)):
        if where == "parked":
            site.parked(name, size, offered=offered)
        elif where == "online":
            site.online(name, 1, size, {0: "r"}).offer(name, offered)
        else:
            site.draining(name, 1, size, {5: "r"}).offer(name, offered)
    assert one(site.plan(), Launch).name == "n2"


def test_np_is_raised_when_a_further_grant_runs_and_not_before() -> None:
    site = Site().online("n1", 1, jobs={0: "r"}).asks("1")
    (worker,) = site.workers
    for state, actions in ((TaskState.STAGING, []), (TaskState.RUNNING, [2])):
        more = replace(worker.grants[0], task_id="t2", state=state)
        site.workers = [replace(worker, grants=(*worker.grants, more))]
        plan = site.plan()
        assert [action.np for action in some(plan, SetNp)] == actions
        assert bool(some(plan, Wake)) == bool(actions)


def test_a_node_that_waits_for_the_growth_of_another_goes_online_with_it() -> None:
    site = Site().online("n1", 1, jobs={0: "r"}).ready("n2", 2).asks("2:ppn=2")
    (worker, other) = site.workers
    for state, names in ((TaskState.STAGING, []), (TaskState.RUNNING, [("n2",)])):
        more = replace(worker.grants[0], task_id="t2", state=state, slots=2)
        site.workers = [replace(worker, grants=(*worker.grants, more)), other]
        plan = site.plan()
        assert [action.names for action in some(plan, Online)] == names
        assert bool(some(plan, Wake)) == bool(names)


def test_what_is_being_granted_is_not_asked_for_again() -> None:
    site = Site().online("n1", 1, jobs={0: "r"}).offer("n1", 2).asks("1")
    (worker,) = site.workers
    more = replace(worker.grants[0], task_id="t2", state=TaskState.STAGING)
    site.workers = [replace(worker, grants=(*worker.grants, more))]
    assert not some(site.plan(), Launch)


@pytest.mark.parametrize("why", ["old", "stopping"])
def test_a_worker_that_may_not_grow(why: str) -> None:
    site = Site().online("n1", 1, jobs={0: "r"}).offer("n1", 3).asks("1")
    (worker,) = site.workers
    if why == "old":
        site.workers = [replace(worker, generation="before")]
    else:
        site.remembers(killed_at=frozen_map({worker.executor_id: NOW_S}))
    plan = site.plan()
    assert not some(plan, Launch)


def test_a_busy_small_worker_makes_no_room() -> None:
    plan = Site().online("n1", 1, jobs={0: "r"}).asks("1:ppn=4").plan()
    assert not some(plan, Offline)


def test_a_worker_that_is_part_of_what_a_job_needs_is_kept() -> None:
    plan = Site().online("n1", 4).parked("n2").asks("2:ppn=4").plan()
    assert not some(plan, Offline)


def test_an_idle_worker_makes_room_within_the_limit() -> None:
    site = Site().rules(limit=Limit(nodes=1)).online("n1", 2, size=2).parked("n2")
    assert one(site.asks("1:ppn=4").plan(), Offline).reason.code is Code.MAKES_ROOM


def test_an_idle_worker_leaves_the_limit_to_a_job_even_if_it_could_serve_a_part() -> None:
    """Three slots are held on one host; two hosts with two each would be allowed."""
    site = Site().rules(limit=Limit(cpus=4), floor_slots=3).online("n1", 3).parked("n2")
    site.asks("2:ppn=2").remembers(idle_since=frozen_map({"n1": LONG_AGO}))
    assert codes(site.plan()) == {"0.head": Code.AT_LIMIT}
    assert one(site.plan(), Offline).reason.code is Code.MAKES_ROOM
    taken_back = Site().rules(limit=Limit(cpus=4), floor_slots=3).draining("n1", 3).parked("n2")
    plan = taken_back.asks("2:ppn=2").plan()
    assert not some(plan, Online), "nor is it taken back for the floor"


def test_the_floor_leaves_a_waiting_job_its_share_of_the_limit() -> None:
    site = Site().rules(limit=Limit(cpus=4), floor_slots=1)
    plan = site.parked("n1", 2, offered=2).parked("n2").asks("1:ppn=4").plan()
    assert not some(plan, Launch)


@pytest.mark.parametrize("where", ["ready", "online", "draining"])
def test_a_worker_whose_end_was_asked_for_ends_wherever_it_stands(where: str) -> None:
    site = getattr(Site(), where)("n1").remembers(killed_at=frozen_map({"e-n1": LONG_AGO}))
    assert kinds(site.plan())[0] == ("Offline" if where == "online" else "Kill")


def test_what_cannot_be_reached_is_not_asked_to_end() -> None:
    site = Site(now_s=NOW_S + 500).draining("n1").starting("n2")
    for number, worker in enumerate(site.workers):
        grant = replace(worker.grants[0], state=TaskState.UNREACHABLE)
        site.workers[number] = replace(worker, grants=(grant,))
    assert kinds(site.plan()) == ["Suppress"]


def test_older_generations_end_when_idle() -> None:
    site = Site().online("n1").online("n2", jobs={0: "r"})
    site.workers = [replace(worker, generation="g0") for worker in site.workers]
    plan = site.plan()
    assert {(offline.name, offline.reason.code) for offline in some(plan, Offline)} == {
        ("n1", Code.OLD_GENERATION),
        ("n2", Code.OLD_GENERATION),  # else the batch scheduler would put more jobs there
    }
    assert not some(plan, Kill)


def test_an_old_worker_of_the_floor_goes_when_a_new_one_is_there_or_after_the_grace() -> None:
    alone = Site().rules(floor_slots=4).online("n1")
    alone.workers = [replace(worker, generation="g0") for worker in alone.workers]
    plan = alone.plan()
    assert kinds(plan) == ["Revive"], "another is wanted first"
    assert plan.again_s == NOW_S + 60.0
    alone.remembers(idle_since=frozen_map({"n1": NOW_S - 60.0}))
    assert one(alone.plan(), Offline).reason.code is Code.OLD_GENERATION
    relieved = Site().rules(floor_slots=4).online("n1").starting("n2")
    relieved.workers[0] = replace(relieved.workers[0], generation="g0")
    assert one(relieved.plan(), Offline).name == "n1"


def test_a_late_start_is_given_up_and_its_agent_left_alone() -> None:
    site = Site(now_s=NOW_S + 200).starting("n1")
    plan = site.plan()
    assert one(plan, Kill).reason.code is Code.LATE
    late = "its mom was not ready after 210 s"
    assert plan.memory.failures == {"a-n1": Failures(1, NOW_S + 205, late)}
    assert not some(Site().starting("n1").plan(), Kill)


def test_back_off_doubles_and_ends_with_success() -> None:
    memory = Memory()
    waits = []
    now_s = 0.0
    for _ in range(9):
        memory = memory.with_failure("a-n1", now_s)
        until_s = memory.failures["a-n1"].until_s
        waits.append(until_s - now_s)
        assert memory.with_failure("a-n1", until_s - 1) == memory  # of the same attempt
        now_s = until_s
    assert waits[:3] == [5.0, 10.0, 20.0]
    assert waits[-1] == 600.0
    failures = frozen_map({"a-n1": Failures(1, NOW_S + 5)})
    alone = Site().parked("n1", offered=4).asks("1").remembers(failures=failures)
    plan = alone.plan()
    assert not some(plan, Launch)
    assert one(plan, Decline).reason.code is Code.BACKED_OFF
    assert some(alone.plan(now_s=NOW_S + 5), Launch)
    assert Site().ready("n1").remembers(failures=failures).plan().memory.failures == {}


def test_np_never_falls_on_slots_in_use() -> None:
    site = Site().agent("n1").node("n1", 4, (OFFLINE,), PARKED_NOTE, {3: "r"}).worker("n1", 2)
    plan = site.asks("1").plan()
    assert not some(plan, SetNp)
    assert not some(plan, Online)


# --- records -------------------------------------------------------------------------


def test_a_new_agent_gets_a_record_once() -> None:
    site = Site().agent("n1", 4, kind="fat")
    plan = site.plan()
    creation = one(plan, CreateNode)
    assert (creation.name, creation.np, creation.note) == ("n1", 4, PARKED_NOTE)
    assert creation.properties == {"mesos", "fat"}
    assert creation.reason.code is Code.NEW_AGENT
    site.memory = plan.memory
    assert not some(site.plan(now_s=NOW_S + 5), CreateNode)
    assert some(site.plan(now_s=NOW_S + 30), CreateNode)


def test_agents_that_are_away_or_too_small_get_none() -> None:
    plan = Site().agent("n1", active=False).agent("n2", 0).plan()
    assert not some(plan, CreateNode)
    assert plan.nodes["n2"].code is Code.TOO_SMALL


def test_a_record_without_a_mom_goes_offline_when_the_server_can_do_that() -> None:
    new = Site().agent("n1").node("n1", 4, (DOWN, OFFLINE, NEW), PARKED_NOTE)
    assert not some(new.plan(), Offline)
    clear = Site().agent("n1").node("n1", 4, (DOWN,), PARKED_NOTE).plan()
    assert one(clear, Offline).reason.code is Code.NOTHING_RUNS_HERE
    assert not some(Site().node("n1", 4, (), ONLINE_NOTE).plan(), Offline), (
        "its agent is not listed, and the server sees its mom"
    )


def test_a_record_that_cleared_its_own_mark_is_parked_before_its_mom_is_used() -> None:
    site = Site().agent("n1").node("n1", 4, (), PARKED_NOTE).worker("n1", 2)
    plan = site.asks("1").plan()
    assert (one(plan, Offline).name, one(plan, Offline).note) == ("n1", PARKED_NOTE)
    assert not some(plan, Online)


def test_an_agent_that_is_gone_for_long_is_forgotten() -> None:
    site = Site().node("n1", 4, (DOWN, OFFLINE), PARKED_NOTE)
    unseen = frozen_map({"n1": NOW_S - 8 * 86400})
    assert (
        one(site.remembers(unseen_since=unseen).plan(), DeleteNode).reason.code is Code.AGENT_GONE
    )
    assert not some(site.asks("n1").plan(), DeleteNode), "a waiting job names it"


def test_a_lost_mom_gives_its_jobs_back() -> None:
    site = Site().agent("n1").node("n1", 4, (), ONLINE_NOTE, {0: "7.head", 1: "7.head"})
    plan = site.plan()
    assert kinds(plan)[:2] == ["Offline", "Rerun"]
    assert (one(plan, Rerun).job_id, one(plan, Rerun).reason.code) == ("7.head", Code.MOM_LOST)
    site.memory = plan.memory
    assert not some(site.plan(now_s=NOW_S + 1), Rerun)


def test_a_lost_host_gives_its_jobs_back_when_both_sides_have_lost_it() -> None:
    gone = Site().node("n1", 4, (DOWN,), ONLINE_NOTE, {0: "7.head"})
    assert not some(gone.plan(), Rerun)
    gone.remembers(down_since=frozen_map({"n1": NOW_S - 60}))
    assert one(gone.plan(), Rerun).reason.code is Code.HOST_LOST


@pytest.mark.parametrize(("states", "reruns"), [((), 0), ((DOWN,), 1)])
def test_an_unreachable_worker(states: tuple[()], reruns: int) -> None:
    site = Site().agent("n1", active=False).node("n1", 4, states, ONLINE_NOTE, {0: "7.head"})
    site.worker("n1", 4, TaskState.UNREACHABLE).remembers(down_since=frozen_map({"n1": NOW_S - 60}))
    plan = site.asks("1").plan()
    assert len(some(plan, Rerun)) == reruns
    assert not some(plan, Kill)
    assert plan.nodes["n1"].code is Code.HOST_LOST
    assert plan.jobs["0.head"].code is Code.WAITING_FOR_OFFERS


# --- what people and others made ----------------------------------------------------


@pytest.mark.parametrize("states", [(), (OFFLINE,), (DOWN, OFFLINE), (DOWN,)])
def test_records_of_others_are_not_touched(states: tuple[()]) -> None:
    site = Site().agent("n1").node("n1", 2, states, "mine").offer("n1", 4)
    site.parked("n2").asks("1").remembers(unseen_since=frozen_map({"n1": 0.0}))
    plan = site.plan()
    assert {type(action) for action in plan.actions} <= {Decline, Revive}
    assert one(plan, Decline).reason.code is Code.NOT_OURS


def test_what_a_person_took_offline_stays_so() -> None:
    """The node was online; its worker ends when idle, and none is started there again."""
    site = Site().agent("n1").node("n1", 4, (OFFLINE,), ONLINE_NOTE).worker("n1").asks("1")
    site.remembers(idle_since=frozen_map({"n1": LONG_AGO}))
    plan = site.plan()
    assert [kind for kind in kinds(plan) if kind not in ("Revive", "Decline")] == ["Kill"]
    after = Site().agent("n1").node("n1", 4, (DOWN, OFFLINE), ONLINE_NOTE).offer("n1", 4)
    plan = after.asks("1").plan()
    assert {type(action) for action in plan.actions} <= {Decline, Revive}
    assert one(plan, Decline).reason.code is Code.NOT_OURS


def test_a_worker_whose_node_a_person_took_with_a_note_of_his_own() -> None:
    site = Site().agent("n1").node("n1", 4, (OFFLINE,), "bad disk").worker("n1")
    site.remembers(idle_since=frozen_map({"n1": LONG_AGO}))
    assert kinds(site.plan())[:1] == ["Kill"]
    busy = Site().agent("n1").node("n1", 4, (OFFLINE,), "bad disk", {0: "r"}).worker("n1")
    assert not some(busy.plan(), Kill)


# --- offers ----------------------------------------------------------------------------


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


# --- what is not known changes nothing --------------------------------------------------


def busy_site() -> Site:
    """Where much is to be done."""
    site = Site(fresh=False).draining("n1").online("n2").ready("n3", 2, np=4)
    site.agent("n4").node("n4", 4, (), ONLINE_NOTE, {0: "7.head"})
    site.agent("n5").node("n5", 4, (DOWN,), PARKED_NOTE)
    site.agent("n6").node("n6", 1, (DOWN, OFFLINE), PARKED_NOTE)
    return site.remembers(idle_since=frozen_map({"n2": LONG_AGO}))


def test_an_old_reading_justifies_no_change() -> None:
    plan = busy_site().plan()
    assert kinds(plan) == ["Suppress"]
    assert plan.wants_fresh
    fresh = busy_site().plan(fresh=True)
    assert {"Kill", "Offline", "Online", "Rerun", "SetNp"} <= set(kinds(fresh))
    assert not fresh.wants_fresh


@pytest.mark.parametrize("unknown", [{"reading": None}, {"mesos_ready": False}])
def test_without_knowledge_only_old_offers_are_answered(unknown: dict[str, None]) -> None:
    site = busy_site().offer("n6", 4, age_s=5.0).offer("n6", 4, age_s=1.0).asks("1")
    plan = site.plan(**unknown)
    assert one(plan, Decline).offer_ids == ("o0",)
    assert kinds(plan) == ["Decline"]
    assert plan.again_s == NOW_S + 4.0
    assert one(plan, Decline).reason.code in (Code.SERVER_UNREADABLE, Code.NOT_CONNECTED)
    assert plan.memory.idle_since == {}, "being idle is timed anew"


def test_a_restarted_server_whose_nodes_are_all_down() -> None:
    site = Site()
    for name in ("n1", "n2"):
        site.agent(name).node(name, 4, (DOWN,), ONLINE_NOTE).worker(name)
    site.remembers(idle_since=frozen_map({"n1": LONG_AGO, "n2": LONG_AGO}), woken_s=NOW_S)
    assert kinds(site.plan()) == ["Suppress"]


def test_an_unreadable_record_is_left_alone() -> None:
    site = Site(unreadable=frozenset({"n1"})).online("n1").offer("n1", 2)
    site.remembers(idle_since=frozen_map({"n1": LONG_AGO}))
    assert set(kinds(site.plan())) <= {"Decline", "Suppress"}
    assert set(kinds(site.asks("1").plan())) <= {"Decline", "Revive"}


# --- without parking -------------------------------------------------------------------


def test_without_parking_a_record_is_made_with_the_launch() -> None:
    site = Site().rules(park=False).agent("n1").offer("n1", 4).asks("1:ppn=2")
    plan = site.plan()
    assert kinds(plan)[:2] == ["CreateNode", "Launch"]
    assert one(plan, CreateNode).np == 2


def test_without_parking_nothing_is_made_before_it_is_wanted() -> None:
    assert kinds(Site().rules(park=False).agent("n1").plan()) == ["Suppress"]


def test_without_parking_a_record_goes_when_its_mom_is_gone() -> None:
    plan = Site().rules(park=False).parked("n1").plan()
    assert one(plan, DeleteNode).reason.code is Code.NO_DEMAND


def test_without_parking_one_mom_on_a_host() -> None:
    site = Site().rules(park=False).agent("n1").offer("n1", 2).worker("n1", 2).asks("1")
    plan = site.plan()
    assert not some(plan, Launch)
    assert one(plan, CreateNode).name == "n1", "its mom runs, and its record is gone"
    assert codes(plan) == {"0.head": Code.WAITING_FOR_OFFERS}


# --- all of it -------------------------------------------------------------------------


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


# --- what is told when things go wrong --------------------------------------------------


def test_a_waiting_job_is_told_that_mesos_is_away() -> None:
    site = Site().parked("n1").asks("1").asks("1", JobState.HELD).asks("1:ppn=9")
    plan = site.plan(mesos_ready=False)
    assert codes(plan) == {
        "0.head": Code.NOT_CONNECTED,
        "1.head": Code.HELD,
        "2.head": Code.NEVER_TOO_LARGE,
    }
    assert not plan.actions


def test_a_job_that_waits_for_a_host_where_starts_fail_is_told_the_cause() -> None:
    failures = frozen_map({"a-n1": Failures(3, NOW_S + 20, "no pbs_mom in PATH")})
    plan = Site().parked("n1").asks("1:ppn=2").remembers(failures=failures).plan()
    for reason in (plan.jobs["0.head"], plan.nodes["n1"]):
        assert reason.code is Code.BACKED_OFF
        assert "no pbs_mom in PATH" in reason.text
        assert "in 20 s" in reason.text
    elsewhere = Site().parked("n1").parked("n2", offered=4).asks("1:ppn=2")
    assert some(elsewhere.remembers(failures=failures).plan(), Launch)


@pytest.mark.parametrize("name", ["10.1.2.3", "7up.cluster.test", CAPACITY, "a b"])
def test_an_agent_that_cannot_be_a_node_is_not_used_and_said_so(name: str) -> None:
    plan = Site().agent(name).offer(name, 4).asks("1").plan()
    assert plan.nodes[name].code is Code.BAD_NAME
    assert "--hostname" in plan.nodes[name].text
    assert not some(plan, CreateNode)
    assert not some(plan, Launch)
    assert plan.jobs["0.head"].code is Code.NO_AGENTS


def test_at_the_limit_of_nodes_a_worker_may_still_grow() -> None:
    site = Site().rules(limit=Limit(nodes=1)).online("n1", 1, jobs={0: "r"}).asks("1")
    plan = site.plan(suppressed=True)
    assert plan.jobs["0.head"].code is Code.WAITING_FOR_OFFERS
    assert some(plan, Revive)
    assert one(site.offer("n1", 3).plan(), Launch).executor_id
