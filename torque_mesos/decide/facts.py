"""What follows of one host from its record, its worker and its agent alone.

Most hosts are from turn to turn as they were. Their facts are kept for one turn more, by the
identity of what they follow from; as all of that is frozen, they are what they would be if
they were made anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from torque_mesos.decide.policy import Policy
from torque_mesos.decide.request import MEMORY, Request, RequestError, parse_request
from torque_mesos.decide.worker import MARK, PARKED_NOTE, Phase, phase
from torque_mesos.model import Agent, Grant, Job, Node, NodeState, Resources, TaskState, Worker

_NOTHING = Resources()


@dataclass(slots=True, eq=False)
class Facts:
    """One host. `policy` is what they were made with.

    `grants`: those that could be given back before all else, the largest first. `whole`: what
    its agent, or its worker, has in all: slots, words, memory and gpus. `hosts`: what
    was made of it for packing, by who made it; a matter of that module.
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
    parked_well: bool
    all_run: bool
    grants: tuple[Grant, ...]
    hosts: dict[str, tuple[object, ...]] = field(default_factory=dict)


@lru_cache(maxsize=65536)
def _words(properties: frozenset[str], name: str) -> frozenset[str]:
    return properties | {name}


@lru_cache(maxsize=4096)
def slots_in(cpus: float, mem_mb: float, slot_cpus: float, slot_mem_mb: float) -> int:
    """How many whole slots fit into so much."""
    return Resources(cpus, mem_mb).slots(Resources(slot_cpus, slot_mem_mb))


def _made(
    name: str, node: Node | None, worker: Worker | None, agent: Agent | None, policy: Policy
) -> Facts:
    slot = policy.slot
    full = agent.total if agent else _NOTHING
    full_slots = slots_in(full.cpus, full.mem_mb, slot.cpus, slot.mem_mb) if agent else 0
    if node is not None:
        words = _words(node.properties, name)
    else:
        words = _words(policy.node_properties(agent) if agent else frozenset(), name)
    parked_well = node is not None and node.note == PARKED_NOTE and node.np >= full_slots
    return Facts(
        name=name,
        node=node,
        worker=worker,
        agent=agent,
        policy=policy,
        phase=phase(node, worker),
        marked=node is not None and node.note.startswith(MARK),
        down=node is not None and NodeState.DOWN in node.states,
        full_slots=full_slots,
        words=words,
        highest=max(node.slots, default=-1) if node is not None else -1,
        parked_well=parked_well and policy.park and agent is not None,
        all_run=worker is not None and all(g.state is TaskState.RUNNING for g in worker.grants),
        grants=_plain_grants(worker, slot) if worker is not None else (),
    )


def _plain_grants(worker: Worker, slot: Resources) -> tuple[Grant, ...]:
    """Grants that run and hold nothing but their slots, without the first, the largest first."""
    running = (g for g in worker.grants[1:] if g.state is TaskState.RUNNING and g.slots)
    plain = [g for g in running if (slot * g.slots).holds(g.resources)]
    return tuple(sorted(plain, key=lambda grant: (-grant.slots, grant.task_id)))


def facts_of(
    records: Mapping[str, Node],
    workers: Mapping[str, Worker],
    agents: Mapping[str, Agent],
    policy: Policy,
) -> dict[str, Facts]:
    """The facts of every host that has a record, a worker or an agent."""
    before, found = _last.facts, {}
    for name in {**records, **workers, **agents}:
        node, worker, agent = records.get(name), workers.get(name), agents.get(name)
        kept = before.get(name)
        if (
            kept is None
            or kept.node is not node
            or kept.worker is not worker
            or kept.agent is not agent
            or kept.policy is not policy
        ):
            kept = _made(name, node, worker, agent, policy)
        found[name] = kept
    _last.facts = found
    return found


def more_than_slots(jobs: list[Job]) -> dict[str, Request]:
    """What those of the jobs asked for that asked for memory or gpus, by their ids."""
    before, seen, found = _last.jobs, {}, {}
    for job in jobs:
        kept = before.get(job.job_id)
        if kept is None or kept[0] is not job:
            kept = job, _more_than_slots(job)
        seen[job.job_id] = kept
        if kept[1] is not None:
            found[job.job_id] = kept[1]
    _last.jobs = seen
    return found


def _more_than_slots(job: Job) -> Request | None:
    """The request of a job that asks for memory or gpus, None for others."""
    asked = job.resources
    if not ("select" in asked or "gpus=" in asked.get("nodes", "") or MEMORY & asked.keys()):
        return None
    try:
        request = parse_request({k: v for k, v in asked.items() if k != "neednodes"})
    except RequestError:
        return None
    return request if request.mem_mb or request.gpus else None


@dataclass(slots=True)
class _Last:
    """Of the last turn: facts by host; jobs on nodes, with what they ask for beside slots."""

    facts: dict[str, Facts] = field(default_factory=dict)
    jobs: dict[str, tuple[Job, Request | None]] = field(default_factory=dict)


_last = _Last()
