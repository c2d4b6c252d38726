"""What is not known changes nothing, and is told."""

from __future__ import annotations

import pytest

from tests.decide.site import (
    DOWN,
    NOW_S,
    OFFLINE,
    Site,
    codes,
    kinds,
    one,
)
from torque_mesos.decide.plan import (
    Decline,
)
from torque_mesos.decide.reason import Code
from torque_mesos.decide.worker import (
    ONLINE_NOTE,
    PARKED_NOTE,
)
from torque_mesos.model import JobState, frozen_map

LONG_AGO = NOW_S - 500.0


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


def test_a_waiting_job_is_told_that_mesos_is_away() -> None:
    site = Site().parked("n1").asks("1").asks("1", JobState.HELD).asks("1:ppn=9")
    plan = site.plan(mesos_ready=False)
    assert codes(plan) == {
        "0.head": Code.NOT_CONNECTED,
        "1.head": Code.HELD,
        "2.head": Code.NEVER_TOO_LARGE,
    }
    assert not plan.actions
