"""What people and others made is left as it is."""

from __future__ import annotations

import pytest

from tests.decide.site import (
    DOWN,
    FREE,
    NOW_S,
    OFFLINE,
    Site,
    kinds,
    one,
    some,
)
from torque_mesos.decide.plan import (
    Decline,
    Kill,
    Offline,
    Revive,
)
from torque_mesos.decide.reason import Code
from torque_mesos.decide.worker import (
    DRAINING_NOTE,
    ONLINE_NOTE,
)
from torque_mesos.model import frozen_map

LONG_AGO = NOW_S - 500.0


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


@pytest.mark.parametrize("note", ["torque-mesos node with a bad disk", "torque-mesos:parkedX"])
def test_a_note_that_only_begins_like_ours_is_a_persons(note: str) -> None:
    site = Site().agent("n1").node("n1", 4, (FREE, OFFLINE), note).worker("n1").asks("1")
    assert not {"Online", "Offline"} & set(kinds(site.plan())), "a person took it offline"
    site = Site().agent("n1").node("n1", 4, (DOWN, OFFLINE), note).offer("n1", 4).asks("1")
    assert {type(action) for action in site.plan().actions} <= {Decline, Revive}


def test_a_worker_whose_node_a_person_took_with_a_note_of_his_own() -> None:
    site = Site().agent("n1").node("n1", 4, (OFFLINE,), "bad disk").worker("n1")
    site.remembers(idle_since=frozen_map({"n1": LONG_AGO}))
    assert kinds(site.plan())[:1] == ["Kill"]
    busy = Site().agent("n1").node("n1", 4, (OFFLINE,), "bad disk", {0: "r"}).worker("n1")
    assert not some(busy.plan(), Kill)


def test_an_idle_node_with_a_persons_note_stays_as_it_is_until_the_note_is_gone() -> None:
    """An offline mark of ours behind such a note would stay for good."""

    def idle(note: str) -> Site:
        site = Site().agent("n1").node("n1", 4, (FREE,), note).worker("n1")
        return site.remembers(idle_since=frozen_map({"n1": LONG_AGO}))

    plan = idle("disk changed").plan()
    assert not {"Offline", "Kill", "SetNp", "Online"} & set(kinds(plan))
    assert plan.nodes["n1"].code is Code.NOT_OURS
    for note in ("", ONLINE_NOTE):
        assert one(idle(note).plan(), Offline).note == DRAINING_NOTE
