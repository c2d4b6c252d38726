"""Without parking: records are made and deleted as needed."""

from __future__ import annotations

from tests.decide.site import (
    Site,
    codes,
    kinds,
    one,
    some,
)
from torque_mesos.decide.plan import (
    CreateNode,
    DeleteNode,
    Launch,
)
from torque_mesos.decide.reason import Code


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
