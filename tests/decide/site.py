"""Builds snapshots in few words, and picks plans apart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from torque_mesos.decide import Memory, Plan, Policy, Snapshot, decide
from torque_mesos.decide.plan import Action, Launch
from torque_mesos.decide.reason import Code
from torque_mesos.decide.worker import CAPACITY_NOTE, DRAINING_NOTE, ONLINE_NOTE, PARKED_NOTE
from torque_mesos.model import (
    Agent,
    Grant,
    Job,
    JobState,
    Node,
    NodeState,
    Offer,
    Queue,
    Reading,
    Resources,
    TaskState,
    Worker,
    frozen_map,
)

SLOT = Resources(1.0, 1024.0)
NOW_S = 1000.0
FREE, DOWN, OFFLINE = NodeState.FREE, NodeState.DOWN, NodeState.OFFLINE
NEW = NodeState.MOM_LIST_NOT_SENT
CAPACITY = "192.0.2.1"
A = TypeVar("A", bound=Action)


@dataclass
class Site:
    """What a snapshot is made of. The methods add to it and return it."""

    policy: Policy = field(
        default_factory=lambda: Policy(
            slot=SLOT,
            attribute_properties=("kind",),
            generation="g1",
            capacity_record=CAPACITY,
        )
    )
    jobs: list[Job] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    agents: list[Agent] = field(default_factory=list)
    offers: list[Offer] = field(default_factory=list)
    workers: list[Worker] = field(default_factory=list)
    queues: list[Queue] = field(default_factory=lambda: [Queue("batch")])
    memory: Memory = Memory()
    unreadable: frozenset[str] = frozenset()
    fresh: bool = True
    suppressed: bool = False
    now_s: float = NOW_S
    capacity: bool = True
    reading: dict[str, Any] = field(default_factory=dict)

    def asks(
        self, nodes: str, state: JobState = JobState.QUEUED, queue: str = "batch", **more: Any
    ) -> Site:
        """A job, named after its place in the queue."""
        resources = frozen_map({"nodes": nodes})
        job = Job(f"{len(self.jobs)}.head", "j", "u@h", queue, state, resources)
        self.jobs.append(replace(job, **more))
        return self

    def reads(self, **parts: Any) -> Site:
        """Further parts of the reading."""
        self.reading = {**self.reading, **parts}
        return self

    def agent(self, name: str, slots: int = 4, *, active: bool = True, **attributes: str) -> Site:
        """An agent without a record."""
        attributes_ = frozen_map(attributes)
        self.agents.append(Agent(f"a-{name}", name, SLOT * slots, attributes_, active))
        return self

    def node(
        self,
        name: str,
        np: int = 4,
        states: Iterable[NodeState] = (FREE,),
        note: str = "",
        jobs: dict[int, str] | None = None,
        *properties: str,
    ) -> Site:
        """A record."""
        words = frozenset({"mesos", *properties})
        self.nodes.append(Node(name, frozenset(states), np, words, note, frozen_map(jobs or {})))
        return self

    def worker(self, name: str, slots: int = 4, state: TaskState = TaskState.RUNNING) -> Site:
        """A worker that has been there for a while."""
        grant = Grant(f"t-{name}", slots, SLOT * slots, state, NOW_S - 10.0)
        self.workers.append(Worker(name, f"a-{name}", f"e-{name}", "g1", (grant,)))
        return self

    def parked(self, name: str, slots: int = 4, *, offered: int = 0, **attributes: str) -> Site:
        """An agent with a parked record, and an offer of some of it."""
        self.agent(name, slots, **attributes)
        self.node(name, slots, (DOWN, OFFLINE), PARKED_NOTE, None, *attributes.values())
        return self.offer(name, offered) if offered else self

    def offer(self, name: str, slots: float, age_s: float = 0.0, agent_id: str = "") -> Site:
        """An offer."""
        self.offers.append(
            Offer(
                f"o{len(self.offers)}",
                agent_id or f"a-{name}",
                name,
                Resources(slots * SLOT.cpus, slots * SLOT.mem_mb),
                received_s=self.now_s - age_s,
            )
        )
        return self

    def starting(self, name: str, slots: int = 4, size: int = 4) -> Site:
        """A mom that is being started."""
        self.agent(name, size).node(name, slots, (DOWN, OFFLINE), PARKED_NOTE)
        return self.worker(name, slots, TaskState.STAGING)

    def ready(self, name: str, slots: int = 4, size: int = 4, np: int = 0) -> Site:
        """A mom that is ready, its node still offline."""
        self.agent(name, size).node(name, np or slots, (OFFLINE,), PARKED_NOTE)
        return self.worker(name, slots)

    def online(
        self, name: str, slots: int = 4, size: int = 4, jobs: dict[int, str] | None = None
    ) -> Site:
        """A node that the scheduler may use."""
        self.agent(name, size).node(name, slots, (FREE,), ONLINE_NOTE, jobs)
        return self.worker(name, slots)

    def draining(
        self, name: str, slots: int = 4, size: int = 4, jobs: dict[int, str] | None = None
    ) -> Site:
        """A node that is to become idle."""
        self.agent(name, size).node(name, slots, (OFFLINE,), DRAINING_NOTE, jobs)
        return self.worker(name, slots)

    def remembers(self, **parts: Any) -> Site:
        """Parts of the memory."""
        self.memory = replace(self.memory, **parts)
        return self

    def rules(self, **settings: Any) -> Site:
        """Settings of the policy."""
        self.policy = replace(self.policy, **settings)
        return self

    def snapshot(self, **changes: Any) -> Snapshot:
        nodes = list(self.nodes)
        if self.capacity and self.policy.capacity_record is not None:
            words = frozenset({"mesos"})
            nodes.append(Node(CAPACITY, frozenset({DOWN}), 10_000, words, CAPACITY_NOTE))
        reading = Reading(
            jobs=tuple(self.jobs),
            nodes=tuple(nodes),
            queues=tuple(self.queues),
            unreadable_nodes=self.unreadable,
            **self.reading,
        )
        snapshot = Snapshot(
            self.now_s,
            reading,
            self.fresh,
            True,
            tuple(self.agents),
            tuple(self.offers),
            tuple(self.workers),
            self.suppressed,
            self.memory,
        )
        return replace(snapshot, **changes)

    def plan(self, **changes: Any) -> Plan:
        """What `decide` makes of it; twice the same."""
        snapshot = self.snapshot(**changes)
        plan = decide(snapshot, self.policy)
        assert decide(snapshot, self.policy) == plan
        return plan


def some(plan: Plan, kind: type[A]) -> list[A]:
    """The actions of one kind."""
    return [action for action in plan.actions if isinstance(action, kind)]


def one(plan: Plan, kind: type[A]) -> A:
    """The one action of its kind."""
    (action,) = some(plan, kind)
    return action


def launches(site: Site) -> dict[str, int]:
    """The slots of each launch of a site's plan, by node."""
    return {launch.name: launch.slots for launch in some(site.plan(), Launch)}


def kinds(plan: Plan) -> list[str]:
    """What is done, in order."""
    return [type(action).__name__ for action in plan.actions]


def codes(plan: Plan) -> dict[str, Code]:
    """Why each job waits."""
    return {job_id: reason.code for job_id, reason in plan.jobs.items()}
