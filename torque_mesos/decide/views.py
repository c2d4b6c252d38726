"""The views of the hosts in one decision."""

from __future__ import annotations

from collections.abc import Mapping

from torque_mesos.decide.facts import Facts, Mark, slots_in
from torque_mesos.decide.known import Known
from torque_mesos.decide.plan import Failures
from torque_mesos.decide.policy import Policy
from torque_mesos.decide.pools import Pools
from torque_mesos.decide.reason import Code, Reason, because, counted
from torque_mesos.decide.running import Running
from torque_mesos.decide.worker import PARKED_NOTE, Phase
from torque_mesos.model import Agent, Node, NodeState, Offer, Resources, TaskState, Worker

_KEPT = frozenset({Phase.ABSENT, Phase.UNPARKED, Phase.STARTING, Phase.READY, Phase.ONLINE})
SILENT_ALONE_S = 900.0  # a mom that is down together with all others is given so long
_NOTHING = Resources()


class Views:
    """What is known of each host. A Turn is one."""

    now_s: float
    policy: Policy
    records: Mapping[str, Node]
    workers: Mapping[str, Worker]
    agents: Mapping[str, Agent]
    offers: dict[str, list[Offer]]
    known: Known
    phases: Mapping[str, Phase]
    facts: Mapping[str, Facts]
    pools: Pools
    capacity: Node | None
    killed_at: dict[str, float]
    down_since: dict[str, float]
    failures: dict[str, Failures]
    np_at_start: dict[str, Mapping[str, int]]
    job_hosts: Mapping[str, int]
    running: Running
    agents_leaving: Mapping[str, Reason]

    def down(self, name: str) -> bool:
        """Whether the server takes a node for down."""
        facts = self.facts.get(name)
        return facts is not None and facts.down

    def busy(self, name: str) -> bool:
        """Whether jobs hold slots of a node, or say that they run there."""
        node = self.records.get(name)
        return name in self.job_hosts or (node is not None and bool(node.slots))

    def stuck(self, name: str) -> bool:
        """Whether the server takes all slots of a node for used, and tells of no job there.

        TORQUE does when it has lost count of slots; it puts no job there until it is restarted.
        """
        node = self.records.get(name)
        return node is not None and NodeState.JOB_EXCLUSIVE in node.states and not node.slots

    def closed(self, name: str) -> bool:
        """Whether no job gets what is free of a node: by its state, or as a job has it alone."""
        facts = self.facts.get(name)
        return (facts is not None and facts.closed) or name in self.running.alone

    def oversized(self, name: str) -> bool:
        """Whether a node is online with more slots than its grants hold, and may have fewer.

        As after a restart of a server that did not keep np, or when a grant was lost.
        """
        if self.phases[name] is not Phase.ONLINE or name not in self.workers:
            return False
        more = self.records[name].np > self.held_slots(name)
        known = self.marked(name) and not self.unreachable(name)
        return more and known and self.feasible_without()

    def held_slots(self, name: str) -> int:
        """The slots of a worker's grants, those that are still to run too, and none that ends."""
        grants = self.workers[name].grants
        return sum(grant.slots for grant in grants if grant.task_id not in self.killed_at)

    def stopping(self, name: str) -> bool:
        """Whether the end of a worker was asked for."""
        if not self.killed_at:
            return False
        worker = self.workers.get(name)
        return worker is not None and worker.executor_id in self.killed_at

    def ending(self, name: str) -> bool:
        """Whether the end of some grant of a worker was asked for, and has not come yet."""
        if not self.killed_at:
            return False
        worker = self.workers.get(name)
        return worker is not None and any(g.task_id in self.killed_at for g in worker.grants)

    def asked_to_end(self) -> list[str]:
        """The nodes of the workers whose end, or that of a grant, was asked for."""
        killed = self.killed_at.keys()
        if not killed:
            return []
        return [
            name
            for name, worker in self.workers.items()
            if worker.executor_id in killed or not killed.isdisjoint(worker.task_ids)
        ]

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
        facts = self.facts.get(name)
        return facts is not None and facts.old

    def unreachable(self, name: str) -> bool:
        """Whether Mesos has lost sight of a worker."""
        worker = self.workers.get(name)
        return worker is not None and worker.unreachable

    def usable_slots(self, name: str) -> int:
        """The slots of a worker's grants that run, and whose end was not asked for."""
        if not self.killed_at or self.killed_at.keys().isdisjoint(self.workers[name].task_ids):
            return self.workers[name].running_slots
        grants = self.workers[name].grants
        running = (g for g in grants if g.state is TaskState.RUNNING)
        return sum(g.slots for g in running if g.task_id not in self.killed_at)

    def slots_in_use(self, name: str) -> int:
        """What np of a node must not fall below: the slots up to the highest that is in use.

        Nor below np as it was when any of its jobs began: TORQUE does not free the slots of a
        job that ends when there are fewer (`unreserve_execution_slots`), and nobody can use them
        then until the server is restarted.
        """
        began, facts = self.np_at_start.get(name), self.facts[name]
        if facts.in_use is not None and facts.in_use[0] is began:
            return facts.in_use[1]
        node, jobs = self.records[name], facts.jobs
        least = node.np if jobs else 0
        if began is not None:
            least = max((began.get(job_id, node.np) for job_id in jobs), default=0)
        facts.in_use = began, max(least, facts.highest + 1)
        return facts.in_use[1]

    def kept_slots(self, name: str) -> int:
        """The slots of a worker that count for the floor: those that stay, and can be used."""
        if self.stopping(name) or self.unreachable(name) or self.silent(name):
            return 0
        if self.drains_jobs(name):
            return self.usable_slots(name)
        return self.workers[name].slots if self.phases[name] in _KEPT else 0

    def trimmed(self) -> frozenset[str]:
        """The nodes that are offline by us and have jobs, and will be online again with less."""
        names = self.known.marked[Mark.TRIMMED]
        if not (self.killed_at or self.agents_leaving):
            return names
        gone = [name for name in names if self.stopping(name) or self.leaving(name) is not None]
        return names.difference(gone)

    def drains_jobs(self, name: str) -> bool:
        """Whether a node that is well is offline by us, with jobs on it."""
        facts = self.facts.get(name)  # the capacity record has none
        return facts is not None and facts.drains and not self.stopping(name)

    def offered(self, name: str) -> Resources:
        """What the offers of a host hold together."""
        offers = self.offers.get(name)
        if not offers:
            return _NOTHING
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

    def says_gpus(self, name: str) -> bool:
        """Whether a record says that there are gpus, where we take them of Mesos."""
        node = self.records.get(name)
        return self.policy.gpus and node is not None and node.gpus > 0

    def without_its_gpus(self, name: str) -> bool:
        """Whether a record says that there are gpus, and Mesos offers none.

        TORQUE does not let it say that there are none, and would put jobs there for them.
        """
        return self.says_gpus(name) and self.offered(name).gpus == 0

    def _slots(self, resources: Resources) -> int:
        slot = self.policy.slot
        return slots_in(resources.cpus, resources.mem_mb, slot.cpus, slot.mem_mb)

    def full_slots(self, name: str) -> int:
        """The slots that a whole agent gives, 0 if the agent is not listed."""
        facts = self.facts.get(name)
        return facts.full_slots if facts is not None else 0

    def names_of(self, name: str) -> frozenset[str]:
        """The words that a request may use for a node: its properties and its name."""
        facts = self.facts.get(name)  # the capacity record has none
        words = facts.words if facts is not None else frozenset({name})
        return words | self.pools.words(name) if self.pools.named else words

    def leaving(self, name: str) -> Reason | None:
        """Why a node gets no more jobs, for its agent's maintenance; None if it may."""
        if not self.agents_leaving:
            return None
        worker, agent = self.workers.get(name), self.agents.get(name)
        agent_id = worker.agent_id if worker else agent.agent_id if agent else ""
        return self.agents_leaving.get(agent_id)

    def goes(self, name: str) -> bool:
        """Whether a worker ends its jobs and gets no others: it is old, or its agent leaves."""
        return self.old(name) or self.leaving(name) is not None

    def backed_off(self, name: str) -> bool:
        """Whether the agent of a host is being left alone."""
        return self.failing(name) is not None

    def failing(self, name: str) -> Reason | None:
        """Why the agent of a host is being left alone; None if it is not."""
        if not self.failures:
            return None
        agent = self.agents.get(name)
        failures = self.failures.get(agent.agent_id) if agent else None
        if failures is None or self.now_s >= failures.until_s:
            return None
        wait_s = failures.until_s - self.now_s
        return because(
            Code.BACKED_OFF,
            f"starting a mom on {name} failed {counted(failures.count, 'time')}, tried again in"
            f" {wait_s:.0f} s: {failures.why or 'no cause was told'}",
            failures=failures.count,
            wait_s=wait_s,
        )

    def marked(self, name: str) -> bool:
        """Whether a node's note is ours. (A person, or the server, may have written another.)"""
        facts = self.facts.get(name)
        return facts is not None and facts.marked

    def must_be_marked(self, name: str) -> bool:
        """Whether a parked record still says what it was before: it would not count as starting."""
        node = self.records.get(name)
        return node is not None and node.note != PARKED_NOTE

    def feasible_without(self) -> bool:
        """Whether np may fall and records may go without making a queued job infeasible."""
        return self.policy.capacity_record is None or self.capacity is not None
