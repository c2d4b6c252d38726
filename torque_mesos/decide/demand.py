"""Which jobs want capacity now, which do not, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from torque_mesos.decide.extension import maui_request
from torque_mesos.decide.grammar import seconds
from torque_mesos.decide.never import Cluster, never, never_in_pool, verdicts_of, whole_cluster
from torque_mesos.decide.policy import Policy
from torque_mesos.decide.pool import Pool
from torque_mesos.decide.reason import HOPELESS, Code, Reason
from torque_mesos.decide.request import Request, RequestError, parse_request
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


@dataclass(slots=True)
class _Last:
    """The demand of the turn before, by job, and what it followed from beside the jobs.

    As all of that is frozen, a job that is the same has the same.
    """

    policy: Policy | None = None
    maui: bool = False
    queues: tuple[Queue, ...] = ()
    verdicts: dict[Request, Reason | None] | None = None
    demands: dict[str, Demand] = field(default_factory=dict)
    jobs: tuple[Job, ...] = ()
    wanted: list[Demand] | None = None  # of `jobs`, where nothing else was to be said of them

    def of(self, turn: Turn, verdicts: dict[Request, Reason | None]) -> dict[str, Demand]:
        """What of it holds for a turn still."""
        policy, queues = turn.policy, turn.reading.queues
        maui = turn.reading.scheduling.maui is not None
        alike = self.policy is policy and self.verdicts is verdicts and self.queues == queues
        alike = alike and self.maui is maui
        self.maui, self.policy, self.queues, self.verdicts = maui, policy, queues, verdicts
        if not alike:
            self.demands, self.wanted = {}, None
        return self.demands


_last = _Last()


def demands(turn: Turn) -> list[Demand]:
    """The jobs that want capacity, in the server's order. The others get their reason."""
    cluster: Cluster
    if _last.wanted and turn.reading.jobs == _last.jobs:
        cluster = whole_cluster(turn)
        _last.of(turn, verdicts_of(turn.policy.slot, turn.policy.limit, cluster))
        if _last.wanted is not None:
            return list(_last.wanted)
    queues = {queue.name: queue for queue in turn.reading.queues}
    cluster = ()
    maui = turn.reading.scheduling.maui is not None
    verdicts: dict[Request, Reason | None] | None = None  # made when a job asks for it
    watched: dict[str, bool] = {}
    wanted: list[Demand] = []
    before: dict[str, Demand] | None = None
    seen: dict[str, Demand] = {}
    for job in turn.reading.jobs:
        if job.state in _NOT_WAITING:
            continue
        if job.state is JobState.QUEUED:
            if before is None:
                cluster = whole_cluster(turn)
                verdicts = verdicts_of(turn.policy.slot, turn.policy.limit, cluster)
                before = _last.of(turn, verdicts)
            known = before.get(job.job_id)
            if known is not None and known.job is job:
                seen[job.job_id] = known
                wanted.append(known)
                continue
        queue = queues.get(job.queue)
        if job.queue not in watched:
            watched[job.queue] = turn.policy.watches(job.queue)
        if not watched[job.queue]:
            turn.jobs[job.job_id] = because(
                Code.QUEUE_NOT_WATCHED, f"its queue {job.queue} is not one that we serve"
            )
        elif job.state in _WHY_NOT:
            turn.jobs[job.job_id] = _WHY_NOT[job.state]
        elif job.state is JobState.HELD:
            turn.jobs[job.job_id] = _why_held(turn, job)
        elif queue is not None and not (queue.started and queue.execution):
            turn.jobs[job.job_id] = because(
                Code.QUEUE_STOPPED, f"its queue {job.queue} does not start jobs"
            )
        else:
            try:
                asked = job.resources
                request = maui_request(asked) if maui else parse_request(asked)
                _check_time(job.resources.get("walltime"))
            except RequestError as error:
                turn.jobs[job.job_id] = because(Code.MALFORMED, str(error))
                continue
            pool = turn.pools.of_job(job)
            request = turn.pools.asked(pool, request)
            if pool.share.limit.any and (over := never_in_pool(turn, pool, request)):
                turn.jobs[job.job_id] = over
                continue
            if verdicts is None:
                cluster = whole_cluster(turn)
                verdicts = verdicts_of(turn.policy.slot, turn.policy.limit, cluster)
            if request not in verdicts:
                verdicts[request] = never(turn, request, cluster)
            verdict = verdicts[request]
            if verdict is not None and verdict.code in HOPELESS:
                turn.jobs[job.job_id] = verdict
            else:
                doubt = verdict.text if verdict is not None else ""
                wanted.append(Demand(job, request, pool, doubt))
                if job.state is JobState.QUEUED:
                    seen[job.job_id] = wanted[-1]
    if before is not None:
        _last.demands = seen
        plain = len(seen) == len(wanted) and not turn.jobs
        _last.jobs, _last.wanted = turn.reading.jobs, list(wanted) if plain else None
    return wanted


def _why_held(turn: Turn, job: Job) -> Reason:
    """Whose hold it is; a job with none told may be held by any."""
    if holders := [who for letter, who in _HOLDERS.items() if letter in job.holds]:
        if job.dependent and holders == [_HOLDERS["s"]]:
            return because(Code.DEPENDENT, "it waits for the jobs that it depends on")
        return because(Code.HELD, f"it is held by {' and '.join(holders)}")
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
