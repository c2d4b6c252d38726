"""A reason for every node of ours that no other part of a turn spoke of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from torque_mesos.decide.facts import Mark
from torque_mesos.decide.growth import Growth
from torque_mesos.decide.kept import Kept
from torque_mesos.decide.plan import Snapshot
from torque_mesos.decide.policy import Policy
from torque_mesos.decide.reason import Code, Reason
from torque_mesos.decide.turn import Turn
from torque_mesos.decide.worker import Phase, own_note
from torque_mesos.model import Agent

# Made once: most nodes have one of these in every turn.
_IN_USE = Reason(Code.IN_USE, "jobs run on it")
_CLAIMED = Reason(Code.RUNS_SOON, "idle, and a waiting job will run on it")
_KEPT = Reason(Code.IDLE, "no job runs on it")
_DOWN = Reason(Code.MOM_DOWN, "the server takes it for down; nothing is done because of that")
_HELD_BACK = Reason(Code.STARTING_NODES, "ready; the other nodes of the same job are not yet")
_READY = Reason(Code.READY, "ready for jobs")
_STARTING = Reason(Code.STARTING_NODES, "its mom is being started")
_DRAINING = Reason(Code.IDLE, "draining: it waits for its jobs to end")
_REGISTERING = Reason(Code.REGISTERING, "a new record: the server is not done with it")
_TO_BE_PARKED = Reason(Code.NOTHING_RUNS_HERE, "no mom is ready here")
_PARKED = Reason(Code.NO_DEMAND, "parked: no job needs it now")
_NO_OFFER = Reason(Code.WAITING_FOR_OFFERS, "parked: jobs wait, and Mesos offers none of it now")
_INCOMPLETE = Reason(Code.INCOMPLETE, "parked: jobs wait that need more than is offered now")
_NO_USE = Reason(Code.TOO_SMALL, "parked: of no use to the jobs that wait")
_NO_GPUS = Reason(
    Code.TOO_SMALL, "parked: its record says that it has gpus, and none of them is offered"
)
_AWAY = Reason(Code.AGENT_AWAY, "parked: Mesos does not list its agent now")
_UNMADE = Reason(Code.NO_DEMAND, "no record: no job needs it now")
_SIDELINED = Reason(Code.SIDELINED, "a person took it offline, and it stays so")
_FOREIGN = Reason(Code.NOT_OURS, "its node record was made by others")
_UNREAD = Reason(Code.SERVER_UNREADABLE, "its record cannot be read; nothing is done to it")
_STUCK = Reason(
    Code.IN_USE, "the server takes its slots for used, and tells of no job there; it gets none"
)
_STRANDED = Reason(Code.MOM_DOWN, "its mom is gone; its jobs wait until its host is surely dead")


class _LeftOut(NamedTuple):
    agents: Mapping[str, Agent]
    wanted: tuple[str, ...]
    found: Mapping[str, tuple[str, ...]]


_last_left_out = Kept[_LeftOut | None](None)


def explain_nodes(turn: Turn, growth: Growth) -> None:
    """Give every node that has no reason yet the one that follows from its phase."""
    marked = turn.known.marked
    found = dict.fromkeys(marked[Mark.IN_USE] - growth.claimed, _IN_USE)
    if not (growth.short or growth.floor_short):
        found.update(dict.fromkeys(marked[Mark.RESTING], _PARKED))
    else:
        found.update(dict.fromkeys(marked[Mark.RESTING] - turn.offers.keys(), _NO_OFFER))
    found.update(turn.nodes)
    for name in turn.phases.keys() - found.keys() - {turn.policy.capacity_record}:
        reason = _of(turn, growth, name, turn.phases[name])
        if reason is not None:
            found[name] = reason
    if turn.policy.attribute_properties:
        _tell_left_out(turn, found)
    turn.nodes = found
    for name in turn.reading.unreadable_nodes:
        turn.nodes[name] = _UNREAD


def _tell_left_out(turn: Turn, found: dict[str, Reason]) -> None:
    """Say which attributes of agents cannot be properties of their nodes."""
    for name, left_out in _left_out(turn.agents, turn.policy).items():
        if reason := found.get(name):
            text = (
                f"{reason.text}; its agent's attribute {', '.join(left_out)} is no property of it:"
                " one begins with a letter, then come letters, digits, '_', '.' and '-'"
            )
            found[name] = Reason(reason.code, text, reason.numbers)


def _left_out(agents: Mapping[str, Agent], policy: Policy) -> Mapping[str, tuple[str, ...]]:
    """What of the attributes of agents is no property, by node; nothing for most."""
    last, wanted = _last_left_out.value, policy.attribute_properties
    if last is None or last.agents is not agents or last.wanted != wanted:
        every = {name: policy.no_properties(agent) for name, agent in agents.items()}
        last = _LeftOut(agents, wanted, {name: words for name, words in every.items() if words})
        _last_left_out.value = last
    return last.found


def explain_waiting(snapshot: Snapshot, policy: Policy, reason: Reason) -> dict[str, Reason]:
    """While nothing may be changed: the same reason for every node that is known to be ours."""
    nodes = snapshot.reading.nodes if snapshot.reading is not None else ()
    ours = {node.name for node in nodes if own_note(node.note)}
    ours |= {worker.node for worker in snapshot.workers}
    return dict.fromkeys(sorted(ours - {policy.capacity_record}), reason)


def _of(turn: Turn, growth: Growth, name: str, where: Phase) -> Reason | None:
    if turn.stuck(name) and not turn.busy(name):
        return _STUCK
    if where is Phase.PARKED:
        return _parked(turn, growth, name)
    if where in (Phase.ONLINE, Phase.SIDELINED, Phase.DRAINING):
        return _up(turn, growth, name, where)
    if where is Phase.READY:
        return _HELD_BACK if name in growth.held_back else _READY
    if where is Phase.ABSENT:
        agent = turn.agents.get(name)
        return _UNMADE if agent is not None and agent.active else _AWAY
    if where is Phase.FOREIGN:
        return _FOREIGN if name in turn.agents else None  # others' own nodes are not our matter
    return {
        Phase.STARTING: _STARTING,
        Phase.REGISTERING: _REGISTERING,
        Phase.UNPARKED: _TO_BE_PARKED,
        Phase.STRANDED: _STRANDED,
    }[where]


def _up(turn: Turn, growth: Growth, name: str, where: Phase) -> Reason:
    if where is Phase.SIDELINED:
        return _SIDELINED
    if name in growth.claimed and not turn.busy(name):
        return _CLAIMED
    if where is Phase.DRAINING:
        return _DRAINING
    if turn.busy(name):
        return _IN_USE
    return _DOWN if turn.down(name) else _KEPT


def _parked(turn: Turn, growth: Growth, name: str) -> Reason:
    agent = turn.agents.get(name)
    if agent is None or not agent.active:
        return _AWAY
    if not growth.short and not growth.floor_short:
        return _PARKED
    if not turn.offered_slots(name):
        return _NO_OFFER
    if turn.without_its_gpus(name):
        return _NO_GPUS
    host = growth.hosts.get(name)
    of_use = host is not None and any(host.serves(part) for part in growth.parts_short)
    return _INCOMPLETE if of_use or growth.floor_short else _NO_USE
