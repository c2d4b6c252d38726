"""Parts of a request that may share hosts: which of them go where.

That is bin packing. Two heuristics find nearly every way that there is; where both fail,
sums prove that there is none, or a search among all ways does, as long as it may take.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from torque_mesos.decide.request import Chunk, Request
from torque_mesos.decide.room import Host, Placement, Share, Tier
from torque_mesos.model import frozen_map

_MOST_DEPTH = 400  # kinds of parts times hosts: how deep the search may call itself
_MOST_STEPS = 2_000
_MOST_LOOKS = 200_000  # kinds times hosts, up to which more than first fit is tried


def place_shared(request: Request, hosts: Sequence[Host]) -> Placement | None:
    """Without going farther than is needed: the tightest host that holds all of it, or several."""
    chunks = _kinds(request)
    slots = request.slots
    there: dict[str, Host] = {}
    for tier in sorted({at for host in hosts for at in (host.tier, *dict(host.later))}):
        new = [_grown(host, tier) for host in hosts if _reaches(host, tier)]
        whole = (host for host in new if host.free >= slots)
        for host in sorted(whole, key=lambda h: (h.gpus, h.free, h.name)):
            if placement := _fill(chunks, [host], _in_order):
                return _told(placement, hosts)
        for host in sorted(new, key=lambda h: (h.gpus, -h.free, h.name)):
            there[host.name] = host
        if len(there) > 1 and (placement := _pack(chunks, list(there.values()))[0]):
            return _told(placement, hosts)
    return None


def _reaches(host: Host, tier: Tier) -> bool:
    """Whether a host has slots of this very tier."""
    return host.tier is tier or any(at is tier for at, _ in host.later)


def _grown(host: Host, tier: Tier) -> Host:
    """A host with what there is up to a tier. One that must grow for it is not given alone."""
    if host.tier is tier:
        return host
    grows = tier > Tier.STARTING
    gpus = host.gpus + (host.later_gpus if tier is host.later[-1][0] else 0)
    untouched = host.untouched and not grows
    return replace(host, free=host.up_to(tier), gpus=gpus, untouched=untouched)


def _told(placement: Placement, hosts: Sequence[Host]) -> Placement:
    """The placement with the farthest tier that its shares truly take."""
    shares = placement.shares
    taken = ((host, shares[host.name]) for host in hosts if host.name in shares)
    return Placement(shares, max(host.tier_of(each.slots, each.gpus) for host, each in taken))


def never_fits(request: Request, hosts: Sequence[Host]) -> bool:
    """Whether it is proven that there is no way on what is free, however far away that is."""
    placement, proven = _pack(_kinds(request), sorted(hosts, key=lambda h: (-h.free, h.name)))
    return placement is None and proven


def _kinds(request: Request) -> list[Chunk]:
    """The parts, those that are alike as one, in the order in which they are placed."""
    counts: Counter[Chunk] = Counter()
    for chunk in request.chunks:
        counts[replace(chunk, count=1)] += chunk.count
    return sorted(
        (replace(chunk, count=count) for chunk, count in counts.items()),
        key=lambda c: (-len(c.names), -c.gpus, -c.mem_mb, -c.slots, sorted(c.names)),
    )


def _pack(chunks: list[Chunk], hosts: list[Host]) -> tuple[Placement | None, bool]:
    """A way, and whether it is certain when there is none."""
    if _too_much(chunks, hosts):
        return None, True
    if placement := _fill(chunks, hosts, _in_order):
        return placement, True
    if len(chunks) * len(hosts) > _MOST_LOOKS:
        return None, False
    if placement := _fill(chunks, hosts, _tightest):
        return placement, True
    largest = sorted(chunks, key=lambda c: (-c.slots, -len(c.names)))
    if placement := _fill(largest, hosts, _tightest):
        return placement, True
    search = _Search(largest, hosts)
    if search.depth > _MOST_DEPTH:
        return None, False
    found = search.run()
    return (_placement(search.taken, hosts) if found else None), search.steps <= _MOST_STEPS


def _too_much(chunks: Sequence[Chunk], hosts: Sequence[Host]) -> bool:
    """Whether sums prove that there is no way: of slots, of gpus, or of hosts for one size.

    What names so much, and is as large, must go on hosts that have those names.
    """
    for names in {chunk.names for chunk in chunks} | {frozenset[str]()}:
        parts = [chunk for chunk in chunks if names <= chunk.names]
        there = [host for host in hosts if names <= host.names]
        free = Counter(host.free for host in there)
        if sum(c.count * c.slots for c in parts) > sum(n * many for n, many in free.items()):
            return True
        if sum(c.count * c.gpus for c in parts) > sum(host.gpus for host in there):
            return True
        for size in {chunk.slots for chunk in parts}:
            count = sum(c.count for c in parts if c.slots >= size)
            if count > sum(n // size * many for n, many in free.items()):
                return True
    return any(_too_many(chunk, hosts) for chunk in chunks)


def _too_many(chunk: Chunk, hosts: Sequence[Host]) -> bool:
    """Whether the hosts do not hold one kind of parts, if there were no others."""
    missing = chunk.count
    for host in hosts:
        missing -= _how_many(host, Share(0), chunk, missing)
        if not missing:
            return False
    return True


_Order = Callable[[Sequence[Host], dict[str, Share]], Sequence[Host]]


def _in_order(hosts: Sequence[Host], taken: dict[str, Share]) -> Sequence[Host]:  # noqa: ARG001
    return hosts


def _tightest(hosts: Sequence[Host], taken: dict[str, Share]) -> Sequence[Host]:
    """The hosts with the fewest slots left first."""
    none = Share(0)
    return sorted(hosts, key=lambda h: h.free - taken.get(h.name, none).slots)


def _fill(chunks: Sequence[Chunk], hosts: Sequence[Host], order: _Order) -> Placement | None:
    """Each kind of parts on the first hosts that have room, in an order made for each kind."""
    taken: dict[str, Share] = {}
    for chunk in chunks:
        missing = chunk.count
        for host in order(hosts, taken):
            if not missing:
                break
            before = taken.get(host.name, Share(0))
            if many := _how_many(host, before, chunk, missing):
                missing -= many
                taken[host.name] = _with(host, before, chunk, many)
        if missing:
            return None
    return _placement(taken, hosts)


def _placement(taken: dict[str, Share], hosts: Sequence[Host]) -> Placement:
    return Placement(frozen_map(taken), max(h.tier for h in hosts if h.name in taken))


def _how_many(host: Host, before: Share, chunk: Chunk, most: int) -> int:
    """How many hosts of a chunk fit on one at once, beside what the request has there."""
    if not chunk.names <= host.names:
        return 0
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


# What counts of a host: names, slots, gpus, memory (of a slot, in all), untouched and tier.
_Alike = tuple[frozenset[str], int, int, tuple[float, float], tuple[bool, Tier]]
_State = tuple[_Alike, Share]


class _Search:
    """All ways, one after the other, until one does or `_MOST_STEPS` are taken.

    A part that does not fit beside some others does not fit beside more, so that a way is
    left as soon as one kind of parts has no room. Of hosts that are alike only as many are
    looked at as there are parts, and no later one is given more of a kind than an earlier.
    """

    def __init__(self, chunks: Sequence[Chunk], hosts: Sequence[Host]) -> None:
        self._chunks = chunks
        wanted = frozenset[str]().union(*(chunk.names for chunk in chunks))
        parts = sum(chunk.count for chunk in chunks)
        self._alike: dict[str, _Alike] = {}
        self._hosts: list[Host] = []
        counts: Counter[_Alike] = Counter()
        for host in hosts:
            if self.depth > _MOST_DEPTH:
                break
            memory = host.slot_mb, host.mem_mb
            use = host.untouched, host.tier
            alike = host.names & wanted, host.free, host.gpus, memory, use
            counts[alike] += 1
            if counts[alike] <= parts and any(_how_many(host, Share(0), c, 1) for c in chunks):
                self._alike[host.name] = alike
                self._hosts.append(host)
        self.taken: dict[str, Share] = {}
        self.steps = 0

    @property
    def depth(self) -> int:
        return len(self._chunks) * len(self._hosts)

    def run(self, kind: int = 0) -> bool:
        """Whether all kinds from this one on have places; `taken` tells them then."""
        if kind == len(self._chunks):
            return True
        hosts = _tightest(self._hosts, self.taken)
        chunk = self._chunks[kind]
        room = [_how_many(h, self._before(h), chunk, chunk.count) for h in hosts]
        states = [(self._alike[h.name], self._before(h)) for h in hosts]
        return self._spread(kind, chunk.count, list(zip(hosts, room, states, strict=True)), {})

    def _before(self, host: Host) -> Share:
        return self.taken.get(host.name, Share(0))

    def _spread(
        self,
        kind: int,
        missing: int,
        hosts: list[tuple[Host, int, _State]],
        least: dict[_State, int],
    ) -> bool:
        """Whether so many of a kind, and all later kinds, have places on these hosts.

        `least`: how many the last of hosts that are alike was given.
        """
        if not missing:
            return self.run(kind + 1)
        if sum(room for _, room, _ in hosts) < missing:
            return False
        (host, room, state), *others = hosts
        before = self._before(host)
        for many in range(min(room, missing, least.get(state, missing)), -1, -1):
            self.steps += 1
            if self.steps > _MOST_STEPS:
                return False
            if many:
                self.taken[host.name] = _with(host, before, self._chunks[kind], many)
            if self._spread(kind, missing - many, others, {**least, state: many}):
                return True
            if before.slots:
                self.taken[host.name] = before
            else:
                self.taken.pop(host.name, None)
        return False
