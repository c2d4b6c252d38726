"""Hosts and what of them can be taken: tiers, shares, placements."""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from torque_mesos.decide.request import Chunk


class Tier(enum.IntEnum):
    """How near a host's slots are to being used; lower is taken first."""

    ONLINE = 0
    READY = 1
    DRAINING = 2
    STARTING = 3
    GROWN = 4
    REFILLED = 5
    OFFERED = 6


@dataclass(frozen=True, slots=True)
class Host:
    """A node, and what can be taken there. `names`: its name and properties.

    `free` slots are of `tier`. `later` tells what more there is, farther away: pairs of a
    tier and the slots up to it, each with those before it.

    Every slot brings `slot_mb` of memory with it; `mem_mb` is all that there is without a
    further grant.
    `gpus` are to be had there, `later_gpus` more where the farthest slots are. `untouched`:
    no job is there, and none was given a place.

    `sunk`: of a node that holds fewer slots than up to the highest in use, how many of those
    that it holds are idle, and how many must come before any can be used.

    `size`: the slots of the whole host, those in use included; 0 where that does not matter.
    """

    name: str
    free: int
    tier: Tier
    names: frozenset[str]
    later: tuple[tuple[Tier, int], ...] = ()
    slot_mb: float = math.inf
    mem_mb: float = 0.0
    gpus: int = 0
    later_gpus: int = 0
    untouched: bool = True
    sunk: tuple[int, int] | None = None
    size: int = 0

    @property
    def room(self) -> int:
        """All slots that can be taken, however far away."""
        return self.later[-1][1] if self.later else self.free

    def up_to(self, tier: Tier) -> int:
        """The slots that can be taken without going farther than `tier`."""
        return max([n for at, n in ((self.tier, self.free), *self.later) if at <= tier], default=0)

    def more(self, slots: int) -> int:
        """How many of so many slots must be taken of what is offered."""
        if self.sunk is not None:
            idle, owed = self.sunk
            return max(slots - idle, owed)
        return max(0, slots - self.up_to(Tier.STARTING))

    def tier_of(self, slots: int, gpus: int = 0) -> Tier:
        """How far away so many slots and gpus are (all there is, if there are not so many)."""
        if not self.later or (slots <= self.free and gpus <= self.gpus):
            return self.tier
        if gpus > self.gpus:
            return self.later[-1][0]
        return next((at for at, n in self.later if slots <= n), self.later[-1][0])

    def without(self, share: Share) -> Host:
        """This host when a share of it is taken, the nearest slots first."""
        if share.alone:
            none_left = replace(self, free=0, later=(), mem_mb=0.0, gpus=0, later_gpus=0)
            return replace(none_left, untouched=False, sunk=None)
        slots = share.slots
        gpus = self.gpus - share.gpus
        later = tuple((at, max(0, n - slots)) for at, n in self.later)
        if self.sunk is not None:  # all that was owed comes with the first share
            later = ((Tier.STARTING, max(0, sum(self.sunk) - slots)), *later)
        return Host(
            self.name,
            max(0, self.free - slots),
            self.tier,
            self.names,
            later,
            self.slot_mb,
            0.0,  # what is left is the slots' own
            max(0, gpus),
            self.later_gpus + min(0, gpus),
            False,
            size=self.size,
        )

    def nearness(self, slots: int) -> tuple[Tier, int, float, int, str]:
        """What a request takes first: how far away that many slots are, how tight the fit is.

        What has the fewest gpus comes first. The fit is tight where little is left over of the
        host's size: four slots of eighty are too few for most, of twelve they are not.
        """
        tier, slots_there = self.tier, self.free
        if slots > self.free and self.later:
            tier = self.tier_of(slots)
            slots_there = self.up_to(tier)
        left = (slots_there - slots) / max(self.size, slots_there, 1)
        return tier, self.gpus, left, len(self.name), self.name  # n2 is before n10

    def wants_all(self, chunk: Chunk) -> bool:
        """Whether a host of `chunk` is to have this one to itself.

        One that asks for more memory than its slots have is: the scheduler puts a job on any
        free slot, and must find none beside it whose memory was counted on.
        """
        return chunk.alone or chunk.mem_mb > chunk.slots * self.slot_mb

    def serves(self, chunk: Chunk) -> bool:
        """Whether one host of `chunk` fits here."""
        if chunk.slots > self.room or not chunk.names <= self.names:
            return False
        if chunk.gpus and chunk.gpus > self.gpus + self.later_gpus:
            return False
        return not self.wants_all(chunk) or self.holds(chunk.slots, chunk.mem_mb, chunk.gpus)

    def holds(self, slots: int, mem_mb: float, gpus: int) -> bool:
        """Whether so much can be had with nobody else here, without another grant.

        A grant that is still to be made is as large as is wanted. The slots of others that
        are left over need their memory: jobs may be put on them.
        """
        free = self.up_to(Tier.STARTING) if self.tier <= Tier.STARTING else self.free
        if not self.untouched or slots > free or gpus > self.gpus:
            return False
        left = 0 if self.tier is Tier.OFFERED else free - slots
        return mem_mb <= self.own_mb(slots) or mem_mb + self.own_mb(left) <= self.mem_mb

    def own_mb(self, slots: int) -> float:
        """The memory that so many slots bring with them."""
        return slots * self.slot_mb if slots else 0.0


@dataclass(frozen=True, slots=True)
class Share:
    """What a request takes of one host. `mem_mb`: more than 0 where it is not the slots' own.

    `alone`: it has the host to itself.
    """

    slots: int
    mem_mb: float = 0.0
    gpus: int = 0
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Placement:
    """What a request takes of each host, and the farthest tier among them."""

    shares: Mapping[str, Share]
    tier: Tier

    @property
    def slots(self) -> dict[str, int]:
        """The slots of each host."""
        return {name: share.slots for name, share in self.shares.items()}
