"""Which waiting jobs the batch scheduler may start: limits on running jobs, and strict order.

A job that does not ask for a resource is not held up by a limit on it.
"""

from __future__ import annotations

from collections import defaultdict

from torque_mesos.decide.formula import amount
from torque_mesos.decide.reason import Code, Reason, because
from torque_mesos.model import Job, JobState, Reading, RunLimit, Whose

_NOUN = {Whose.USER: "user", Whose.GROUP: "group", Whose.PROJECT: "project"}
_Kind = tuple[Whose, str, bool]  # whose; of which resource ("": jobs); whether of one job
_Key = tuple[str, _Kind, str]  # queue ("": the server), what, name ("": of all)


class Starts:
    """Counts the jobs that run, and those that are about to, against the limits.

    To be asked of each waiting job in order, and told what became of it: a job that found no
    place takes nothing of a limit, for those behind it may be started before it.
    """

    def __init__(self, reading: Reading) -> None:
        self._strict = reading.scheduling.strict
        self._stuck: dict[str, str] = {}  # by queue: the job that holds up those behind it
        self._rules: dict[str, dict[_Kind, _Rule]] = {}
        for scope, limits in (
            ("", reading.run_limits),
            *[(queue.name, queue.run_limits) for queue in reading.queues if queue.run_limits],
        ):
            for limit in limits:
                kind = limit.whose, limit.resource, limit.one_job
                self._rules.setdefault(scope, {}).setdefault(kind, _Rule()).add(limit)
        self._running: defaultdict[_Key, float] = defaultdict(float)
        if self._rules:
            for job in reading.jobs:
                if job.state is JobState.RUNNING:
                    self._count(job)

    @property
    def any(self) -> bool:
        """Whether there is anything to keep to."""
        return self._strict or bool(self._rules)

    def refusal(self, job: Job) -> Reason | None:
        """Why the scheduler would not start a job now, whatever nodes there are."""
        if self._strict and (ahead := self._stuck.get(job.queue)):
            return because(
                Code.BEHIND_ANOTHER,
                f"the batch scheduler starts the jobs of queue {job.queue} in strict order, and"
                f" {ahead} comes first",
            )
        if not self._rules:
            return None
        for key, limit, asked in self._limits_of(job):
            running = 0.0 if limit.one_job else self._running[key]
            if running + asked > limit.most:
                return _over(key, limit, running, asked)
        return None

    def served(self, job: Job, *, placed: bool) -> None:
        """Note that a job is about to start, or that it has to wait."""
        if placed:
            self._count(job)
        elif self._strict:
            self._stuck.setdefault(job.queue, job.job_id)

    def _count(self, job: Job) -> None:
        if self._rules:
            for key, _, asked in self._limits_of(job):
                self._running[key] += asked

    def _limits_of(self, job: Job) -> list[tuple[_Key, RunLimit, float]]:
        """The limits that a job counts for, each with how much it does."""
        found = []
        for scope in ("", job.queue):
            for kind, rule in self._rules.get(scope, {}).items():
                whose, resource, _ = kind
                asked = amount(job.resources.get(resource, "")) if resource else 1.0
                name = _name(job, whose)
                limit = rule.of(name)
                if limit is not None and asked and (name or whose is Whose.ALL):
                    found.append(((scope, kind, name), limit, asked))
        return found


class _Rule:
    """The limits of one kind: of each, and of single ones, which win."""

    def __init__(self) -> None:
        self._each: RunLimit | None = None
        self._one: dict[str, RunLimit] = {}

    def add(self, limit: RunLimit) -> None:
        if limit.name is not None:
            self._one[limit.name] = limit
        elif self._each is None or limit.most < self._each.most:
            self._each = limit

    def of(self, name: str) -> RunLimit | None:
        return self._one.get(name, self._each)


def _name(job: Job, whose: Whose) -> str:
    if whose is Whose.USER:
        return job.user or job.owner.partition("@")[0]
    if whose is Whose.GROUP:
        return job.group
    return job.project if whose is Whose.PROJECT else ""


def _over(key: _Key, limit: RunLimit, running: float, asked: float) -> Reason:
    queue, (whose, resource, _), name = key
    where = f"queue {queue}" if queue else "the server"
    who = f"{_NOUN[whose]} {name}" if whose is not Whose.ALL else where
    if resource:
        text = f"it asks for {asked:g} {resource}"
        text += f" beside {running:g} of jobs of {who} that run or are about to" if running else ""
    elif running == 1:
        text = f"{who} has 1 job that runs or is about to"
    else:
        text = f"{who} has {running:g} jobs that run or are about to"
    return because(
        Code.RUN_LIMIT,
        f"{text}, {limit.setting} of {where} is {limit.most:g}",
        running=running,
        most=limit.most,
    )
