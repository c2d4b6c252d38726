"""Mesos' JSON to our values.

Every function raises Unreadable for what is not as Mesos' protocol says. Offers are
read straight from the parsed JSON: an event may hold ten thousand of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from torque_mesos.mesos.base import (
    AgentLost,
    Event,
    ExecutorLost,
    InverseOffers,
    InverseRescinded,
    Rescinded,
    TaskStatus,
)
from torque_mesos.model import Agent, InverseOffer, Offer, Resources, TaskState

_QUOTED = 200
_NO_ATTRIBUTES: Mapping[str, str] = MappingProxyType({})
_NAMES = frozenset({"cpus", "mem", "gpus"})
_STATES = {"TASK_" + state.name: state for state in TaskState}
# What reading a value that has another shape than expected can raise.
MISFIT = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)

Json = Any


class Unreadable(ValueError):
    """A part of what Mesos said that is not as its protocol says."""


def unreadable(what: str, raw: Json, error: object) -> Unreadable:
    """An error that quotes the beginning of `raw`."""
    text = repr(raw)
    if len(text) > _QUOTED:
        text = text[:_QUOTED] + "..."
    return Unreadable(f"cannot read {what} ({type(error).__name__}: {error}): {text}")


# --- resources and attributes ---------------------------------------------------


@lru_cache
def usable_roles(*roles: str) -> frozenset[str]:
    """The roles whose reservations may be used for `roles`: `*`, these, and their parents."""
    found = {"*"}
    for role in roles:
        parts = role.split("/")
        found |= {"/".join(parts[: end + 1]) for end in range(len(parts))}
    return frozenset(found)


def role_of(raw: Json) -> str:
    """The role that an offer is made to; empty where it is not told."""
    return str(raw.get("allocation_info", {}).get("role", ""))


def _reserved_for(resource: Json) -> str:
    if reservations := resource.get("reservations"):
        return str(reservations[-1]["role"])
    return str(resource.get("role", "*"))


def reserved_part(raw: Json, roles: frozenset[str]) -> list[Json]:
    """The usable cpus, mem and gpus of an offer that has reserved ones among them, else nothing.

    For an offer that `read_offer` could read.
    """
    if role := role_of(raw):
        roles = usable_roles(role)
    usable = [
        resource
        for resource in raw.get("resources", ())
        if resource["name"] in _NAMES
        and _reserved_for(resource) in roles
        and "revocable" not in resource
    ]
    return usable if any(_reserved_for(resource) != "*" for resource in usable) else []


def _usable(resources: Json, roles: frozenset[str]) -> Resources:
    """The cpus, mem and gpus that are not revocable and not reserved for others."""
    cpus = mem = gpus = 0.0
    for resource in resources:
        name = resource["name"]
        if name in _NAMES and _reserved_for(resource) in roles and "revocable" not in resource:
            value = resource["scalar"]["value"]
            if name == "cpus":
                cpus += value
            elif name == "mem":
                mem += value
            else:
                gpus += value
    if not (0.0 <= cpus < math.inf and 0.0 <= mem < math.inf and 0.0 <= gpus < math.inf):
        raise ValueError(f"cpus {cpus}, mem {mem}, gpus {gpus}")
    return Resources(round(cpus, 3), round(mem, 3), int(gpus))


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(round(float(value), 3))


def _attribute(raw: Json) -> str:
    kind = raw["type"]
    if kind == "TEXT":
        return str(raw["text"]["value"])
    if kind == "SCALAR":
        return _number(raw["scalar"]["value"])
    if kind == "RANGES":
        ranges = raw["ranges"].get("range", ())
        return "[" + ", ".join(f"{part['begin']}-{part['end']}" for part in ranges) + "]"
    if kind == "SET":
        return "{" + ", ".join(raw["set"].get("item", ())) + "}"
    raise ValueError(f"attribute type {kind!r}")


# --- events -----------------------------------------------------------------------


def read_offer(raw: Json, roles: frozenset[str], received_s: float) -> Offer:
    """One offer: what of its cpus, mem and gpus a framework with `roles` may use.

    One that is made to a role has what that role may use.
    """
    try:
        role = role_of(raw)
        attributes = raw.get("attributes")
        offer_id, agent_id = raw["id"]["value"], raw["agent_id"]["value"]
        hostname = raw["hostname"]
        if not (type(offer_id) is type(agent_id) is type(hostname) is str):
            raise TypeError("an id or the host name is not a text")
        return Offer(
            offer_id,
            agent_id,
            hostname,
            _usable(raw.get("resources", ()), usable_roles(role) if role else roles),
            MappingProxyType({each["name"]: _attribute(each) for each in attributes})
            if attributes
            else _NO_ATTRIBUTES,
            received_s,
            role,
            unavailable_s=_begins_s(raw["unavailability"]) if "unavailability" in raw else None,
        )
    except MISFIT as error:
        raise unreadable("an offer", raw, error) from error


def _begins_s(unavailability: Json) -> float:
    return float(unavailability["start"]["nanoseconds"]) / 1e9


def offer_id_of(raw: Json) -> str | None:
    """The id of an offer that may be unreadable otherwise."""
    try:
        offer_id = raw["id"]["value"]
    except MISFIT:
        return None
    return offer_id if isinstance(offer_id, str) else None


def _optional(raw: Json, key: str) -> str | None:
    return str(raw[key]["value"]) if key in raw else None


def _status(raw: Json) -> TaskStatus:
    status = raw["status"]
    return TaskStatus(
        task_id=str(status["task_id"]["value"]),
        state=_STATES[status["state"]],
        agent_id=_optional(status, "agent_id"),
        executor_id=_optional(status, "executor_id"),
        reason=str(status.get("reason", "")),
        message=str(status.get("message", "")),
        source=str(status.get("source", "")),
        data=str(status.get("data", "")),
    )


def _rescind(raw: Json) -> Rescinded:
    return Rescinded(str(raw["offer_id"]["value"]))


def _failure(raw: Json) -> Event:
    agent_id = str(raw["agent_id"]["value"])
    if "executor_id" not in raw:
        return AgentLost(agent_id)
    return ExecutorLost(str(raw["executor_id"]["value"]), agent_id, int(raw.get("status", 0)))


def _inverse_offers(raw: Json) -> InverseOffers:
    return InverseOffers(
        tuple(
            InverseOffer(
                offer_id=str(each["id"]["value"]),
                agent_id=str(each["agent_id"]["value"]),
                unavailable_s=_begins_s(each["unavailability"]),
            )
            for each in raw["inverse_offers"]
            if "agent_id" in each
        )
    )


def _rescind_inverse(raw: Json) -> InverseRescinded:
    return InverseRescinded(str(raw["inverse_offer_id"]["value"]))


_READERS: Mapping[str, Callable[[Json], Event]] = {
    "UPDATE": _status,
    "RESCIND": _rescind,
    "FAILURE": _failure,
    "INVERSE_OFFERS": _inverse_offers,
    "RESCIND_INVERSE_OFFER": _rescind_inverse,
}


def read_event(kind: str, body: Json) -> Event | None:
    """The event of type `kind` that says `body`, None for one that means nothing to us."""
    reader = _READERS.get(kind)
    if reader is None:
        return None
    try:
        return reader(body)
    except MISFIT as error:
        raise unreadable(f"an event {kind}", body, error) from error


# --- the master's list of agents ----------------------------------------------------


Windows = tuple[tuple[str | None, str | None, float], ...]  # host name, address, beginning


def read_schedule(raw: Json) -> Windows:
    """The master's maintenance schedule: machines, and when they go away, in s since 1970."""
    try:
        return tuple(
            (machine.get("hostname"), machine.get("ip"), _begins_s(window["unavailability"]))
            for window in raw.get("windows", ())
            for machine in window["machine_ids"]
        )
    except MISFIT as error:
        raise unreadable("the maintenance schedule", raw, error) from error


def _unavailable_s(raw: Json, windows: Windows) -> float | None:
    """When an agent goes away: a machine is named by its host name, its address, or both."""
    if not windows:
        return None
    hostname = str(raw["hostname"]).lower()
    address = _address(raw)
    starts = (
        start_s
        for name, ip, start_s in windows
        if (name or ip) and (not name or name.lower() == hostname) and (not ip or ip == address)
    )
    return min(starts, default=None)


def _address(raw: Json) -> str:
    return str(raw.get("pid", "")).rpartition("@")[2].rpartition(":")[0]


def read_agent(raw: Json, roles: frozenset[str], windows: Windows = ()) -> Agent:
    """One entry of the master's `/slaves`. `total` is what a framework with `roles` may use."""
    try:
        full = list(raw["unreserved_resources_full"])
        for role, resources in raw.get("reserved_resources_full", {}).items():
            if role in roles:
                full += resources
        attributes = raw.get("attributes", {}).items()
        return Agent(
            agent_id=str(raw["id"]),
            hostname=str(raw["hostname"]),
            total=_usable(full, roles),
            attributes=MappingProxyType(
                {k: v if isinstance(v, str) else _number(v) for k, v in attributes}
            ),
            active=bool(raw["active"]) and not raw.get("deactivated", False),
            unavailable_s=_unavailable_s(raw, windows),
            address=_address(raw),
        )
    except MISFIT as error:
        raise unreadable("an agent", raw, error) from error
