"""Tasks paid from reserved resources."""

from __future__ import annotations

from typing import Any

from torque_mesos.mesos.convert import reserved_part, usable_roles
from torque_mesos.mesos.reservations import Reservations


def scalar(name: str, value: float, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": "SCALAR", "scalar": {"value": value}} | more


def task(cpus: float, executor: str = "") -> dict[str, Any]:
    info: dict[str, Any] = {"task_id": {"value": "t"}, "resources": [scalar("cpus", cpus)]}
    if executor:
        own = [scalar("cpus", 0.1), scalar("mem", 32.0)]
        info["executor"] = {"executor_id": {"value": executor}, "resources": own}
    return info


def kept() -> Reservations:
    reservations = Reservations()
    entries = [scalar("cpus", 2.0, role="*"), scalar("cpus", 1.0, role="eng")]
    reservations.keep("O1", [*entries, scalar("mem", 1024.0, role="*")])
    return reservations


def test_only_offers_with_reserved_parts_are_of_interest() -> None:
    roles = usable_roles("eng/batch")
    plain = [scalar("cpus", 2.0, role="*"), scalar("mem", 9.0)]
    assert reserved_part({"resources": plain}, roles) == []
    assert reserved_part({}, roles) == []
    foreign = [*plain, scalar("cpus", 1.0, role="other")]
    assert reserved_part({"resources": foreign}, roles) == []
    ours = scalar("cpus", 1.0, role="eng")
    disk = scalar("disk", 1.0, role="eng")
    assert reserved_part({"resources": [*foreign, disk, ours]}, roles) == [*plain, ours]


def test_tasks_of_plain_offers_are_left_as_they_are() -> None:
    assert kept().pay(["O2"], [task(1, "e1")]) == [task(1, "e1")]
    bare = {"resources": [], "executor": {"executor_id": {"value": "e1"}}}
    ports = {"name": "ports", "type": "RANGES", "ranges": {"range": [{"begin": 1, "end": 2}]}}
    assert kept().pay(["O1"], [{**bare, "resources": [ports]}])[0]["resources"] == [ports]


def test_reserved_parts_are_used_first_and_once() -> None:
    one, two, three = kept().pay(["O1"], [task(0.4), task(1.6), task(3)])
    assert one["resources"] == [scalar("cpus", 0.4, role="eng")]
    assert two["resources"] == [scalar("cpus", 0.6, role="eng"), scalar("cpus", 1.0, role="*")]
    # What is not there stays asked for.
    assert three["resources"] == [scalar("cpus", 1.0, role="*"), scalar("cpus", 2.0)]


def test_an_executor_is_paid_once_and_always_told_the_same() -> None:
    reservations = kept()
    first, second = reservations.pay(["O1"], [task(0.5, "e1"), task(0.5, "e1")])
    own = [scalar("cpus", 0.1, role="eng"), scalar("mem", 32.0, role="*")]
    assert first["executor"]["resources"] == second["executor"]["resources"] == own
    assert second["resources"] == [scalar("cpus", 0.4, role="eng"), scalar("cpus", 0.1, role="*")]
    (later,) = reservations.pay(["O9"], [task(1, "e1")])
    assert later["executor"]["resources"] == own
    assert later["resources"] == [scalar("cpus", 1)]
    reservations.executor_ended("e1")
    (anew,) = reservations.pay(["O9"], [task(1, "e1")])
    assert anew == task(1, "e1")
    (grown,) = reservations.pay(["O1"], [task(1, "e1")])
    assert grown["executor"] == task(1, "e1")["executor"], "it was paid plainly"
    assert grown["resources"] == [scalar("cpus", 1.0, role="eng")]


def test_what_is_gone_pays_nothing() -> None:
    reservations = kept()
    reservations.forget(["O1"])
    assert reservations.pay(["O1"], [task(1)])[0]["resources"] == [scalar("cpus", 1)]
    reservations = kept()
    reservations.clear()
    assert reservations.pay(["O1"], [task(1)])[0]["resources"] == [scalar("cpus", 1)]
