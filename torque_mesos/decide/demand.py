"""Which jobs want capacity now, which do not, and why."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from torque_mesos.decide.extension import maui_request
from torque_mesos.decide.grammar import seconds
from torque_mesos.decide.kept import Kept
from torque_mesos.decide.never import Verdicts, cluster_of, never_in_pool, verdict_of
from torque_mesos.decide.policy import Policy
from torque_mesos.decide.pool import Pool
from torque_mesos.decide.reason import HOLD_MARK, HOPELESS, Code, Reason
from torque_mesos.decide.request import Request, RequestError, parse_request
from torque_mesos.decide.running import job_news
from torque_mesos.decide.turn import Turn, because
from torque_mesos.model import Job, JobState, Queue

_NOT_WAITING = frozenset({JobState.RUNNING, JobState.EXITING, JobState.COMPLETE})
_WHY_NOT = {
    JobState.WAITING: because(Code.START_TIME, "its start time has not come"),
    JobState.TRANSIT: because(Code.NOT_STARTABLE, "it is being moved"),
    JobState.SUSPENDED: because(Code.NOT_STARTABLE, "it is suspended"),
}
_HOLDERS = {"u": "its user", "o": "an operator", "s": "the system"}


@dataclass(frozen=True, slots=True)
class Demand:
    """One job that could start now if nodes were there. `request` is of its pool's hosts.

    `doubt`: why it may be that it never can, empty where it is known that it can.
    """

    job: Job
    request: Request
    pool: Pool
    doubt: str = ""


class _Last(NamedTuple):
    """The demand of the last turn, by job, and what it followed from.

    As all of that is frozen, a job that is the same has the same. `plain`: there were no other
    jobs that wait.
    """

    jobs: tuple[Job, ...]
    policy: Policy | None
    maui: bool
    queues: tuple[Queue, ...]
    verdicts: Verdicts | None
    demands: dict[str, Demand]
    plain: bool


_last = Kept(_Last((), None, maui=False, queues=(), verdicts=None, demands={}, plain=True))


def demands(turn: Turn) -> list[Demand]:
    """The jobs that want capacity, in the server's order. The others get their reason."""
    found = _as_before(turn)
    if found is None:
        found = _anew(turn)
    return found


def _as_before(turn: Turn) -> list[Demand] | None:
    """The demand where only little changed in it since the last turn; None if it did not."""
    last, jobs = _last.value, turn.reading.jobs
    come, gone = job_news(jobs, last.jobs)
    waiting = [job for job in come if job.state not in _NOT_WAITING]
    # A job that comes to wait in the midst of others would not have its place.
    if not last.plain or (waiting and jobs[-1] is not come[-1]):
        return None
    if not (waiting or last.demands):
        _last.value = last._replace(jobs=jobs)
        return []
    if last.verdicts is not cluster_of(turn).verdicts or not _alike(turn, last):
        return None
    found = last.demands.copy()
    for job in gone:
        found.pop(job.job_id, None)
    judge = _Judge(turn)
    for job in waiting:
        demand = judge.judged(job)
        if isinstance(demand, Reason) or job.state is not JobState.QUEUED or job.job_id in found:
            return None
        found[job.job_id] = demand
    _last.value = last._replace(jobs=jobs, demands=found)
    return list(found.values())


def _alike(turn: Turn, last: _Last) -> bool:
    """Whether what the demand follows from beside jobs and hosts is as it was."""
    alike = last.policy is turn.policy and last.queues == turn.reading.queues
    return alike and last.maui is _maui(turn)


def _maui(turn: Turn) -> bool:
    """Whether Maui schedules, which makes something else of some requests."""
    return turn.reading.scheduling.maui is not None


def _anew(turn: Turn) -> list[Demand]:
    judge = _Judge(turn)
    wanted: list[Demand] = []
    before: dict[str, Demand] | None = None
    verdicts: Verdicts | None = None
    seen: dict[str, Demand] = {}
    for job in turn.reading.jobs:
        if job.state in _NOT_WAITING:
            continue
        queued = job.state is JobState.QUEUED
        if queued:
            if before is None:
                verdicts, last = cluster_of(turn).verdicts, _last.value
                kept = last.verdicts is verdicts and _alike(turn, last)
                before = last.demands if kept else {}
            known = before.get(job.job_id)
            if known is not None and known.job is job:
                seen[job.job_id] = known
                wanted.append(known)
                continue
        demand = judge.judged(job)
        if isinstance(demand, Reason):
            turn.jobs[job.job_id] = demand
        else:
            wanted.append(demand)
            if queued:
                seen[job.job_id] = demand
    plain = len(seen) == len(wanted) and not turn.jobs
    reading = turn.reading
    _last.value = _Last(
        reading.jobs, turn.policy, _maui(turn), reading.queues, verdicts, seen, plain
    )
    return wanted


class _Judge:
    """Says of each job that waits what it wants. Made for one decision."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self._request = maui_request if _maui(turn) else parse_request
        self._queues = {queue.name: queue for queue in turn.reading.queues}
        self._why_not_queue: dict[str, Reason | None] = {}
        # By the identity of requests, which are kept: there are few, for many jobs.
        self._verdicts: dict[int, tuple[Request, Reason | None]] = {}

    def judged(self, job: Job) -> Demand | Reason:
        """What a job wants, or why it does not count."""
        turn = self._turn
        if job.queue not in self._why_not_queue:
            self._why_not_queue[job.queue] = self._why_not(job.queue)
        stopped = self._why_not_queue[job.queue]
        if stopped is not None and stopped.code is Code.QUEUE_NOT_WATCHED:
            return stopped
        if job.state in _WHY_NOT:
            return _WHY_NOT[job.state]
        if job.state is JobState.HELD:
            return _why_held(turn, job)
        if stopped is not None:
            return stopped
        asked = job.resources
        try:
            request = self._request(asked)
            _check_time(asked.get("walltime"))
        except RequestError as error:
            return because(Code.MALFORMED, str(error))
        pool = turn.pools.of_job(job)
        request = turn.pools.asked(pool, request)
        if pool.share.limit.any and (over := never_in_pool(turn, pool, request)):
            return over
        if id(request) not in self._verdicts:
            self._verdicts[id(request)] = request, verdict_of(turn, request)
        verdict = self._verdicts[id(request)][1]
        if verdict is not None and verdict.code in HOPELESS:
            return verdict
        return Demand(job, request, pool, verdict.text if verdict is not None else "")

    def _why_not(self, name: str) -> Reason | None:
        """Why the jobs of a queue do not count; None if they do."""
        queue = self._queues.get(name)
        if not self._turn.policy.watches(name):
            text = f"its queue {name} is not one that we serve"
            return because(Code.QUEUE_NOT_WATCHED, text)
        if queue is not None and not (queue.started and queue.execution):
            return because(Code.QUEUE_STOPPED, f"its queue {name} does not start jobs")
        return None


def _why_held(turn: Turn, job: Job) -> Reason:
    """Whose hold it is; a job with none told may be held by any."""
    if holders := [who for letter, who in _HOLDERS.items() if letter in job.holds]:
        if job.dependent and holders == [_HOLDERS["s"]]:
            return because(Code.DEPENDENT, "it waits for the jobs that it depends on")
        told = f": {job.comment[len(HOLD_MARK) :]}" if job.comment.startswith(HOLD_MARK) else ""
        return because(Code.HELD, f"it is held by {' and '.join(holders)}{told}")
    if job.array is not None and (not job.holds or "l" in job.holds):
        busy = turn.members_startable[job.array]
        return because(
            Code.ARRAY_LIMIT,
            f"{busy} other jobs of its array run or may run, more are not let by its slot limit",
            others=busy,
        )
    if job.dependent:
        return because(Code.DEPENDENT, "it waits for the jobs that it depends on")
    return because(Code.HELD, "it is held")


@lru_cache(maxsize=1024)
def _check_time(text: str | None) -> None:
    """Raise RequestError where a wall time cannot be read: nobody knows how long it may run."""
    if text is not None:
        seconds(text)
