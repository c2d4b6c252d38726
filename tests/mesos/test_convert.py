"""Mesos' JSON to our values."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torque_mesos.mesos.base import (
    AgentLost,
    ExecutorLost,
    InverseOffers,
    InverseRescinded,
    Rescinded,
    TaskStatus,
)
from torque_mesos.mesos.convert import (
    Unreadable,
    offer_id_of,
    read_agent,
    read_event,
    read_offer,
    read_schedule,
    reserved_part,
    usable_roles,
)
from torque_mesos.model import InverseOffer, Offer, Resources, TaskState

ROLES = usable_roles("eng/batch")


def scalar(name: str, value: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": "SCALAR", "scalar": {"value": value}} | more


def raw_offer(*resources: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": {"value": "O1"},
        "framework_id": {"value": "F1"},
        "agent_id": {"value": "S1"},
        "hostname": "n1.cluster.test",
        "resources": list(resources),
        **more,
    }


def test_roles_whose_reservations_one_may_use() -> None:
    assert usable_roles("eng/batch") == {"*", "eng", "eng/batch"}
    assert usable_roles("*") == {"*"}


def test_an_offer() -> None:
    ports = {"name": "ports", "type": "RANGES", "ranges": {"range": [{"begin": 1, "end": 9}]}}
    raw = raw_offer(
        ports,
        scalar("cpus", 1.9, role="*"),
        scalar("mem", 1024.0, role="*"),
        scalar("disk", 4096.0, role="*"),
        attributes=[
            {"name": "rack", "type": "TEXT", "text": {"value": "r1"}},
            {"name": "cores", "type": "SCALAR", "scalar": {"value": 64.0}},
            {"name": "load", "type": "SCALAR", "scalar": {"value": 0.25}},
            {
                "name": "ids",
                "type": "RANGES",
                "ranges": {"range": [{"begin": 1, "end": 3}, {"begin": 7, "end": 9}]},
            },
            {"name": "tags", "type": "SET", "set": {"item": ["a", "b"]}},
        ],
    )
    attributes = {
        "rack": "r1",
        "cores": "64",
        "load": "0.25",
        "ids": "[1-3, 7-9]",
        "tags": "{a, b}",
    }
    resources = Resources(1.9, 1024)
    assert read_offer(raw, ROLES, 5.0) == Offer(
        "O1", "S1", "n1.cluster.test", resources, attributes, 5.0
    )


@pytest.mark.parametrize(
    ("entry", "cpus"),
    [
        (scalar("cpus", 2.0), 3.0),
        (scalar("cpus", 2.0, role="eng"), 3.0),
        (scalar("cpus", 2.0, role="eng/batch"), 3.0),
        (scalar("cpus", 2.0, role="eng/other"), 1.0),
        (scalar("cpus", 2.0, role="other"), 1.0),
        (scalar("cpus", 2.0, reservations=[]), 3.0),
        (scalar("cpus", 2.0, reservations=[{"type": "STATIC", "role": "eng"}]), 3.0),
        (scalar("cpus", 2.0, reservations=[{"role": "eng"}, {"role": "eng/x"}]), 1.0),
        (scalar("cpus", 2.0, role="*", revocable={}), 1.0),
    ],
)
def test_only_what_the_role_may_use_counts(entry: dict[str, Any], cpus: float) -> None:
    offer = read_offer(raw_offer(scalar("cpus", 1.0, role="*"), entry), ROLES, 0.0)
    assert offer.resources == Resources(cpus, 0)


def test_gpus_are_whole_and_count_apart() -> None:
    raw = raw_offer(scalar("cpus", 1.0), scalar("gpus", 2.0, role="*"), scalar("gpus", 1.0))
    assert read_offer(raw, ROLES, 0.0).resources == Resources(1, 0, 3)
    reserved = scalar("gpus", 2.0, reservations=[{"role": "eng"}])
    assert reserved_part(raw_offer(reserved), ROLES) == [reserved]


def test_sums_are_exact_to_a_thousandth() -> None:
    raw = raw_offer(*[scalar("cpus", 0.1)] * 3)
    assert read_offer(raw, ROLES, 0.0).resources.cpus == 0.3


@pytest.mark.parametrize("value", ["2", None, [], {}, float("nan"), float("inf"), -1.0, 10**400])
def test_an_amount_that_is_none_makes_the_offer_unreadable(value: Any) -> None:
    with pytest.raises(Unreadable, match=r"cannot read an offer .*'O1'"):
        read_offer(raw_offer(scalar("cpus", value)), ROLES, 0.0)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(JSON)
def test_whatever_it_is_only_unreadable_is_raised(raw: Any) -> None:
    for read in (
        lambda: read_offer(raw, ROLES, 0.0),
        lambda: read_agent(raw, ROLES),
        lambda: read_event("UPDATE", raw),
        lambda: read_event("RESCIND", raw),
        lambda: read_event("FAILURE", raw),
    ):
        with pytest.raises(Unreadable):
            read()
    assert offer_id_of(raw) is None


WHOLE: dict[str, Any] = raw_offer(
    scalar("cpus", 1.0), attributes=[{"name": "a", "type": "TEXT", "text": {"value": "b"}}]
)


@given(st.sampled_from(["id", "agent_id", "hostname", "resources", "attributes"]), JSON)
def test_a_part_that_is_something_else_is_read_or_unreadable(part: str, other: Any) -> None:
    raw = copy.deepcopy(WHOLE) | {part: other}
    try:
        offer = read_offer(raw, ROLES, 0.0)
    except Unreadable:
        return
    assert isinstance(offer.hostname, str)
    assert isinstance(offer.offer_id, str)


def test_an_error_quotes_only_the_beginning() -> None:
    with pytest.raises(Unreadable) as caught:
        read_offer({"padding": "x" * 1000}, ROLES, 0.0)
    assert "{'padding': 'xxx" in str(caught.value)
    assert len(str(caught.value)) < 400


def test_events() -> None:
    failure = {"agent_id": {"value": "S1"}}
    assert read_event("FAILURE", failure) == AgentLost("S1")
    executor = failure | {"executor_id": {"value": "e1"}, "status": 768}
    assert read_event("FAILURE", executor) == ExecutorLost("e1", "S1", 768)
    assert read_event("RESCIND", {"offer_id": {"value": "O5"}}) == Rescinded("O5")
    assert read_event("MESSAGE", {"data": ""}) is None
    status = {
        "task_id": {"value": "t1"},
        "state": "TASK_FAILED",
        "message": "Executor terminated",
        "source": "SOURCE_AGENT",
        "reason": "REASON_EXECUTOR_TERMINATED",
        "agent_id": {"value": "S1"},
        "executor_id": {"value": "e1"},
    }
    assert read_event("UPDATE", {"status": status}) == TaskStatus(
        "t1",
        TaskState.FAILED,
        "S1",
        "e1",
        "REASON_EXECUTOR_TERMINATED",
        "Executor terminated",
        "SOURCE_AGENT",
    )


@pytest.mark.parametrize("state", TaskState)
def test_every_state_has_its_name_in_mesos(state: TaskState) -> None:
    status = {"task_id": {"value": "t"}, "state": f"TASK_{state.value}"}
    assert read_event("UPDATE", {"status": status}) == TaskStatus("t", state)


def test_an_agent_counts_what_the_role_may_use() -> None:
    raw = {
        "id": "S1",
        "hostname": "n1.cluster.test",
        "attributes": {"rack": "r1", "n": 3.0, "ids": "[1-3, 7-9]"},
        "resources": {"cpus": 3.0, "mem": 1524.0},
        "unreserved_resources_full": [
            scalar("cpus", 2.0, role="*"),
            scalar("mem", 1024.0, role="*"),
            scalar("cpus", 8.0, role="*", revocable={}),
        ],
        "reserved_resources_full": {
            "eng": [scalar("cpus", 1.0, role="eng", reservations=[{"role": "eng"}])],
            "other": [scalar("mem", 500.0, role="other", reservations=[{"role": "other"}])],
        },
        "active": True,
        "deactivated": False,
    }
    agent = read_agent(raw, ROLES)
    assert agent.address == ""
    assert read_agent(raw | {"pid": "slave(1)@10.0.0.5:5051"}, ROLES).address == "10.0.0.5"
    assert agent.total == Resources(3, 1024)
    assert agent.attributes == {"rack": "r1", "n": "3", "ids": "[1-3, 7-9]"}
    assert agent.active
    assert not read_agent(raw | {"deactivated": True}, ROLES).active
    assert not read_agent(raw | {"active": False}, ROLES).active


def test_an_offer_has_what_the_role_may_use_that_it_is_made_to() -> None:
    parts = (scalar("cpus", 1.0), scalar("cpus", 2.0, role="eng"), scalar("cpus", 4.0, role="ops"))
    both = usable_roles("eng", "ops")
    assert both == {"*", "eng", "ops"}
    for role, cpus in (("eng", 3.0), ("ops", 5.0), ("other", 1.0)):
        raw = raw_offer(*parts) | {"allocation_info": {"role": role}}
        offer = read_offer(raw, both, 0.0)
        assert (offer.role, offer.resources.cpus) == (role, cpus)
        assert len(reserved_part(raw, both)) == (2 if role != "other" else 0)


WINDOW = {"start": {"nanoseconds": 1_800_000_000_500_000_000}, "duration": {"nanoseconds": 1}}


def test_what_a_maintenance_schedule_says() -> None:
    machines = [{"hostname": "N1", "ip": "10.0.0.1"}, {"hostname": "n2"}, {"ip": "10.0.0.3"}]
    raw = {"windows": [{"machine_ids": machines, "unavailability": WINDOW}]}
    windows = read_schedule(raw)
    assert read_schedule({}) == ()

    def of(hostname: str, ip: str) -> float | None:
        entry = {"id": "S1", "hostname": hostname, "pid": f"slave(1)@{ip}:5051", "active": True}
        entry |= {"unreserved_resources_full": [], "attributes": {}}  # type: ignore[dict-item]
        return read_agent(entry, frozenset({"*"}), windows).unavailable_s

    assert of("n1", "10.0.0.1") == 1_800_000_000.5
    assert of("n1", "10.0.0.9") is None
    assert of("n2", "10.0.0.9") == of("n7", "10.0.0.3") == 1_800_000_000.5
    with pytest.raises(Unreadable, match="maintenance schedule"):
        read_schedule({"windows": [{"machine_ids": machines}]})


def test_inverse_offers_and_offers_with_a_window() -> None:
    body = {
        "inverse_offers": [
            {
                "id": {"value": "I1"},
                "agent_id": {"value": "S1"},
                "framework_id": {"value": "F"},
                "unavailability": WINDOW,
            }
        ]
    }
    event = read_event("INVERSE_OFFERS", body)
    assert event == InverseOffers((InverseOffer("I1", "S1", 1_800_000_000.5),))
    rescinded = read_event("RESCIND_INVERSE_OFFER", {"inverse_offer_id": {"value": "I1"}})
    assert rescinded == InverseRescinded("I1")
