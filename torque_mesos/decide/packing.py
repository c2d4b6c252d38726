"""Requests on hosts: which host serves which part of a request."""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from torque_mesos.decide.request import Chunk, Request
from torque_mesos.model import frozen_map


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


def place(request: Request, hosts: Sequence[Host]) -> Placement | None:
    """A host for every part of `request`, each another one; None if there is no such way.

    Of all sets of hosts that would do, the one with the nearest tiers, then the tightest fit:
    hosts are taken in that order, each that can be added to those before it. (Which hosts can
    be matched together is a matroid, so that is the best set, not only a good one.) A host is
    added by an augmenting path: others may move to another part for it. A host that has
    slots of several tiers stands where the smallest part would take them.
    """
    if request.hosts > len(hosts):
        return None
    if request.group:
        return _place_group(request, hosts)
    if request.shared:
        return _place_shared(request, hosts)
    chunks = sorted(request.chunks, key=lambda c: (-len(c.names), -c.slots, sorted(c.names)))
    room = [chunk.count for chunk in chunks]  # by chunk: hosts that it still needs
    missing = request.hosts
    at: dict[Host, int] = {}  # host -> the number of its chunk
    least = min(chunk.slots for chunk in chunks)
    for host in sorted(hosts, key=lambda host: host.nearness(least)):
        if not missing:
            break
        if _add(host, chunks, room, at):
            missing -= 1
    if missing:
        return None
    shares = {host.name: _share(host, chunks[number]) for host, number in at.items()}
    tiers = (host.tier_of(shares[host.name].slots, shares[host.name].gpus) for host in at)
    return Placement(frozen_map(shares), max(tiers))


def _share(host: Host, chunk: Chunk) -> Share:
    more = chunk.mem_mb > chunk.slots * host.slot_mb
    return Share(chunk.slots, chunk.mem_mb if more else 0.0, chunk.gpus, more or chunk.alone)


def _place_group(request: Request, hosts: Sequence[Host]) -> Placement | None:
    """Hosts that all have one value of a resource: of the values that do, the nearest."""
    mark = f"{request.group}="
    alike: dict[str, list[Host]] = {}
    for host in hosts:
        for word in host.names:
            if word.startswith(mark):
                alike.setdefault(word, []).append(host)
    anywhere = replace(request, group="")
    found = [place(anywhere, alike[word]) for word in sorted(alike)]
    return min((one for one in found if one), key=lambda one: one.tier, default=None)


def _place_shared(request: Request, hosts: Sequence[Host]) -> Placement | None:
    """Without going farther than is needed: the tightest host that holds all of it, or several."""
    chunks = sorted(
        request.chunks, key=lambda c: (-len(c.names), -c.gpus, -c.mem_mb, -c.slots, sorted(c.names))
    )
    slots = request.slots
    near: list[Host] = []
    for tier in sorted({host.tier for host in hosts}):
        here = [host for host in hosts if host.tier is tier]
        whole = (host for host in here if host.free >= slots)
        for host in sorted(whole, key=lambda h: (h.gpus, h.free, h.name)):
            if placement := _fill(chunks, [host]):
                return placement
        near += sorted(here, key=lambda h: (h.gpus, -h.free, h.name))
        if len(near) > 1 and (placement := _fill(chunks, near)):
            return placement
    return None


def _fill(chunks: Sequence[Chunk], hosts: Sequence[Host]) -> Placement | None:
    """First fit of parts on hosts, both in the order that is given."""
    taken: dict[str, Share] = {}
    for chunk in chunks:
        missing = chunk.count
        for host in hosts:
            if not missing:
                break
            if chunk.names <= host.names:
                before = taken.get(host.name, Share(0))
                if many := _how_many(host, before, chunk, missing):
                    missing -= many
                    taken[host.name] = _with(host, before, chunk, many)
        if missing:
            return None
    return Placement(frozen_map(taken), max(h.tier for h in hosts if h.name in taken))


def _how_many(host: Host, before: Share, chunk: Chunk, most: int) -> int:
    """How many hosts of a chunk fit on one at once, beside what the request has there."""
    many = min(most, (host.free - before.slots) // chunk.slots)
    if chunk.gpus:
        many = min(many, (host.gpus - before.gpus) // chunk.gpus)
    while many > 0:
        after = _with(host, before, chunk, many)
        if not after.alone or host.holds(after.slots, after.mem_mb, after.gpus):
            return many
        many -= 1
    return 0


def _with(host: Host, before: Share, chunk: Chunk, many: int) -> Share:
    alone = before.alone or host.wants_all(chunk)
    each_mb = max(chunk.mem_mb, host.own_mb(chunk.slots))
    mem_mb = max(before.mem_mb, host.own_mb(before.slots)) + many * each_mb if alone else 0.0
    return Share(before.slots + many * chunk.slots, mem_mb, before.gpus + many * chunk.gpus, alone)


def _add(host: Host, chunks: Sequence[Chunk], room: list[int], at: dict[Host, int]) -> bool:
    """Give `host` a part, moving others if need be. `room` and `at` are brought up to date."""
    entered_by: dict[int, Host] = {}
    frontier = [host]
    for mover in frontier:
        for number, chunk in enumerate(chunks):
            if number in entered_by or not mover.serves(chunk):
                continue
            entered_by[number] = mover
            if not room[number]:
                frontier.extend(other for other, where in at.items() if where == number)
                continue
            room[number] -= 1
            to: int | None = number
            while to is not None:  # every host on the way moves one part further
                mover = entered_by[to]
                left = at.get(mover)
                at[mover] = to
                to = left
            return True
    return False
