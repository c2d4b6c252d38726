"""The settings that decisions depend on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache

from torque_mesos.decide.pool import Budget, Limit, Pool, Schedule, Share
from torque_mesos.model import Agent, Node, Resources

__all__ = ["Budget", "Limit", "Policy", "Pool", "Schedule", "Share"]

_NODE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*", re.ASCII)
# A letter, then letters, digits, '_', '.' and '-'; the words of a node specification are taken.
_PROPERTY = re.compile(r"(?!(?:ppn|gpus|mics|reqattr)\Z)[A-Za-z][A-Za-z0-9_.-]{0,63}", re.ASCII)
DEFAULT_POOL = Pool("default")


@dataclass(frozen=True, slots=True)
class Policy:
    """What `decide` is told by the settings. Times in seconds.

    `slot` is MIN_COMPUTE_NODE: what Mesos must give for one slot. `floor_slots` is
    MIN_SLOTS_HELD; that, `limit`, `reserve_slots`, `schedules` and `budget` are of all pools
    together. `price` is of a cpu for an hour, where a pool has none of its own.
    `capacity_record` names the record that keeps jobs feasible, None where the server needs
    none. `gpus`: whether gpus are taken of Mesos.
    """

    slot: Resources = Resources(1.0, 1024.0)
    floor_slots: int = 0
    limit: Limit = Limit()
    queues: tuple[str, ...] = ("*",)
    properties: tuple[str, ...] = ("mesos",)
    attribute_properties: tuple[str, ...] = ()
    generation: str = ""
    gpus: bool = False
    park: bool = True
    grace_s: float = 60.0
    offer_hold_s: float = 5.0
    start_timeout_s: float = 120.0
    dead_after_s: float = 60.0
    forget_after_s: float = 7 * 86400.0
    wake_every_s: float = 10.0
    capacity_record: str | None = None
    capacity_np: int = 10_000
    pools: tuple[Pool, ...] = ()
    reserve_slots: int = 0
    schedules: tuple[Schedule, ...] = ()
    price: float = 0.0
    budget: Budget = Budget()
    budget_ahead_s: float = 3600.0
    role: str = "*"

    @property
    def share(self) -> Share:
        """What all pools together may hold."""
        return Share(self.limit, self.floor_slots, self.reserve_slots, self.schedules, self.budget)

    def watches(self, queue: str) -> bool:
        """Whether jobs of this queue count."""
        return any(fnmatchcase(queue, pattern) for pattern in self.queues)

    def names_a_node(self, name: str) -> bool:
        """Whether a node may have this name. TORQUE cannot start with any but these."""
        return bool(_NODE_NAME.fullmatch(name))

    @property
    def fallback(self) -> Pool:
        """The pool of what no other one takes."""
        return _fallback(self.pools)

    def pool_of_agent(self, agent: Agent) -> Pool | None:
        """The pool that an agent serves; None where no pool wants it."""
        for pool in self.pools:
            if pool.attributes and pool.has(agent):
                return pool
        return None if self.fallback.attributes else self.fallback

    @property
    def capacity_properties(self) -> frozenset[str]:
        """The properties of the capacity record: those that queues may ask for."""
        return frozenset(self.properties).union(*(pool.properties for pool in self.pools))

    def node_properties(self, agent: Agent) -> frozenset[str]:
        """The properties that the node of an agent has."""
        chosen = (agent.attributes.get(name) for name in self.attribute_properties)
        pool = self.pool_of_agent(agent)
        own = pool.properties if pool is not None else ()
        values = {value for value in chosen if value and _is_property(value)}
        return frozenset(self.properties) | values | frozenset(own)

    def no_properties(self, agent: Agent) -> tuple[str, ...]:
        """What of an agent's attributes should become properties and cannot, as `kind=48`.

        The batch servers take no such name, so the node has none of it.
        """
        of = agent.attributes
        named = [(name, of[name]) for name in self.attribute_properties if of.get(name)]
        return tuple(f"{name}={value}" for name, value in named if not _is_property(value))

    def manages(self, node: Node, agent: Agent | None) -> bool:
        """Whether a record has the properties that ours of this agent have."""
        return agent is not None and self.node_properties(agent) <= node.properties


@lru_cache(4096)
def _is_property(value: str) -> bool:
    return bool(_PROPERTY.fullmatch(value))


@lru_cache(16)
def _fallback(pools: tuple[Pool, ...]) -> Pool:
    return next((pool for pool in pools if pool.fallback), DEFAULT_POOL)
