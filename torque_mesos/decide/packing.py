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
    GROWN = 4
    OFFERED = 5


@dataclass(frozen=True, slots=True)
class Host:
    """A node, and the slots that can be taken there. `names`: its name and properties.

    `free` slots are of `tier`. `later` tells what more there is, farther away: pairs of a
    tier and the slots up to it, each with those before it.
    """

    name: str
    free: int
    tier: Tier
    names: frozenset[str]
    later: tuple[tuple[Tier, int], ...] = ()

    @property
    def room(self) -> int:
        """All slots that can be taken, however far away."""
        return self.later[-1][1] if self.later else self.free

    def up_to(self, tier: Tier) -> int:
        """The slots that can be taken without going farther than `tier`."""
        return max([n for at, n in ((self.tier, self.free), *self.later) if at <= tier], default=0)

    def tier_of(self, slots: int) -> Tier:
        """How far away that many slots are (all that there is, if there are not so many)."""
        if slots <= self.free or not self.later:
            return self.tier
        return next((at for at, n in self.later if slots <= n), self.later[-1][0])

    def without(self, slots: int) -> Host:
        """This host when some slots are taken, the nearest first."""
        later = tuple((at, max(0, n - slots)) for at, n in self.later)
        return Host(self.name, max(0, self.free - slots), self.tier, self.names, later)

    def nearness(self, slots: int) -> tuple[Tier, int, str]:
        """What a request takes first: how far away that many slots are, how tight the fit is."""
        if slots <= self.free or not self.later:
            return self.tier, self.free, self.name
        tier = self.tier_of(slots)
        return tier, self.up_to(tier), self.name

    def serves(self, chunk: Chunk) -> bool:
        """Whether one host of `chunk` fits here."""
        return chunk.slots <= self.room and chunk.names <= self.names


@dataclass(frozen=True, slots=True)
class Placement:
    """Slots of each host that a request gets, and the farthest tier among them."""

    slots: Mapping[str, int]
    tier: Tier


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
    slots = {host.name: chunks[number].slots for host, number in at.items()}
    return Placement(frozen_map(slots), max(host.tier_of(slots[host.name]) for host in at))


def _place_shared(request: Request, hosts: Sequence[Host]) -> Placement | None:
    free = {host: host.free for host in sorted(hosts, key=lambda h: (h.tier, -h.free, h.name))}
    for chunk in sorted(request.chunks, key=lambda c: (-len(c.names), -c.slots, sorted(c.names))):
        missing = chunk.count
        for host, slots in free.items():
            if chunk.names <= host.names:
                taken = min(missing, slots // chunk.slots)
                free[host] = slots - taken * chunk.slots
                missing -= taken
        if missing:
            return None
    slots_of = {host.name: host.free - left for host, left in free.items() if left < host.free}
    return Placement(frozen_map(slots_of), max(h.tier for h in hosts if h.name in slots_of))


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
