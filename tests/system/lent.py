"""What Mesos had lent, at every look while something went on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import httpx

from dev.mesos.cluster import Cluster


@dataclass
class Seen:
    """Cpus that Mesos had lent, and hosts they were on, at every look."""

    cpus: list[float] = field(default_factory=list)
    hosts: list[int] = field(default_factory=list)


@contextmanager
def watched(cluster: Cluster) -> Iterator[Seen]:
    """Look all the time at what Mesos has lent, while the block runs."""
    seen, over = Seen(), threading.Event()

    def look() -> None:
        while not over.wait(0.05):
            with suppress(httpx.HTTPError):
                used = [agent["used_resources"]["cpus"] for agent in cluster.agents()]
                seen.cpus.append(sum(used))
                seen.hosts.append(sum(1 for cpus in used if cpus))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()
