"""Hosts in the order in which requests take them, kept in order while slots are taken."""

from __future__ import annotations

import heapq
import itertools

from torque_mesos.decide.packing import Host, Share
from torque_mesos.decide.request import Chunk, Request

# tier, gpus, what would be left over, length of the name, name; a number; the host then
_Entry = tuple[int, int, float, int, str, int, Host]


class Shelf:
    """The hosts of one decision. `take` is the only way in which they change.

    `candidates` gives so few hosts that `place` finds among them what it would find among all
    of them: for each part of a request, as many of the nearest hosts that serve it as the
    request has parts. (If a host beyond those had a part, one of those would be without any,
    and nearer.)
    """

    def __init__(self, hosts: dict[str, Host]) -> None:
        self.hosts = hosts
        self._taken: list[str] = []  # names, in the order of their changes
        self._orders: dict[tuple[frozenset[str], int, int, int, bool, int], _Order] = {}

    def take(self, name: str, share: Share) -> None:
        """Take a share of a host, the nearest slots first."""
        self.hosts[name] = self.hosts[name].without(share)
        self._taken.append(name)

    def candidates(self, request: Request) -> list[Host]:
        """The hosts among which `place` needs to look."""
        if request.shared or request.group:  # any number of hosts may be needed
            return [host for host in self.hosts.values() if host.room]
        least = min(chunk.slots for chunk in request.chunks)
        found: dict[str, Host] = {}
        for chunk in request.chunks:
            key = chunk.names, chunk.slots, chunk.mem_mb, chunk.gpus, chunk.alone, least
            order = self._orders.get(key)
            if order is None:
                order = self._orders[key] = _Order(self.hosts, chunk, least, len(self._taken))
            for host in order.nearest(request.hosts, self._taken):
                found[host.name] = host
        return list(found.values())


class _Order:
    """The hosts that serve a chunk, by nearness."""

    def __init__(self, hosts: dict[str, Host], chunk: Chunk, least: int, seen: int) -> None:
        self._hosts, self._chunk, self._least, self._seen = hosts, chunk, least, seen
        self._numbers = itertools.count()
        # (Most hosts of a busy cluster are full: that is seen without asking them.)
        room = [host for host in hosts.values() if host.later or host.free >= chunk.slots]
        self._heap = [self._entry(host) for host in room if host.serves(chunk)]
        heapq.heapify(self._heap)

    def _entry(self, host: Host) -> _Entry:
        return (*host.nearness(self._least), next(self._numbers), host)

    def nearest(self, count: int, taken: list[str]) -> list[Host]:
        """The `count` nearest hosts, or all if there are fewer. `taken`: all changes so far."""
        if self._seen < len(taken):
            for name in dict.fromkeys(taken[self._seen :]):
                host = self._hosts[name]
                if host.serves(self._chunk):
                    heapq.heappush(self._heap, self._entry(host))
            self._seen = len(taken)
        found: list[_Entry] = []
        while self._heap and len(found) < count:
            entry = heapq.heappop(self._heap)
            if self._hosts[entry[4]] is entry[6]:  # else it was changed since
                found.append(entry)
        for entry in found:
            heapq.heappush(self._heap, entry)
        return [entry[6] for entry in found]
