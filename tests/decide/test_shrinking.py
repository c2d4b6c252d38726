"""Shrinking: the grace, what makes room, older generations, late starts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.decide.site import (
    DOWN,
    NOW_S,
    OFFLINE,
    Site,
    codes,
    kinds,
    one,
    some,
)
from torque_mesos.decide import Limit, Memory
from torque_mesos.decide.plan import (
    Decline,
    Failures,
    Kill,
    Launch,
    Offline,
    Online,
    Revive,
    SetNp,
    Wake,
)
from torque_mesos.decide.reason import Code
from torque_mesos.decide.worker import (
    DRAINING_NOTE,
    PARKED_NOTE,
)
from torque_mesos.model import Job, JobState, TaskState, frozen_map

LONG_AGO = NOW_S - 500.0


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
