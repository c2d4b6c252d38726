"""Where routing queues send their jobs, and when."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Dict, List, Optional

from .errors import EXCQRESC, MAXQUED, QUNOENB, ROUTEREJ, PbsError
from .queues import add_defaults, admit, check_direct
from .records import COMPLETE, Job
from .state import State

if TYPE_CHECKING:
    from .holds import Holds

# TORQUE's default of `route_retry_time`.
RETRY_S = 30.0
# What a destination may think otherwise of later: the job waits in the routing queue.
_FOR_NOW = (QUNOENB, MAXQUED)


class Routes:
    """Sends the jobs of routing queues on, at once where that can be, and later again."""

    def __init__(self, state: State, holds: Holds) -> None:
        self._state = state
        self._holds = holds
        self._again()

    def _again(self) -> None:
        routing = [
            name
            for name, queue in self._state.queues.items()
            if queue.get("queue_type") == "Route" and queue.get("started") == "True"
        ]
        jobs = list(self._state.jobs.values()) if routing else []
        for job in jobs:
            if job.queue in routing and job.state != COMPLETE and route(self._state, job):
                self._holds.settle(job, "job moved")
        self._state.loop.call_later(RETRY_S * self._state.scale, self._again)


def route(state: State, job: Job) -> bool:
    """Send a job of a started routing queue to the first destination that takes it.

    A job whose time has not come waits where it is, unless the queue sends those, too.
    """
    moved = False
    for _ in range(len(state.queues)):
        queue = state.queues.get(job.queue, {})
        if queue.get("queue_type") != "Route" or queue.get("started") != "True":
            break
        if job.execute_at > time.time() and queue.get("route_waiting_jobs") != "True":
            break
        target = next((name for name in _destinations(queue) if _takes(state, name, job)), None)
        if target is None:
            break
        put(state, job, target)
        moved = True
    return moved


def put(state: State, job: Job, name: str) -> None:
    """Make a job one of a queue's."""
    job.queue = name
    if state.queues[name].get("queue_type") != "Route":
        add_defaults(state, name, job.resources)
    state.accounting.write("Q", job.job_id, f"queue={name}")


def admit_new(state: State, name: str, resources: Dict[str, str], owner: str, group: str) -> None:
    """Whether a queue takes a job that is submitted to it. Raises `PbsError`.

    A started routing queue takes none that all its destinations would refuse for good.
    """
    queue = state.queues[name]
    check_direct(state, name, owner)
    admit(state, name, resources, owner, group)
    if queue.get("queue_type") != "Route" or queue.get("started") != "True":
        return
    reasons = [_refusal(state, target, resources, owner, group) for target in _destinations(queue)]
    if all(reason is not None and reason.code not in _FOR_NOW for reason in reasons):
        raise PbsError(ROUTEREJ)


def _destinations(queue: Dict[str, str]) -> List[str]:
    return [name.split("@")[0] for name in queue.get("route_destinations", "").split(",")]


def _takes(state: State, name: str, job: Job) -> bool:
    return _refusal(state, name, job.resources, job.owner, job.group) is None


def _refusal(
    state: State, name: str, resources: Dict[str, str], owner: str, group: str
) -> Optional[PbsError]:
    if name not in state.queues:
        return PbsError(EXCQRESC)
    try:
        admit(state, name, dict(resources), owner, group)
    except PbsError as error:
        return error
    return None
