"""What follows of one host from its record, its worker and its agent alone."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from torque_mesos.decide.packing import Host
from torque_mesos.decide.policy import Policy
from torque_mesos.decide.worker import PARKED_NOTE, Phase, own_note, phase
from torque_mesos.model import (
    Agent,
    Grant,
    Node,
    NodeState,
    Resources,
    TaskState,
    Worker,
)

_NOTHING = Resources()
_MAY_IDLE = frozenset({Phase.ONLINE, Phase.SIDELINED})
_CLOSED = frozenset({NodeState.BUSY, NodeState.RESERVE, NodeState.UNKNOWN})

Whole = tuple[str, int, frozenset[str], float, int]
"""Of a host as if nothing ran there: its name, slots, words, memory and gpus."""


class Taken(NamedTuple):
    """What can be taken of a host (None: nothing), and what that follows from beside its facts.

    `began`: what is known of np at the starts of its jobs; `feasible`: whether np may fall.
    """

    began: Mapping[str, int] | None
    feasible: bool
    offered: Resources | None
    host: Host | None


class Mark(enum.Enum):
    """What is so of some hosts."""

    __hash__ = object.__hash__  # members are single; the default asks for the name's hash

    DOWN = "the server takes it for down"
    IDLE = "its worker has no job, and could have one"
    IN_PART = "not all that its worker holds is in use"
    UNSURE = "not all grants of its worker run"
    IN_USE = "online, with jobs"
    PARKED = "parked"
    TRIMMED = "offline by us, with jobs on it, and not for good"
    RESTING = "parked as it should be, and its agent is there"


@dataclass(slots=True, eq=False)
class Facts:
    """One host. `policy` is what they were made with.

    `quiet`: it is parked or online and just as it should be, so that nothing is to be done about
    its record or its mom for its own sake. `drains`: a node that is well is offline by us, with
    jobs on it. `jobs`: those that hold slots. `grants`: those that could be given back before all
    else, the largest first. `old`: its worker was started with other settings than today's.
    `closed`: the server puts no job on what is free of it.

    Kept here for others, for as long as the facts hold: `in_use`, what `Views.slots_in_use` gave
    for what was known of np at the starts of jobs; `began`, what of that is of jobs that are still
    there; `taken` and `with_offer`, what could be taken of the host; `whole`, for `never`.
    """

    name: str
    node: Node | None
    worker: Worker | None
    agent: Agent | None
    policy: Policy
    phase: Phase
    marked: bool
    down: bool
    full_slots: int
    words: frozenset[str]
    highest: int
    jobs: frozenset[str]
    quiet: bool
    all_run: bool
    drains: bool
    grants: tuple[Grant, ...]
    old: bool
    closed: bool = False
    marks: frozenset[Mark] = frozenset()
    in_use: tuple[Mapping[str, int] | None, int] | None = None
    began: Mapping[str, int] | None = None
    taken: Taken | None = None
    with_offer: Taken | None = None
    whole: Whole | None = None


@lru_cache(maxsize=65536)
def _words(properties: frozenset[str], name: str) -> frozenset[str]:
    return properties | {name}


@lru_cache(maxsize=4096)
def slots_in(cpus: float, mem_mb: float, slot_cpus: float, slot_mem_mb: float) -> int:
    """How many whole slots fit into so much."""
    return Resources(cpus, mem_mb).slots(Resources(slot_cpus, slot_mem_mb))


def made(
    name: str,
    node: Node | None,
    worker: Worker | None,
    agent: Agent | None,
    policy: Policy,
    before: Facts | None,
) -> Facts:
    """The facts of a host. `before`: those of the turn before."""
    slot = policy.slot
    if worker is None:
        grants: tuple[Grant, ...] = ()
    elif before is not None and before.worker is worker and before.policy is policy:
        grants = before.grants
    else:
        grants = _plain_grants(worker, slot)
    full = agent.total if agent else _NOTHING
    full_slots = slots_in(full.cpus, full.mem_mb, slot.cpus, slot.mem_mb) if agent else 0
    if node is not None:
        words = _words(node.properties, name)
    else:
        words = _words(policy.node_properties(agent) if agent else frozenset(), name)
    others = node is not None and not own_note(node.note)
    where = phase(node, worker, node is not None and others and policy.manages(node, agent))
    facts = Facts(
        name=name,
        node=node,
        worker=worker,
        agent=agent,
        policy=policy,
        phase=where,
        marked=node is not None and own_note(node.note) != "",
        down=node is not None and NodeState.DOWN in node.states,
        full_slots=full_slots,
        words=words,
        highest=max(node.slots, default=-1) if node is not None else -1,
        jobs=node.jobs if node is not None else frozenset(),
        quiet=_quiet(node, worker, agent, policy, where, full_slots),
        all_run=worker is not None and all(g.state is TaskState.RUNNING for g in worker.grants),
        drains=_drains(node, worker, where),
        grants=grants,
        old=worker is not None and worker.generation != policy.generation,
        closed=node is not None and _closed(node),
    )
    facts.marks = frozenset(_marks(facts))
    return facts


def _marks(facts: Facts) -> Iterator[Mark]:
    node, worker, agent, where = facts.node, facts.worker, facts.agent, facts.phase
    used = len(node.slots) if node is not None else 0
    if facts.down:
        yield Mark.DOWN
    if worker is not None:
        if where in _MAY_IDLE and not used:
            yield Mark.IDLE
        if not facts.all_run:
            yield Mark.UNSURE
        if node is not None and (
            worker.running_slots > used
            or (where is Phase.ONLINE and node.np > worker.running_slots)
        ):
            yield Mark.IN_PART
    if facts.drains and not facts.old:
        yield Mark.TRIMMED
    if where is Phase.ONLINE and used:
        yield Mark.IN_USE
    if where is Phase.PARKED:
        yield Mark.PARKED
        if facts.quiet and agent is not None and agent.active:
            yield Mark.RESTING


def _closed(node: Node) -> bool:
    """Whether the server puts no job on a node, whatever is free of it.

    One whose slots are all in use is job-exclusive, too; it is open again as soon as it grows.
    """
    if not _CLOSED.isdisjoint(node.states):
        return True
    full = bool(node.slots) and len(node.slots) >= node.np
    return NodeState.JOB_EXCLUSIVE in node.states and not full


def _drains(node: Node | None, worker: Worker | None, where: Phase) -> bool:
    if where is not Phase.DRAINING or node is None or worker is None:
        return False
    return bool(node.slots) and not worker.unreachable and NodeState.DOWN not in node.states


def _quiet(
    node: Node | None,
    worker: Worker | None,
    agent: Agent | None,
    policy: Policy,
    where: Phase,
    full_slots: int,
) -> bool:
    if node is None or agent is None:
        return False
    if where is Phase.PARKED and policy.forget_after_s > 0:
        return policy.park and node.note == PARKED_NOTE and node.np >= full_slots
    if where is not Phase.ONLINE or worker is None or worker.unreachable:
        return False
    sized = worker.running_slots <= node.np and worker.running_gpus in (0, node.gpus)
    return sized and node.note != PARKED_NOTE and worker.generation == policy.generation


def _plain_grants(worker: Worker, slot: Resources) -> tuple[Grant, ...]:
    """Grants that run and hold nothing but their slots, without the first, the largest first."""
    running = [g for g in worker.grants[1:] if g.state is TaskState.RUNNING and g.slots]
    whole = {slots: slot * slots for slots in {grant.slots for grant in running}}
    plain = [g for g in running if whole[g.slots].holds(g.resources)]
    return tuple(sorted(plain, key=lambda grant: (-grant.slots, grant.task_id)))
