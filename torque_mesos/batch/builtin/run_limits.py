"""How many jobs may run at once: of the server or a queue, of one user or group there.

pbs_sched looks at these limits before it looks at nodes, the server's first, and only jobs
in state R count (TORQUE's `samples/fifo/check.c`). A limit of 0 lets none run.
"""

from __future__ import annotations

from typing import Dict, Iterable, List, Tuple

from .records import RUNNING, Job

# The attribute, whose jobs it counts, what the comment says.
_KINDS = (
    ("max_running", "", "{where} job limit has been reached."),
    ("max_user_run", "user", "User has reached {place} running job limit."),
    ("max_group_run", "group", "Group has reached {place} running limit."),
)

Counter = List[object]  # the most that may run, how many run, the comment of who must wait


class RunLimits:
    """The limits that are set, and how far they are used."""

    def __init__(self, server: Dict[str, str], queues: Dict[str, Dict[str, str]]) -> None:
        self._server = _set(server)
        self._queues = {name: _set(queue) for name, queue in queues.items()}
        self.any = bool(self._server) or any(self._queues.values())
        self.counters: List[Counter] = []
        self._index: Dict[Tuple[str, str, str], int] = {}

    def count(self, jobs: Iterable[Job]) -> None:
        """Count the jobs that run."""
        if not self.any:
            return
        used: Dict[int, int] = {}
        for job in jobs:
            if job.state == RUNNING:
                for index in self.of(job):
                    used[index] = used.get(index, 0) + 1
        for index, number in used.items():
            self.counters[index][1] = number

    def of(self, job: Job) -> List[int]:
        """The numbers of the counters that a job is held to, in the order of their look-up."""
        if not self.any:
            return []
        found = []
        for queue, limits in (("", self._server), (job.queue, self._queues.get(job.queue, {}))):
            for name, whose, text in _KINDS:
                if name in limits:
                    key = (queue, name, str(getattr(job, whose)) if whose else "")
                    if key not in self._index:
                        self._index[key] = len(self.counters)
                        self.counters.append([limits[name], 0, _comment(text, queue)])
                    found.append(self._index[key])
        return found


def _set(attributes: Dict[str, str]) -> Dict[str, int]:
    return {name: int(attributes[name]) for name, _, _ in _KINDS if name in attributes}


def _comment(text: str, queue: str) -> str:
    where = "Queue" if queue else "Server"
    said = text.format(where=where, place=where.lower())
    return f"Not Running: {said}"
