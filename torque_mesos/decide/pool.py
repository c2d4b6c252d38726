"""Pools: which jobs and which agents belong together, and what each pool may hold and cost."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from torque_mesos.model import Agent, Job, Resources

DAY_S = 86400


@dataclass(frozen=True, slots=True)
class Limit:
    """What may be held at most. None: no such limit."""

    nodes: int | None = None
    cpus: float | None = None
    mem_mb: float | None = None
    gpus: int | None = None

    @property
    def any(self) -> bool:
        """Whether there is any limit."""
        nothing = self.nodes is None and self.cpus is None and self.mem_mb is None
        return not nothing or self.gpus is not None

    def exceeded_by(self, nodes: int, held: Resources) -> str | None:
        """Which part `nodes` workers that hold `held` would be above; None if they are not."""
        if self.nodes is not None and nodes > self.nodes:
            return f"nodes ({nodes} of {self.nodes})"
        if self.cpus is not None and held.cpus > self.cpus + 1e-6:
            return f"cpus ({held.cpus:g} of {self.cpus:g})"
        if self.mem_mb is not None and held.mem_mb > self.mem_mb + 1e-6:
            return f"mem_mb ({held.mem_mb:g} of {self.mem_mb:g})"
        if self.gpus is not None and held.gpus > self.gpus:
            return f"gpus ({held.gpus} of {self.gpus})"
        return None


@dataclass(frozen=True, slots=True)
class Schedule:
    """A floor of `slots` on some days (Monday is 0), from and until a second of the day.

    Where `until_s` is not after `from_s`, it is of the next day.
    """

    days: frozenset[int]
    from_s: int
    until_s: int
    slots: int


@dataclass(frozen=True, slots=True)
class Budget:
    """What may be spent in a local day and month, in the unit of the price. None: any amount."""

    day: float | None = None
    month: float | None = None

    @property
    def any(self) -> bool:
        """Whether there is any bound."""
        return self.day is not None or self.month is not None


@dataclass(frozen=True, slots=True)
class Share:
    """What a pool, or all of them together, may hold, always holds, and may cost."""

    limit: Limit = Limit()
    floor_slots: int = 0
    reserve_slots: int = 0
    schedules: tuple[Schedule, ...] = ()
    budget: Budget = Budget()


@dataclass(frozen=True, slots=True)
class Pool:
    """Jobs that share agents, limits and a role.

    A job belongs to the first pool whose rules it matches: each kind that has patterns must
    match one of them. A pool without any is the fall-back. An agent belongs to the first pool
    that has `attributes` and matches all of them: name, and patterns of values. What matches
    none belongs to the fall-back, unless that has attributes itself. The jobs of another pool
    without attributes run on the fall-back's agents; its limit counts what they use.
    """

    name: str
    queues: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    attributes: tuple[tuple[str, tuple[str, ...]], ...] = ()
    properties: tuple[str, ...] = ()
    share: Share = field(default_factory=Share)
    price: float | None = None
    role: str | None = None

    @property
    def fallback(self) -> bool:
        """Whether it takes what no other pool takes."""
        return not (self.queues or self.accounts or self.users or self.groups)

    @property
    def word(self) -> str:
        """What a request of its jobs asks of a host, beside properties. (No property has it.)"""
        return f"@{self.name}"

    def takes(self, job: Job) -> bool:
        """Whether a job matches its rules."""
        return (
            _any(self.queues, job.queue)
            and _any(self.accounts, job.account)
            and _any(self.users, job.user)
            and _any(self.groups, job.group)
        )

    def has(self, agent: Agent) -> bool:
        """Whether an agent matches its attributes."""
        return all(
            name in agent.attributes and _any(patterns, agent.attributes[name])
            for name, patterns in self.attributes
        )


def _any(patterns: tuple[str, ...], value: str) -> bool:
    return not patterns or any(fnmatchcase(value, pattern) for pattern in patterns)
