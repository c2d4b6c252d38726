"""The settings that decisions depend on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase

from torque_mesos.model import Agent, Resources

_NODE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Limit:
    """The safe allocation: what we may hold at most. None: no such limit."""

    nodes: int | None = None
    cpus: float | None = None
    mem_mb: float | None = None

    def exceeded_by(self, nodes: int, held: Resources) -> str | None:
        """Which part `nodes` workers that hold `held` would be above; None if they are not."""
        if self.nodes is not None and nodes > self.nodes:
            return f"nodes ({nodes} of {self.nodes})"
        if self.cpus is not None and held.cpus > self.cpus + 1e-6:
            return f"cpus ({held.cpus:g} of {self.cpus:g})"
        if self.mem_mb is not None and held.mem_mb > self.mem_mb + 1e-6:
            return f"mem_mb ({held.mem_mb:g} of {self.mem_mb:g})"
        return None


@dataclass(frozen=True, slots=True)
class Policy:
    """What `decide` is told by the settings. Times in seconds.

    `slot` is MIN_COMPUTE_NODE: what Mesos must give for one slot. `floor_slots` is
    MIN_SLOTS_HELD. `capacity_record` names the record that keeps jobs feasible, None
    where the server needs none.
    """

    slot: Resources = Resources(1.0, 1024.0)
    floor_slots: int = 0
    limit: Limit = Limit()
    queues: tuple[str, ...] = ("*",)
    properties: tuple[str, ...] = ("mesos",)
    attribute_properties: tuple[str, ...] = ()
    generation: str = ""
    park: bool = True
    grace_s: float = 60.0
    offer_hold_s: float = 5.0
    start_timeout_s: float = 120.0
    dead_after_s: float = 60.0
    forget_after_s: float = 7 * 86400.0
    wake_every_s: float = 10.0
    capacity_record: str | None = None
    capacity_np: int = 10_000

    def watches(self, queue: str) -> bool:
        """Whether jobs of this queue count."""
        return any(fnmatchcase(queue, pattern) for pattern in self.queues)

    def names_a_node(self, name: str) -> bool:
        """Whether a node may have this name. TORQUE cannot start with any but these."""
        return bool(_NODE_NAME.fullmatch(name))

    def node_properties(self, agent: Agent) -> frozenset[str]:
        """The properties that the node of an agent has."""
        chosen = (agent.attributes.get(name) for name in self.attribute_properties)
        return frozenset(self.properties) | {value for value in chosen if value}
