"""Jobs that start together: `synccount` of the first, `syncwith` of the others.

As TORQUE does: the first is held until all others are there; then it may go, and each that
starts lets the next go. If the first ends before all have started, the others are deleted.
"""

from __future__ import annotations

from typing import List, Optional

from .errors import BADDEPEND, PbsError
from .holds import Holds, joined
from .records import COMPLETE, HELD, Job
from .state import State

COUNT, WITH = "synccount", "syncwith"


def named(job: Job, kind: str) -> Optional[str]:
    """What follows `kind` in a job's dependencies, None where it has none such."""
    return next((words[1] for words in job.depend if words[0] == kind), None)


class SyncSets:
    """Keeps sets of jobs that wait for each other."""

    def __init__(self, state: State, holds: Holds) -> None:
        self._state = state
        self._holds = holds

    def check(self, name: str) -> None:
        """Whether a job may still join the set of another. Raises `PbsError` (BADDEPEND)."""
        first = self._state.find_job(name)
        count = None if first is None else named(first, COUNT)
        if first is None or count is None or len(first.sync_with) >= int(count):
            raise PbsError(BADDEPEND)

    def first(self, job: Job, count: str) -> None:
        """`synccount`: make a job the first of a set."""
        job.depend.append([COUNT, count])
        if count == "0":
            job.others["sched_hint"] = "1"
        else:
            job.hold = joined(job.hold + "s")

    def join(self, job: Job, name: str) -> None:
        """`syncwith`: make a job one of a set; `check` has passed."""
        first = self._state.find_job(name)
        if first is None:
            return
        job.depend.append([WITH, first.job_id])
        job.hold = joined(job.hold + "s")
        first.sync_with.append(job.job_id)
        if len(first.sync_with) >= int(named(first, COUNT) or 0):
            first.others["sched_hint"] = "1"
            self._holds.lift(first, "s")
        self._state.save_job(first)

    def started(self, job: Job) -> None:
        """A job runs: the next of its set may go."""
        for other in self._others(job):
            if other.state == HELD and "s" in other.hold:
                other.others["sched_hint"] = "2"
                self._holds.lift(other, "s")
                return

    def left_behind(self, job: Job) -> List[Job]:
        """The jobs that must go because the first of their set has ended without them."""
        if named(job, COUNT) is None or job.state != COMPLETE:
            return []
        return [other for other in self._others(job) if other.state == HELD]

    def _others(self, job: Job) -> List[Job]:
        name = named(job, WITH)
        first = job if name is None else self._state.find_job(name)
        names = [] if first is None else first.sync_with
        return [other for other in map(self._state.find_job, names) if other is not None]
