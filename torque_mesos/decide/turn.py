"""What the parts of one decision share: the views of a snapshot, and the plan being made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import cached_property

from torque_mesos.decide.bounds import Bounds
from torque_mesos.decide.kept import Named
from torque_mesos.decide.known import known_of, named_agents
from torque_mesos.decide.plan import Action, Memory, Snapshot
from torque_mesos.decide.policy import Policy
from torque_mesos.decide.pool import Pool
from torque_mesos.decide.pools import Pools
from torque_mesos.decide.reason import Code, Reason, because
from torque_mesos.decide.running import ON_NODES, running
from torque_mesos.decide.views import SILENT_ALONE_S, Views
from torque_mesos.model import (
    JobState,
    Node,
    Offer,
    Reading,
    Resources,
    Worker,
    frozen_map,
    thawed,
)

__all__ = ["RETRY_S", "SILENT_ALONE_S", "Turn", "because"]

RETRY_S = 30.0  # what failed is asked for again after this long
_nodes = Named[Node]("name")
_workers = Named[Worker]("node")


class Turn(Views):
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
        self.idle_since = thawed(memory.idle_since)
        self.spare = thawed(memory.spare)
        self.down_since = thawed(memory.down_since)
        self.unseen_since = thawed(memory.unseen_since)
        self.killed_at = thawed(memory.killed_at)
        self.created_at = thawed(memory.created_at)
        self.rerun_at = thawed(memory.rerun_at)
        self.failures = thawed(memory.failures)
        self.tries = thawed(memory.tries)
        self.np_at_start = thawed(memory.np_at_start)
        self.protection = memory.protection
        self.woken_s = memory.woken_s
        self.revived_for = memory.revived_for
        self.revived_s = memory.revived_s

        untouchable = reading.unreadable_nodes | {policy.capacity_record}
        nodes = _nodes.of(reading.nodes, untouchable)
        self.records = nodes.found
        self.capacity = nodes.left_out.get(policy.capacity_record or "")
        # Whoever has lost sight of a node's record still pays for its worker.
        self._paid = snapshot.workers
        self.held_nodes = len(snapshot.workers)
        workers = _workers.of(snapshot.workers, untouchable)
        self.workers = workers.found
        self.running = running(reading.jobs, maui=reading.scheduling.maui is not None)
        self.job_hosts = self.running.hosts
        self.agents, bad = named_agents(snapshot.agents, policy, untouchable)
        for name in bad:
            self.nodes[name] = because(
                Code.BAD_NAME,
                f"{name} cannot be a node's name, so this agent is not used: start it with"
                " --hostname, and a name that begins with a letter, as in n1.cluster.test",
            )
        before = memory.spending.pools
        self.pools = Pools(policy, self.agents, self.records, snapshot.workers, before)
        self.unpooled = self._leave_unpooled()
        self.unusable = dict(self.nodes)
        clock = (snapshot.wall_s, snapshot.offset_s)
        self.bounds = Bounds(policy, self.pools, memory, clock, self.running.jobs)
        self.agents_leaving = self._overspent() if self.bounds.budgeted else {}
        self.offers: dict[str, list[Offer]] = {}
        self.other_role: list[Offer] = []
        self.stray_offers: list[Offer] = []  # of hosts that may not be touched, or unknown agents
        for offer in snapshot.offers:
            known = self.agents.get(offer.hostname)
            if known is None or known.agent_id != offer.agent_id:
                self.stray_offers.append(offer)
            elif not self._is_of_its_role(offer):
                self.other_role.append(offer)
            else:
                self.offers.setdefault(offer.hostname, []).append(offer)
        self.known = known_of(nodes, workers, self.agents, policy)
        self.facts, self.phases = self.known.facts, self.known.phases

    @cached_property
    def held(self) -> Resources:
        """What all workers hold together."""
        return sum((worker.resources for worker in self._paid), Resources())

    def _overspent(self) -> Mapping[str, Reason]:
        """By agent: workers that a budget does not bear beyond the jobs that they have."""
        found: dict[str, Reason] = {}
        if self.wall_s is None or self.bounds.spending.unknown:
            return found  # what is not known is no reason to end anything
        why: dict[tuple[str, bool], str | None] = {}
        for worker in self.workers.values():
            pool, busy = self.pools.payer(worker), worker.node in self.job_hosts
            name = pool.name if pool is not None else "", busy
            if name not in why:
                why[name] = self.bounds.overspent(pool, busy=busy)
            if part := why[name]:
                text = f"it gets no more jobs: what is held exceeds {part}"
                found[worker.agent_id] = because(Code.BUDGET, text)
        return found

    def _leave_unpooled(self) -> frozenset[str]:
        """Leave out the agents that no pool wants; gives their ids."""
        if not self.pools.named:
            return frozenset()
        none = {name for name in self.agents if self.pools.of_host(name) is None}
        reason = because(Code.NO_POOL, "its agent has the attributes of no pool")
        self.nodes.update(dict.fromkeys(none, reason))
        left_out = frozenset(self.agents[name].agent_id for name in none)
        if none:
            self.agents = {name: each for name, each in self.agents.items() if name not in none}
        return left_out

    def _is_of_its_role(self, offer: Offer) -> bool:
        """Whether an offer is of the role that its host's pool takes."""
        if not offer.role:
            return True
        return offer.role == self.role_of(self.pools.of_host(offer.hostname))

    def role_of(self, pool: Pool | None) -> str:
        """The role that a pool takes offers of."""
        return self.policy.role if pool is None or pool.role is None else pool.role

    @cached_property
    def members_startable(self) -> Counter[str]:
        """By array: how many of its jobs run or are queued."""
        states = ON_NODES | {JobState.QUEUED}
        arrays = (job.array for job in self.reading.jobs if job.state in states)
        return Counter(array for array in arrays if array is not None)

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

    def raised(self, name: str) -> None:
        """Note that np of a node is raised: the jobs that are there began when it was less."""
        node = self.records[name]
        before = self.np_at_start.get(name, {})
        self.np_at_start[name] = {job: before.get(job, node.np) for job in node.jobs}

    def _np_at_start(self) -> dict[str, Mapping[str, int]]:
        """What is known of np at the starts of jobs that are there still."""
        found = {}
        for name, began in self.np_at_start.items():
            facts = self.facts.get(name)
            if facts is not None and facts.began is began:
                found[name] = began  # the same value: what was made of it counts still
                continue
            jobs = facts.jobs if facts is not None else frozenset()
            if jobs >= began.keys():
                found[name] = began
                if facts is not None:
                    facts.began = began
            elif left := {job_id: np for job_id, np in began.items() if job_id in jobs}:
                found[name] = frozen_map(left)
        return found

    def remember(self) -> Memory:
        """What the next turn is told."""
        nodes = self.phases.keys()
        agents: set[str] = set()
        ending: set[str] = set()
        if self.failures:
            agents = {agent.agent_id for agent in self.agents.values()}
        if self.killed_at:
            ending = {worker.executor_id for worker in self.workers.values()}
            ending.update(*(worker.task_ids for worker in self.workers.values()))
        return Memory(
            idle_since=frozen_map(self.idle_since),
            spare=frozen_map(self.spare),
            down_since=frozen_map(self.down_since),
            unseen_since=frozen_map(self.unseen_since),
            killed_at=frozen_map({k: v for k, v in self.killed_at.items() if k in ending}),
            created_at=frozen_map(
                self.created_at
                if self.created_at.keys() <= nodes
                else {k: v for k, v in self.created_at.items() if k in nodes}
            ),
            rerun_at=frozen_map(
                {k: v for k, v in self.rerun_at.items() if self.now_s - v < RETRY_S}
            ),
            failures=frozen_map({k: v for k, v in self.failures.items() if k in agents}),
            tries=frozen_map(self.tries),
            np_at_start=frozen_map(self._np_at_start()),
            protection=self.protection,
            woken_s=self.woken_s,
            revived_for=self.revived_for,
            revived_s=self.revived_s,
            spending=self.bounds.spending,
        )
