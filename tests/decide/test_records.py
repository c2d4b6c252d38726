"""Node records: made, parked, sized and forgotten; jobs of moms that are lost."""

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
    CreateNode,
    DeleteNode,
    Kill,
    Offline,
    Online,
    Rerun,
)
from torque_mesos.decide.reason import Code
from torque_mesos.decide.worker import (
    DRAINING_NOTE,
    ONLINE_NOTE,
    PARKED_NOTE,
)
from torque_mesos.model import TaskState, frozen_map


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


@pytest.mark.parametrize(
    ("note", "marks"),
    [(ONLINE_NOTE, [DRAINING_NOTE]), ("ERROR: disk", [None]), ("look at its disk", [])],
)
def test_a_dead_host_gets_our_mark_but_where_a_person_wrote_a_note(
    note: str, marks: list[str | None]
) -> None:
    site = Site().agent("n1", active=False).node("n1", 4, (DOWN,), note, {0: "7.head"})
    site.worker("n1", 4, TaskState.UNREACHABLE).remembers(down_since=frozen_map({"n1": NOW_S - 60}))
    plan = site.plan()
    assert [offline.note for offline in some(plan, Offline)] == marks
    assert one(plan, Rerun).job_id == "7.head"
