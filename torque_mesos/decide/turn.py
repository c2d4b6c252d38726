"""What the parts of one decision share: the views of a snapshot, and the plan being made."""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import cached_property, lru_cache

from torque_mesos.decide.bounds import Bounds
from torque_mesos.decide.maintenance import leaving
from torque_mesos.decide.plan import Action, Memory, Snapshot
from torque_mesos.decide.policy import Policy
from torque_mesos.decide.pool import Pool
from torque_mesos.decide.pools import Pools
from torque_mesos.decide.reason import Code, Reason, because
from torque_mesos.decide.worker import MARK, PARKED_NOTE, Phase, phase
from torque_mesos.model import (
    Agent,
    JobState,
    Node,
    NodeState,
    Offer,
    Reading,
    Resources,
    TaskState,
    Worker,
    frozen_map,
)

__all__ = ["RETRY_S", "Turn", "because"]

_ON_NODES = frozenset({JobState.RUNNING, JobState.EXITING, JobState.SUSPENDED})
_KEPT = frozenset({Phase.ABSENT, Phase.UNPARKED, Phase.STARTING, Phase.READY, Phase.ONLINE})
SILENT_ALONE_S = 900.0  # a mom that is down together with all others is given so long
RETRY_S = 30.0  # what failed is asked for again after this long


@lru_cache(maxsize=4096)
def _slots_in(cpus: float, mem_mb: float, slot_cpus: float, slot_mem_mb: float) -> int:
    return Resources(cpus, mem_mb).slots(Resources(slot_cpus, slot_mem_mb))


@lru_cache(maxsize=65536)
def _words(properties: frozenset[str], name: str) -> frozenset[str]:
    return properties | {name}


class Turn:
    """One decision while it is being made. Made from a snapshot that has a reading."""

    def __init__(self, snapshot: Snapshot, reading: Reading, policy: Policy) -> None:
        self.now_s = snapshot.now_s
        self.wall_s, self.offset_s = snapshot.wall_s, snapshot.offset_s
        self.fresh = snapshot.fresh
        self.policy = policy
        self.reading = reading
        self.actions: list[Action] = []
        self.jobs: dict[str, Reason] = {}
        self.nodes: dict[str, Reason] = {}
        self.wants_fresh = False
        self.again_s: float | None = None

        memory = snapshot.memory
        self.idle_since = dict(memory.idle_since)
        self.spare = dict(memory.spare)
        self.down_since = dict(memory.down_since)
        self.unseen_since = dict(memory.unseen_since)
        self.killed_at = dict(memory.killed_at)
        self.created_at = dict(memory.created_at)
        self.rerun_at = dict(memory.rerun_at)
        self.failures = dict(memory.failures)
        self.protection = memory.protection
        self.woken_s = memory.woken_s
        self.revived_for = memory.revived_for
        self.revived_s = memory.revived_s

        untouchable = reading.unreadable_nodes | {policy.capacity_record}
        self.records: dict[str, Node] = {
            node.name: node for node in reading.nodes if node.name not in untouchable
        }
        self.capacity: Node | None = next(
            (node for node in reading.nodes if node.name == policy.capacity_record), None
        )
        # Whoever has lost sight of a node's record still pays for its worker.
        self.held = sum((worker.resources for worker in snapshot.workers), Resources())
        self.held_nodes = len(snapshot.workers)
        self.workers: dict[str, Worker] = {
            worker.node: worker for worker in snapshot.workers if worker.node not in untouchable
        }
        self._job_hosts = {
            name for job in reading.jobs if job.state in _ON_NODES for name in job.exec_nodes
        }
        self.agents: dict[str, Agent] = {}
        for agent in snapshot.agents:
            name = agent.hostname
            if name == policy.capacity_record or not policy.names_a_node(name):
                self.nodes[name] = because(
                    Code.BAD_NAME,
                    f"{name} cannot be a node's name, so this agent is not used: start it with"
                    " --hostname, and a name that begins with a letter, as in n1.cluster.test",
                )
            elif name not in untouchable and (agent.active or name not in self.agents):
                self.agents[name] = agent
        self.pools = Pools(policy, self.agents, self.records, snapshot.workers)
        self.unpooled = self._leave_unpooled()
        clock = (snapshot.wall_s, snapshot.offset_s)
        self.bounds = Bounds(policy, self.pools, memory, clock)
        self._leaving, due_s = leaving(snapshot, reading.jobs)
        if due_s is not None:
            self.timer(due_s)
        self.offers: dict[str, list[Offer]] = defaultdict(list)
        self.other_role: list[Offer] = []
        self.stray_offers: list[Offer] = []  # of hosts that may not be touched, or unknown agents
        for offer in snapshot.offers:
            known = self.agents.get(offer.hostname)
            if known is None or known.agent_id != offer.agent_id:
                self.stray_offers.append(offer)
            elif not self._is_of_its_role(offer):
                self.other_role.append(offer)
            else:
                self.offers[offer.hostname].append(offer)
        self.phases: dict[str, Phase] = {
            name: phase(self.records.get(name), self.workers.get(name))
            for name in {*self.records, *self.workers, *self.agents}
        }

    def _leave_unpooled(self) -> frozenset[str]:
        """Leave out the agents that no pool wants; gives their ids."""
        if not self.pools.named:
            return frozenset()
        none = [name for name in self.agents if self.pools.of_host(name) is None]
        reason = because(Code.NO_POOL, "its agent has the attributes of no pool")
        self.nodes.update(dict.fromkeys(none, reason))
        return frozenset(self.agents.pop(name).agent_id for name in none)

    def _is_of_its_role(self, offer: Offer) -> bool:
        """Whether an offer is of the role that its host's pool takes."""
        return not offer.role or offer.role == self.role_of(self.pools.of_host(offer.hostname))

    def role_of(self, pool: Pool | None) -> str:
        """The role that a pool takes offers of."""
        return self.policy.role if pool is None or pool.role is None else pool.role

    @cached_property
    def members_startable(self) -> Counter[str]:
        """By array: how many of its jobs run or are queued."""
        states = _ON_NODES | {JobState.QUEUED}
        arrays = (job.array for job in self.reading.jobs if job.state in states)
        return Counter(array for array in arrays if array is not None)

    # -- views ---------------------------------------------------------------

    def down(self, name: str) -> bool:
        """Whether the server takes a node for down."""
        node = self.records.get(name)
        return node is not None and NodeState.DOWN in node.states

    def busy(self, name: str) -> bool:
        """Whether jobs hold slots of a node, or say that they run there."""
        node = self.records.get(name)
        return name in self._job_hosts or (node is not None and bool(node.slots))

    def stopping(self, name: str) -> bool:
        """Whether the end of a worker was asked for."""
        worker = self.workers.get(name)
        return worker is not None and worker.executor_id in self.killed_at

    def ending(self, name: str) -> bool:
        """Whether the end of some grant of a worker was asked for, and has not come yet."""
        worker = self.workers.get(name)
        return worker is not None and any(g.task_id in self.killed_at for g in worker.grants)

    def silent(self, name: str) -> bool:
        """Whether the mom of a node does not answer the server for long, though others do.

        (A server that was restarted has no news of any mom at first: nothing follows from that.)
        """
        if self.phases[name] is not Phase.ONLINE or not self.down(name):
            return False
        began_s = max(grant.since_s for grant in self.workers[name].grants)
        down_s = self.now_s - max(began_s, self.down_since.get(name, self.now_s))
        if down_s < self.policy.dead_after_s:
            return False
        return down_s >= SILENT_ALONE_S or any(
            where is Phase.ONLINE and not self.down(other) for other, where in self.phases.items()
        )

    def old(self, name: str) -> bool:
        """Whether a worker was started with other settings than today's."""
        worker = self.workers.get(name)
        return worker is not None and worker.generation != self.policy.generation

    def unreachable(self, name: str) -> bool:
        """Whether Mesos has lost sight of a worker."""
        worker = self.workers.get(name)
        return worker is not None and worker.unreachable

    def usable_slots(self, name: str) -> int:
        """The slots of a worker's grants that run, and whose end was not asked for."""
        grants = self.workers[name].grants
        running = (g for g in grants if g.state is TaskState.RUNNING)
        return sum(g.slots for g in running if g.task_id not in self.killed_at)

    def slots_in_use(self, name: str) -> int:
        """What np of a node must not fall below: the slots up to the highest that is in use."""
        return max(self.records[name].slots, default=-1) + 1

    def kept_slots(self, name: str) -> int:
        """The slots of a worker that count for the floor: those that stay, and can be used."""
        if self.stopping(name) or self.unreachable(name) or self.silent(name):
            return 0
        if self.drains_jobs(name):
            return self.usable_slots(name)
        return self.workers[name].slots if self.phases[name] in _KEPT else 0

    def trimmed(self, name: str) -> bool:
        """Whether a node is offline by us and has jobs, and will be online again with less."""
        return self.drains_jobs(name) and not self.goes(name)

    def drains_jobs(self, name: str) -> bool:
        """Whether a node that is well is offline by us, with jobs on it."""
        return (
            self.phases[name] is Phase.DRAINING
            and name in self.workers
            and bool(self.records[name].slots)
            and not self.stopping(name)
            and not (self.unreachable(name) or self.down(name))
        )

    def offered(self, name: str) -> Resources:
        """What the offers of a host hold together."""
        offers = self.offers.get(name)
        if not offers:
            return Resources()
        return sum((offer.resources for offer in offers[1:]), offers[0].resources)

    def offered_slots(self, name: str) -> int:
        """The slots that the offers of a host hold together."""
        return self._slots(self.offered(name)) if self.offers.get(name) else 0

    def gpus(self, name: str, resources: Resources) -> int:
        """The gpus that a node has with so much of Mesos.

        Where we take none of Mesos, those of its record: an administrator's.
        """
        if self.policy.gpus:
            return resources.gpus
        node = self.records.get(name)
        return node.gpus if node else 0

    def _slots(self, resources: Resources) -> int:
        slot = self.policy.slot
        return _slots_in(resources.cpus, resources.mem_mb, slot.cpus, slot.mem_mb)

    def full_slots(self, name: str) -> int:
        """The slots that a whole agent gives, 0 if the agent is not listed."""
        agent = self.agents.get(name)
        return self._slots(agent.total) if agent else 0

    def names_of(self, name: str) -> frozenset[str]:
        """The words that a request may use for a node: its properties and its name."""
        node, agent = self.records.get(name), self.agents.get(name)
        if node is not None:
            words = _words(node.properties, name)
        else:
            words = _words(self.policy.node_properties(agent) if agent else frozenset(), name)
        return words | self.pools.words(name) if self.pools.named else words

    def leaving(self, name: str) -> Reason | None:
        """Why a node gets no more jobs, for its agent's maintenance; None if it may."""
        worker, agent = self.workers.get(name), self.agents.get(name)
        agent_id = worker.agent_id if worker else agent.agent_id if agent else ""
        return self._leaving.get(agent_id)

    def goes(self, name: str) -> bool:
        """Whether a worker ends its jobs and gets no others: it is old, or its agent leaves."""
        return self.old(name) or self.leaving(name) is not None

    def backed_off(self, name: str) -> bool:
        """Whether the agent of a host is being left alone."""
        return self.failing(name) is not None

    def failing(self, name: str) -> Reason | None:
        """Why the agent of a host is being left alone; None if it is not."""
        agent = self.agents.get(name)
        failures = self.failures.get(agent.agent_id) if agent else None
        if failures is None or self.now_s >= failures.until_s:
            return None
        wait_s = failures.until_s - self.now_s
        return because(
            Code.BACKED_OFF,
            f"starting a mom on {name} failed {failures.count} times, tried again in"
            f" {wait_s:.0f} s: {failures.why or 'no cause was told'}",
            failures=failures.count,
            wait_s=wait_s,
        )

    def marked(self, name: str) -> bool:
        """Whether a node's note is ours. (A person, or the server, may have written another.)"""
        node = self.records.get(name)
        return node is not None and node.note.startswith(MARK)

    def must_be_marked(self, name: str) -> bool:
        """Whether a parked record still says what it was before: it would not count as starting."""
        node = self.records.get(name)
        return node is not None and node.note != PARKED_NOTE

    def feasible_without(self) -> bool:
        """Whether np may fall and records may go without making a queued job infeasible."""
        return self.policy.capacity_record is None or self.capacity is not None

    # -- the plan --------------------------------------------------------------

    def do(self, action: Action) -> None:
        """Add an action."""
        self.actions.append(action)

    def do_if_fresh(self, action: Action) -> bool:
        """Add an action that only a reading of this turn justifies."""
        if self.fresh:
            self.actions.append(action)
        else:
            self.wants_fresh = True
        return self.fresh

    def timer(self, at_s: float) -> None:
        """Ask for a turn at a time."""
        if at_s > self.now_s:
            self.again_s = at_s if self.again_s is None else min(self.again_s, at_s)

    def remember(self) -> Memory:
        """What the next turn is told."""
        nodes = self.phases.keys()
        agents = {agent.agent_id for agent in self.agents.values()}
        ending = {worker.executor_id for worker in self.workers.values()}
        ending |= {grant.task_id for w in self.workers.values() for grant in w.grants}
        return Memory(
            idle_since=frozen_map(self.idle_since),
            spare=frozen_map(self.spare),
            down_since=frozen_map(self.down_since),
            unseen_since=frozen_map(self.unseen_since),
            killed_at=frozen_map({k: v for k, v in self.killed_at.items() if k in ending}),
            created_at=frozen_map({k: v for k, v in self.created_at.items() if k in nodes}),
            rerun_at=frozen_map(
                {k: v for k, v in self.rerun_at.items() if self.now_s - v < RETRY_S}
            ),
            failures=frozen_map({k: v for k, v in self.failures.items() if k in agents}),
            protection=self.protection,
            woken_s=self.woken_s,
            revived_for=self.revived_for,
            revived_s=self.revived_s,
            spending=self.bounds.spending,
        )
