"""Requests on hosts: which host serves which part of a request."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torque_mesos.decide.request import Chunk, Request
from torque_mesos.model import frozen_map


class Tier(enum.IntEnum):
    """How near a host's slots are to being used; lower is taken first."""

    ONLINE = 0
    READY = 1
    DRAINING = 2
    STARTING = 3
    OFFERED = 4


@dataclass(frozen=True, slots=True)
class Host:
    """A node, and the slots that can be taken there. `names`: its name and properties."""

    name: str
    free: int
    tier: Tier
    names: frozenset[str]

    def serves(self, chunk: Chunk) -> bool:
        """Whether one host of `chunk` fits here."""
        return chunk.slots <= self.free and chunk.names <= self.names


@dataclass(frozen=True, slots=True)
class Placement:
    """Slots of each host that a request gets, and the farthest tier among them."""

    slots: Mapping[str, int]
    tier: Tier


def place(request: Request, hosts: Sequence[Host]) -> Placement | None:
    """A host for every part of `request`, each another one; None if there is no such way.

    Nearer tiers first, then the tightest fit. Augmenting paths (Kuhn's algorithm for
    bipartite matching) find a placement whenever one exists.
    """
    parts = request.each()
    if len(parts) > len(hosts):
        return None
    order = sorted(range(len(hosts)), key=lambda i: (hosts[i].tier, hosts[i].free, hosts[i].name))
    choices: dict[Chunk, list[int]] = {}
    for part in parts:
        if part not in choices:
            choices[part] = [i for i in order if hosts[i].serves(part)]
    holder: dict[int, int] = {}  # host -> part
    holds: dict[int, int] = {}  # part -> host

    def assign(part: int) -> bool:
        reached_from: dict[int, int] = {}  # host -> part
        frontier = [part]
        for at in frontier:
            for host in choices[parts[at]]:
                if host in reached_from:
                    continue
                reached_from[host] = at
                if host in holder:
                    frontier.append(holder[host])
                    continue
                free: int | None = host
                while free is not None:  # every part on the way moves one host further
                    mover = reached_from[free]
                    holder[free] = mover
                    holds[mover], free = free, holds.get(mover)
                return True
        return False

    if not all(assign(number) for number in range(len(parts))):
        return None
    slots = {hosts[i].name: parts[part].slots for i, part in holder.items()}
    return Placement(frozen_map(slots), max(hosts[i].tier for i in holder))
