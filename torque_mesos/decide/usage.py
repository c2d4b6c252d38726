"""What the jobs on nodes use beside their slots: memory above the slots' own, and gpus."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from torque_mesos.decide.request import MEMORY, Chunk, Request, RequestError, parse_request
from torque_mesos.decide.turn import Turn
from torque_mesos.model import Job, JobState

_ON_NODES = frozenset({JobState.RUNNING, JobState.EXITING, JobState.SUSPENDED})


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
    jobs = {
        job.job_id: request
        for job in turn.reading.jobs
        if job.state in _ON_NODES and (request := _more_than_slots(job)) is not None
    }
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


def _more_than_slots(job: Job) -> Request | None:
    """The request of a job that asks for memory or gpus, None for others."""
    asked = job.resources
    if not ("select" in asked or "gpus=" in asked.get("nodes", "") or MEMORY & asked.keys()):
        return None
    try:
        request = parse_request({k: v for k, v in asked.items() if k != "neednodes"})
    except RequestError:
        return None
    return request if request.mem_mb or request.gpus else None


def _part(request: Request, slots: int) -> Chunk:
    """The part of a request that is on a host where it has so many slots.

    None has just as many where the server has put several on one host: then the one that
    asks for the most for each slot.
    """
    alike = [chunk for chunk in request.chunks if chunk.slots == slots]
    return max(alike or request.chunks, key=lambda chunk: (chunk.mem_mb / chunk.slots, chunk.gpus))
