"""Requests on hosts: which host serves which part of a request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from torque_mesos.decide.request import Chunk, Request
from torque_mesos.decide.room import Host as Host
from torque_mesos.decide.room import Placement as Placement
from torque_mesos.decide.room import Share as Share
from torque_mesos.decide.room import Tier as Tier
from torque_mesos.decide.sharing import never_fits, place_shared
from torque_mesos.model import frozen_map


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
        return place_shared(request, hosts)
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


def impossible(request: Request, hosts: Sequence[Host]) -> bool:
    """Whether it is proven that hosts can never serve a request.

    That `place` finds no way is a proof but for parts that may share hosts: there are more
    ways than can be looked at.
    """
    if request.group:
        anywhere = replace(request, group="")
        return all(impossible(anywhere, some) for some in _alike(request, hosts))
    if request.shared:
        return never_fits(request, hosts)
    return place(request, hosts) is None


def _alike(request: Request, hosts: Sequence[Host]) -> list[list[Host]]:
    """The hosts that have the same value of the resource that groups a request."""
    mark = f"{request.group}="
    alike: dict[str, list[Host]] = {}
    for host in hosts:
        for word in host.names:
            if word.startswith(mark):
                alike.setdefault(word, []).append(host)
    return [alike[word] for word in sorted(alike)]


def _place_group(request: Request, hosts: Sequence[Host]) -> Placement | None:
    """Hosts that all have one value of a resource: of the values that do, the nearest."""
    anywhere = replace(request, group="")
    found = [place(anywhere, some) for some in _alike(request, hosts)]
    return min((one for one in found if one), key=lambda one: one.tier, default=None)


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
