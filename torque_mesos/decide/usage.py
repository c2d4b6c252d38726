"""What the jobs on nodes use beside their slots: memory above the slots' own, and gpus."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from torque_mesos.decide.request import Chunk, Request
from torque_mesos.decide.turn import Turn


@dataclass(frozen=True, slots=True)
class Usage:
    """What jobs use of one node. `mem_mb`: what they asked for above the memory of their slots."""

    mem_mb: float = 0.0
    gpus: int = 0


def usage_of(turn: Turn) -> dict[str, Usage]:
    """What the jobs on each node use; nodes where that is nothing are left out.

    The server tells which job holds which slots; what that costs follows from what the job
    asked for, on the host of it that has so many slots.
    """
    jobs = turn.running.asked
    if not jobs:
        return {}
    found: dict[str, Usage] = {}
    for name, node in turn.records.items():
        mem_mb, gpus = 0.0, 0
        for job_id, slots in Counter(node.slots.values()).items():
            if (request := jobs.get(job_id)) is not None:
                part = _part(request, slots)
                share = slots / part.slots
                mem_mb += max(0.0, part.mem_mb * share - slots * turn.policy.slot.mem_mb)
                gpus += round(part.gpus * share)
        if mem_mb or gpus:
            found[name] = Usage(mem_mb, gpus)
    return found


def _part(request: Request, slots: int) -> Chunk:
    """The part of a request that is on a host where it has so many slots.

    None has just as many where the server has put several on one host: then the one that
    asks for the most for each slot.
    """
    alike = [chunk for chunk in request.chunks if chunk.slots == slots]
    return max(alike or request.chunks, key=lambda chunk: (chunk.mem_mb / chunk.slots, chunk.gpus))
