"""What a scheduling cycle works on: the nodes, and the queued jobs that it must look at.

A cycle looks at every queued job only when one that did not fit may fit now. Where slots
have only become fewer since the last cycle, it is enough to look at the jobs that are new
or changed; so a submission costs the same in a full queue as in an empty one.
"""

from __future__ import annotations

from typing import Dict, List, Optional, Tuple

from .orders import node_spec
from .records import QUEUED, Job
from .run_limits import RunLimits
from .state import State
from .wire import Message

Nodes = Dict[str, Tuple[List[str], int, int, int, int]]


class SchedulerView:
    """Makes the views of one scheduler, and remembers what its last cycle left over."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._nodes: Optional[Nodes] = None
        self._settings: List[object] = []

    def forget(self) -> None:
        """The next view is of all jobs."""
        self._nodes = None

    def started(self, job: Job) -> None:
        """A job of this cycle holds its slots: those behind it had to do without them."""
        for name, _ in job.hosts:
            node = self._state.nodes.get(name)
            if self._nodes is not None and node is not None and name in self._nodes:
                names, np, free, gpus, free_gpus = self._nodes[name]
                left = (min(free, node.free_slots), gpus, min(free_gpus, node.free_gpus))
                self._nodes[name] = (names, np, *left)

    def take(self) -> Message:
        """The view of a cycle that begins now."""
        state = self._state
        nodes: Nodes = {
            node.name: (
                *(sorted(node.names), node.np, node.free_slots),
                *(node.gpus, node.free_gpus),
            )
            for node in state.nodes.values()
        }
        # Changes replace these objects, so that identity tells.
        settings: List[object] = [state.attributes, *state.queues.values(), state.nodect]
        old = len(settings) == len(self._settings) and all(
            now is then
            for now, then in zip(settings, self._settings)  # noqa: B905 - Python 3.9
        )
        jobs = list(state.jobs.values())
        limits = RunLimits(state.attributes, state.queues)
        limits.count(jobs)
        # A job that has ended may let another of its user run, wherever slots are free.
        if old and not limits.any and self._nodes is not None and not _improved(self._nodes, nodes):
            jobs = [state.jobs[job_id] for job_id in state.touched if job_id in state.jobs]
        state.touched.clear()
        self._nodes, self._settings = nodes, settings
        kept = {name: _startable(queue) for name, queue in state.queues.items()}
        told = [_told(job, kept, limits) for job in sorted(jobs, key=_rank) if job.state == QUEUED]
        shown = [[name, *of_node] for name, of_node in nodes.items()]
        return {
            "nodes": shown,
            "jobs": told,
            "nodect": [state.nodect],
            "limits": limits.counters,
        }


def _improved(before: Nodes, now: Nodes) -> bool:
    """Whether a job that the one could not hold may be held, or never be held, by the other."""
    if before.keys() != now.keys():
        return True
    return any(
        (names, np, gpus) != (before[name][0], before[name][1], before[name][3])
        or free > before[name][2]
        or free_gpus > before[name][4]
        for name, (names, np, free, gpus, free_gpus) in now.items()
    )


def _rank(job: Job) -> int:
    return job.rank


def _told(job: Job, kept: Dict[str, str], limits: RunLimits) -> List[object]:
    why = kept.get(job.queue, _startable({}))
    return [job.job_id, node_spec(job), why, job.comment, limits.of(job)]


def _startable(queue: Dict[str, str]) -> str:
    """What pbs_sched says of the jobs of a queue; empty where it may start them."""
    if queue.get("queue_type") == "Route":
        return "Not Running: Queue not an execution queue."
    return "" if queue.get("started") == "True" else "Not Running: Queue not started."
