"""How near to the best the packing of requests is, within the order in which they come.

Requests are placed one after another, as a decision does it. On hosts of one size, with
more of them than needed: hosts taken, against the fewest that any packing needs. On hosts of
several sizes, with fewer than needed: slots, and gpus, that find no use although a request
for them was passed over, against all there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

from benchmarks.result import Result
from torque_mesos.decide.packing import Host, Tier, place
from torque_mesos.decide.request import Chunk, Request, parse_request
from torque_mesos.decide.shelf import Shelf

NEEDS_TORQUE = False

SEEDS = range(10)
SLOT_MB = 4096.0
MIXES = {
    "small": ({"nodes": "1"}, {"nodes": "1:ppn=2"}, {"nodes": "1:ppn=4"}, {"nodes": "2:ppn=2"}),
    "odd sizes": ({"nodes": "1:ppn=3"}, {"nodes": "1:ppn=5"}, {"nodes": "1:ppn=7"}),
    "wide": ({"nodes": "4:ppn=8"}, {"nodes": "8:ppn=4"}, {"nodes": "2:ppn=11"}, {"nodes": "1"}),
    "chunks": (
        {"select": "6:ncpus=3", "place": "free"},
        {"select": "2:ncpus=5+1", "place": "free"},
        {"select": "3:ncpus=4", "place": "pack"},
    ),
    "gpus": ({"nodes": "1:ppn=2:gpus=1"}, {"nodes": "1:ppn=4:gpus=3"}, {"nodes": "1:ppn=2"}),
    "memory": (
        {"nodes": "1:ppn=4", "mem": "48gb"},
        {"nodes": "1:ppn=12", "pmem": "5gb"},
        {"nodes": "1:ppn=2"},
    ),
}


def _requests(mix: str, count: int, seed: int) -> list[Request]:
    random = Random(seed)
    return [parse_request(random.choice(MIXES[mix])) for _ in range(count)]


def _host(number: int, slots: int, gpus: int) -> Host:
    name = f"n{number}"
    mem_mb = slots * SLOT_MB
    return Host(name, slots, Tier.OFFERED, frozenset({name}), (), SLOT_MB, mem_mb, gpus, size=slots)


def _served(requests: Sequence[Request], hosts: Sequence[Host]) -> tuple[Shelf, list[Request]]:
    """The hosts when all is placed that can be, and the requests that were not."""
    shelf = Shelf({host.name: host for host in hosts})
    left = []
    for request in requests:
        placement = place(request, shelf.candidates(request))
        if placement is None:
            left.append(request)
            continue
        for name, share in placement.shares.items():
            shelf.take(name, share)
    return shelf, left


def fewest_hosts(requests: Sequence[Request], host: Host) -> int:
    """A lower bound of the hosts of one size that requests need.

    One that is alone, or wants more memory than its slots have, has a host to itself; the
    others need at least as many as their slots and gpus fill, and as many as there are parts
    of which no two fit on one host.
    """
    parts = [chunk for request in requests for chunk in request.chunks for _ in range(chunk.count)]
    single = [part for part in parts if host.wants_all(part)]
    rest = [part for part in parts if not host.wants_all(part)]
    slots = sum(part.slots for part in rest)
    gpus = sum(part.gpus for part in rest)
    return len(single) + max(
        -(-slots // host.free),
        -(-gpus // host.gpus) if host.gpus else 0,
        sum(_large(part, host) for part in rest),
        max((request.hosts for request in requests), default=0) - len(single),
    )


def _large(part: Chunk, host: Host) -> bool:
    return 2 * part.slots > host.free or bool(part.gpus and 2 * part.gpus > host.gpus)


def run() -> Iterator[Result]:
    """Measure each mix, with 10 seeds, of which the worst counts."""
    for mix in MIXES:
        worst, taken, fewest = 0.0, 0, 1
        for seed in SEEDS:
            requests = _requests(mix, 400, seed)
            hosts = [_host(number, 16, 4) for number in range(2000)]
            shelf, left = _served(requests, hosts)
            if left:
                raise RuntimeError(
                    f"{len(left)} requests of {mix} found no place beside free hosts"
                )
            bound = fewest_hosts(requests, hosts[0])
            used = sum(not host.untouched for host in shelf.hosts.values())
            if used / bound > worst:
                worst, taken, fewest = used / bound, used, bound
        yield Result(
            "packing_hosts", taken, "hosts", f"at least {fewest}", worst, f"{mix}, 400 requests"
        )
    for mix in ("small", "odd sizes", "wide", "chunks"):
        worst = 0.0
        for seed in SEEDS:
            random = Random(seed)
            hosts = [_host(number, random.choice((8, 16, 24, 64)), 0) for number in range(40)]
            shelf, left = _served(_requests(mix, 1000, seed), hosts)
            smallest = min(min(chunk.slots for chunk in request.chunks) for request in left)
            idle = sum(host.free for host in shelf.hosts.values() if host.free >= smallest)
            worst = max(worst, idle / sum(host.free for host in hosts))
        yield Result("packing_idle", 100 * worst, "% of the slots", size=f"{mix}, 40 hosts, full")
