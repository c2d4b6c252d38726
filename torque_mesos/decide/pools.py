"""The pools in one decision: whose each host and each job is, and what each pool holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property, lru_cache

from torque_mesos.decide.policy import Policy
from torque_mesos.decide.pool import Pool
from torque_mesos.decide.reason import Code, Reason, because
from torque_mesos.decide.request import Request, RequestError, cost_of, parse_request
from torque_mesos.model import Agent, Job, JobState, Node, Reading, Resources, Worker

_ON_NODES = frozenset({JobState.RUNNING, JobState.EXITING, JobState.SUSPENDED})


@lru_cache(maxsize=16384)
def with_word(request: Request, word: str) -> Request:
    """The request, of hosts of a pool only."""
    chunks = tuple(replace(chunk, names=chunk.names | {word}) for chunk in request.chunks)
    return replace(request, chunks=chunks)


class Pools:
    """Answers whose a host or a job is. Without pools in the settings there is one, unnamed.

    `before`: what `payers` was in the turn before.
    """

    def __init__(
        self,
        policy: Policy,
        agents: Mapping[str, Agent],
        records: Mapping[str, Node],
        workers: Iterable[Worker],
        before: Mapping[str, str] | None = None,
    ) -> None:
        self._policy = policy
        self._agents = agents
        self._records = records
        self._workers = tuple(workers)
        self._before = before or {}
        self._hosts: dict[str, Pool | None] = {}
        self._jobs: dict[tuple[str, str, str, str], Pool] = {}
        self._fallback = policy.fallback
        self.named = bool(policy.pools)

    @property
    def all(self) -> tuple[Pool, ...]:
        """Every pool, the unnamed fall-back too."""
        pools, fallback = self._policy.pools, self._fallback
        return pools if fallback in pools else (*pools, fallback)

    def of_host(self, name: str) -> Pool | None:
        """The pool of a host. None: no pool wants its agent, or that is away and left no trace.

        A host whose agent is away is known by the properties of its record.
        """
        if not self.named:
            return self._fallback
        if name not in self._hosts:
            self._hosts[name] = self._find(name)
        return self._hosts[name]

    def _find(self, name: str) -> Pool | None:
        agent, node = self._agents.get(name), self._records.get(name)
        if agent is not None:
            return self._policy.pool_of_agent(agent)
        for pool in self._policy.pools:
            if node is not None and pool.properties and node.properties >= set(pool.properties):
                return pool
        return None

    def of_job(self, job: Job) -> Pool:
        """The pool of a job."""
        if not self.named:
            return self._fallback
        key = (job.queue, job.account, job.user, job.group)
        pool = self._jobs.get(key)
        if pool is None:
            ours = (pool for pool in self._policy.pools if not pool.fallback and pool.takes(job))
            pool = self._jobs[key] = next(ours, self._fallback)
        return pool

    def served_by(self, pool: Pool) -> Pool:
        """The pool whose hosts the jobs of a pool run on."""
        fallback = self._fallback
        return pool if pool.attributes or pool.name == fallback.name else fallback

    def shares(self, pool: Pool) -> bool:
        """Whether a pool has no hosts of its own."""
        return self.served_by(pool).name != pool.name

    def asked(self, pool: Pool, request: Request) -> Request:
        """The request of a job of a pool, of hosts of that pool only."""
        return with_word(request, self.served_by(pool).word) if self.named else request

    def words(self, name: str) -> frozenset[str]:
        """What a host has for `asked`."""
        pool = self.of_host(name) if self.named else None
        return frozenset() if pool is None else frozenset({pool.word})

    # -- what is held --------------------------------------------------------------

    def workers(self) -> Iterable[tuple[Worker, Pool | None]]:
        """Every worker, and the pool that pays for it."""
        return ((worker, self.payer(worker)) for worker in self._workers)

    def payer(self, worker: Worker) -> Pool | None:
        """The pool of a worker. While its agent is not listed, the one that it was of before."""
        own = self.of_host(worker.node)
        if own is not None or worker.node in self._agents:
            return own
        name = self._before.get(worker.agent_id)
        return next((pool for pool in self.all if pool.name == name), None)

    @cached_property
    def payers(self) -> dict[str, str]:
        """By agent id, the name of the pool that its worker is of; without pools, nothing."""
        found = ((worker.agent_id, pool) for worker, pool in self.workers()) if self.named else ()
        return {agent_id: pool.name for agent_id, pool in found if pool is not None}

    @cached_property
    def _held(self) -> dict[str, tuple[int, Resources]]:
        held: dict[str, tuple[int, Resources]] = {}
        for worker, own in self.workers():
            # One whose pool is not known any more counts everywhere: a limit is never exceeded.
            for pool in self.all if own is None else (own,):
                nodes, resources = held.get(pool.name, (0, Resources()))
                held[pool.name] = (nodes + 1, resources + worker.resources)
        return held

    def held(self, pool: Pool) -> tuple[int, Resources]:
        """Workers of a pool's hosts, and what they hold."""
        return self._held.get(pool.name, (0, Resources()))

    def price(self, pool: Pool) -> float:
        """Of a cpu of a pool's hosts for an hour."""
        return self._policy.price if pool.price is None else pool.price

    @property
    def priced(self) -> bool:
        """Whether anything has a price."""
        return any(self.price(pool) for pool in self.all)

    def worth(self, pool: Pool | None) -> float:
        """The price; 1 where nothing has one. Of a pool that is not known: the highest."""
        if not self.priced:
            return 1.0
        return max(map(self.price, self.all)) if pool is None else self.price(pool)

    def rate(self) -> dict[str, float]:
        """What is spent in an hour, by pool (and "": in all).

        A worker of a pool that is not known is charged once, at the highest price, to none.
        """
        rates = dict.fromkeys(["", *(pool.name for pool in self.all)], 0.0)
        highest = max(map(self.price, self.all))
        for worker, own in self.workers():
            if own is not None:
                rates[own.name] += worker.resources.cpus * self.price(own)
                rates[""] += worker.resources.cpus * self.price(own)
            else:
                rates[""] += worker.resources.cpus * highest
        return rates


class Used:
    """What the jobs of pools without hosts of their own use: those that run, and that start."""

    def __init__(self, policy: Policy, pools: Pools, reading: Reading) -> None:
        self._pools = pools
        self._slot = policy.slot
        self._held: dict[str, Resources] = {}
        self._hosts: Counter[str] = Counter()
        self.any = any(pools.shares(pool) and pool.share.limit.any for pool in policy.pools)
        if not self.any:
            return
        slots = Counter(job_id for node in reading.nodes for job_id in node.slots.values())
        for job in reading.jobs:
            if job.state in _ON_NODES:
                self._add(pools.of_job(job), len(job.exec_nodes), self._cost(job, slots))

    def _cost(self, job: Job, slots: Mapping[str, int]) -> Resources:
        try:
            return cost_of(parse_request(job.resources), self._slot)
        except RequestError:
            return self._slot * slots.get(job.job_id, 0)

    def _add(self, pool: Pool, hosts: int, more: Resources) -> None:
        self._held[pool.name] = self._held.get(pool.name, Resources()) + more
        self._hosts[pool.name] += hosts

    def refusal(self, pool: Pool, request: Request) -> Reason | None:
        """Why a job would exceed its pool's limit; None for a pool with hosts."""
        if not self.any or not self._pools.shares(pool):
            return None
        held = self._held.get(pool.name, Resources()) + cost_of(request, self._slot)
        over = pool.share.limit.exceeded_by(self._hosts[pool.name] + request.hosts, held)
        if over is None:
            return None
        return because(
            Code.POOL_LIMIT, f"its pool {pool.name} would use more than its limit, {over}"
        )

    def placed(self, pool: Pool, request: Request) -> None:
        """Note that a job is about to start."""
        if self.any:
            self._add(pool, request.hosts, cost_of(request, self._slot))
