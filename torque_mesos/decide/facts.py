"""What follows of one host from its record, its worker and its agent alone.

Most hosts are from turn to turn as they were. Their facts are kept for one turn more, by the
identity of what they follow from; as all of that is frozen, they are what they would be if
they were made anew.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from torque_mesos.decide.packing import Host
from torque_mesos.decide.policy import Policy
from torque_mesos.decide.request import MEMORY, Request, RequestError, parse_request
from torque_mesos.decide.worker import MARK, PARKED_NOTE, Phase, phase
from torque_mesos.model import (
    Agent,
    Grant,
    Job,
    JobState,
    Node,
    NodeState,
    Resources,
    TaskState,
    Worker,
)

_NOTHING = Resources()
ON_NODES = frozenset({JobState.RUNNING, JobState.EXITING, JobState.SUSPENDED})


Whole = tuple[str, int, frozenset[str], float, int]
"""Of a host as if nothing ran there: its name, slots, words, memory and gpus."""


@dataclass(slots=True, eq=False)
class Facts:
    """One host. `policy` is what they were made with.

    `quiet`: it is parked or online and just as it should be, so that nothing is to be done about
    its record or its mom for its own sake. `full`: all that its worker holds is in use. `drains`:
    a node that is well is offline by us, with jobs on it. `jobs`: those that hold slots. `grants`:
    those that could be given back before all else, the largest first. `hosts`: what can be taken
    there, by what is offered of it (None: nothing) and whether np may fall, each with what was
    known of np at the starts of jobs; kept here for `growth`. `in_use`: `Views.slots_in_use`, with
    the same.
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
    full: bool
    all_run: bool
    drains: bool
    grants: tuple[Grant, ...]
    in_use: tuple[Mapping[str, int] | None, int] | None = None
    hosts: dict[tuple[Resources | None, bool], tuple[Mapping[str, int] | None, Host | None]] = (
        field(default_factory=dict)
    )
    whole: Whole | None = None


@lru_cache(maxsize=65536)
def _words(properties: frozenset[str], name: str) -> frozenset[str]:
    return properties | {name}


@lru_cache(maxsize=4096)
def slots_in(cpus: float, mem_mb: float, slot_cpus: float, slot_mem_mb: float) -> int:
    """How many whole slots fit into so much."""
    return Resources(cpus, mem_mb).slots(Resources(slot_cpus, slot_mem_mb))


def _made(
    name: str,
    node: Node | None,
    worker: Worker | None,
    agent: Agent | None,
    policy: Policy,
    before: Facts | None,
) -> Facts:
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
    where = phase(node, worker, node is not None and policy.manages(node, agent))
    idle = worker.running_slots - len(node.slots) if worker is not None and node is not None else 0
    return Facts(
        name=name,
        node=node,
        worker=worker,
        agent=agent,
        policy=policy,
        phase=where,
        marked=node is not None and node.note.startswith(MARK),
        down=node is not None and NodeState.DOWN in node.states,
        full_slots=full_slots,
        words=words,
        highest=max(node.slots, default=-1) if node is not None else -1,
        jobs=node.jobs if node is not None else frozenset(),
        quiet=_quiet(node, worker, agent, policy, where, full_slots),
        full=idle <= 0
        and (
            where is not Phase.ONLINE
            or node is None
            or worker is None
            or node.np <= worker.running_slots
        ),
        all_run=worker is not None and all(g.state is TaskState.RUNNING for g in worker.grants),
        drains=_drains(node, worker, where),
        grants=grants,
    )


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
    before, of = _last.facts, (records, workers, agents)
    names: Iterable[str] = {**records, **workers, **agents}
    found: dict[str, Facts] = {}
    if _last.policy is policy and list(names) == list(before):
        found = before.copy()
        names = {n for one, was in zip(of, _last.of, strict=True) for n in _changed(one, was)}
    for name in names:
        node, worker, agent = records.get(name), workers.get(name), agents.get(name)
        kept = before.get(name)
        if (
            kept is None
            or kept.node is not node
            or kept.worker is not worker
            or kept.agent is not agent
            or kept.policy is not policy
        ):
            kept = _made(name, node, worker, agent, policy, kept)
        found[name] = kept
    _last.facts, _last.of, _last.policy = found, of, policy
    return found


def _changed(now: Mapping[str, object], then: Mapping[str, object]) -> Iterable[str]:
    """The names of what is not the very same."""
    if list(now) == list(then):
        return itertools.compress(now, map(operator.is_not, now.values(), then.values()))
    return [name for name in {**now, **then} if now.get(name) is not then.get(name)]


def named_agents(
    listed: tuple[Agent, ...], policy: Policy, untouchable: frozenset[str | None]
) -> tuple[dict[str, Agent], tuple[str, ...]]:
    """By name, the agents that can be nodes; and the names that no node may have."""
    key, agents, bad = _last.agents
    if not (key[0] is listed and key[1] is policy and key[2] == untouchable):
        agents, wrong = {}, []
        for agent in listed:
            name = agent.hostname
            if name == policy.capacity_record or not policy.names_a_node(name):
                wrong.append(name)
            elif name not in untouchable and (agent.active or name not in agents):
                agents[name] = agent
        bad = tuple(wrong)
        _last.agents = (listed, policy, untouchable), agents, bad
    return dict(agents), bad


def on_nodes(jobs: tuple[Job, ...]) -> tuple[list[Job], frozenset[str]]:
    """The jobs that hold slots, and the hosts that they say they are on."""
    if jobs != _last.listed[0]:
        there = [job for job in jobs if job.state in ON_NODES]
        _last.listed = jobs, there, frozenset(name for job in there for name in job.exec_nodes)
    return _last.listed[1], _last.listed[2]


def more_than_slots(jobs: list[Job]) -> dict[str, Request]:
    """What those of the jobs asked for that asked for memory or gpus, by their ids."""
    if jobs == _last.on_nodes[0]:
        return _last.on_nodes[1]
    before, seen, found = _last.jobs, {}, {}
    for job in jobs:
        kept = before.get(job.job_id)
        if kept is None or kept[0] is not job:
            kept = job, _more_than_slots(job)
        seen[job.job_id] = kept
        if kept[1] is not None:
            found[job.job_id] = kept[1]
    _last.jobs, _last.on_nodes = seen, (jobs, found)
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
    """Of the last turn: agents, and what they were sorted by; facts by host, and the records,
    workers and agents that they are of; jobs on nodes.
    """

    agents: tuple[
        tuple[tuple[Agent, ...], Policy | None, frozenset[str | None]],
        dict[str, Agent],
        tuple[str, ...],
    ] = (((), None, frozenset()), {}, ())
    facts: dict[str, Facts] = field(default_factory=dict)
    of: tuple[Mapping[str, Node], Mapping[str, Worker], Mapping[str, Agent]] = ({}, {}, {})
    policy: Policy | None = None
    jobs: dict[str, tuple[Job, Request | None]] = field(default_factory=dict)
    on_nodes: tuple[list[Job], dict[str, Request]] = ([], {})
    listed: tuple[tuple[Job, ...], list[Job], frozenset[str]] = ((), [], frozenset())


_last = _Last()
