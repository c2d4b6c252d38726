"""Which jobs want capacity now, which never can have it, and why."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache

from torque_mesos.decide.facts import Whole
from torque_mesos.decide.packing import Host, Tier, impossible
from torque_mesos.decide.policy import Policy
from torque_mesos.decide.pool import Limit, Pool
from torque_mesos.decide.reason import Code, Reason
from torque_mesos.decide.request import (
    MAX_COUNT,
    Request,
    RequestError,
    cost_of,
    parse_request,
)
from torque_mesos.decide.turn import Turn, because
from torque_mesos.decide.worker import Phase
from torque_mesos.model import Job, JobState, Queue, Resources

_NOT_WAITING = frozenset({JobState.RUNNING, JobState.EXITING, JobState.COMPLETE})
_WHY_NOT = {
    JobState.WAITING: because(Code.START_TIME, "its start time has not come"),
    JobState.TRANSIT: because(Code.NOT_STARTABLE, "it is being moved"),
    JobState.SUSPENDED: because(Code.NOT_STARTABLE, "it is suspended"),
}
_HOLDERS = {"u": "its user", "o": "an operator", "s": "the system"}


@dataclass(frozen=True, slots=True)
class Demand:
    """One job that could start now if nodes were there. `request` is of its pool's hosts."""

    job: Job
    request: Request
    pool: Pool


@dataclass(slots=True)
class _Last:
    """The demand of the turn before, by job, and what it followed from beside the jobs.

    As all of that is frozen, a job that is the same has the same.
    """

    policy: Policy | None = None
    queues: tuple[Queue, ...] = ()
    verdicts: dict[Request, Reason | None] | None = None
    demands: dict[str, Demand] = field(default_factory=dict)
    jobs: tuple[Job, ...] = ()
    wanted: list[Demand] | None = None  # of `jobs`, where nothing else was to be said of them

    def of(self, turn: Turn, verdicts: dict[Request, Reason | None]) -> dict[str, Demand]:
        """What of it holds for a turn still."""
        policy, queues = turn.policy, turn.reading.queues
        alike = self.policy is policy and self.verdicts is verdicts and self.queues == queues
        self.policy, self.queues, self.verdicts = policy, queues, verdicts
        if not alike:
            self.demands, self.wanted = {}, None
        return self.demands


_last = _Last()


def demands(turn: Turn) -> list[Demand]:
    """The jobs that want capacity, in the server's order. The others get their reason."""
    cluster: _Cluster
    if _last.wanted and turn.reading.jobs == _last.jobs:
        cluster = _whole_cluster(turn)
        _last.of(turn, _verdicts(turn.policy.slot, turn.policy.limit, cluster))
        if _last.wanted is not None:
            return list(_last.wanted)
    queues = {queue.name: queue for queue in turn.reading.queues}
    cluster = ()
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
                cluster = _whole_cluster(turn)
                verdicts = _verdicts(turn.policy.slot, turn.policy.limit, cluster)
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
                request = parse_request(job.resources)
            except RequestError as error:
                turn.jobs[job.job_id] = because(Code.MALFORMED, str(error))
                continue
            pool = turn.pools.of_job(job)
            request = turn.pools.asked(pool, request)
            if pool.share.limit.any and (over := _never_in_pool(turn, pool, request)):
                turn.jobs[job.job_id] = over
                continue
            if verdicts is None:
                cluster = _whole_cluster(turn)
                verdicts = _verdicts(turn.policy.slot, turn.policy.limit, cluster)
            if request not in verdicts:
                verdicts[request] = _never(turn, request, cluster)
            if never := verdicts[request]:
                turn.jobs[job.job_id] = never
            else:
                wanted.append(Demand(job, request, pool))
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


_Cluster = tuple[Whole, ...]


@lru_cache(maxsize=4)
def _verdicts(
    slot: Resources,  # noqa: ARG001 (a key, as the others)
    limit: Limit,  # noqa: ARG001
    cluster: _Cluster,  # noqa: ARG001
) -> dict[Request, Reason | None]:
    """What `_never` said of requests, which depends on nothing else than on these."""
    return {}


def _whole_cluster(turn: Turn) -> _Cluster:
    """Every host as if nothing ran and all of it were ours."""
    hosts = []
    for name, where in turn.phases.items():
        if where is Phase.FOREIGN:
            continue
        facts = turn.facts.get(name)
        if facts is None or turn.pools.named:
            hosts.append(_whole(turn, name))
            continue
        if facts.whole is None:
            facts.whole = _whole(turn, name)
        hosts.append(facts.whole)
    return tuple(sorted(hosts))


def _whole(turn: Turn, name: str) -> Whole:
    worker, agent = turn.workers.get(name), turn.agents.get(name)
    if agent is None:
        return _unlisted(turn, name)
    slots = max(turn.full_slots(name), worker.slots if worker else 0)
    total = agent.total
    if worker is not None:
        held = worker.resources
        total = Resources(0.0, max(total.mem_mb, held.mem_mb), max(total.gpus, held.gpus))
    return name, slots, turn.names_of(name), total.mem_mb, turn.gpus(name, total)


def _unlisted(turn: Turn, name: str) -> Whole:
    """A host whose agent Mesos does not list, or not yet: it may be as large as anybody asks for.

    Only the np of a parked record tells more: it is that of the whole agent.
    """
    node = turn.records.get(name)
    parked = node is not None and turn.phases[name] is Phase.PARKED and node.np > 0
    slots = node.np if node is not None and parked else MAX_COUNT
    words = turn.names_of(name)
    if turn.pools.named and turn.pools.of_host(name) is None:
        words |= {pool.word for pool in turn.pools.all}
    return name, slots, words, math.inf, MAX_COUNT


def _never_in_pool(turn: Turn, pool: Pool, request: Request) -> Reason | None:
    """Why a job can never run in its pool."""
    if over := pool.share.limit.exceeded_by(request.hosts, cost_of(request, turn.policy.slot)):
        return because(
            Code.NEVER_OVER_LIMIT,
            f"can never run: it asks for more than the limit of pool {pool.name}, {over}",
            slots=request.slots,
            hosts=request.hosts,
        )
    return None


def _never(turn: Turn, request: Request, whole: _Cluster) -> Reason | None:
    """Why a request can never be served here; None if it can, or if that is not known yet."""
    slot = turn.policy.slot
    cluster = [
        Host(name, slots, Tier.OFFERED, names, (), slot.mem_mb, mem_mb, gpus)
        for name, slots, names, mem_mb, gpus in whole
    ]
    limit = turn.policy.limit
    if over := limit.exceeded_by(request.hosts, cost_of(request, slot)):
        return because(
            Code.NEVER_OVER_LIMIT,
            f"can never run: it asks for more than the safe allocation, {over}",
            slots=request.slots,
            hosts=request.hosts,
        )
    if not any(host.free for host in cluster):
        return None
    if not impossible(request, cluster):
        return None
    for chunk in request.chunks:
        fitting = [host for host in cluster if chunk.names <= host.names and host.free]
        if not fitting:
            return because(
                Code.NEVER_NO_SUCH_NODE,
                f"can never run: no agent's node has {', '.join(sorted(chunk.names))}",
            )
        most = max(host.free for host in fitting)
        if most < chunk.slots:
            return because(
                Code.NEVER_TOO_LARGE,
                f"can never run: it asks for {chunk.slots} slots on one host,"
                f" the largest agent for it has {most}",
                slots=chunk.slots,
                largest=most,
            )
        for what, asked, largest in (
            ("MB of memory", chunk.mem_mb, max(host.mem_mb for host in fitting)),
            ("gpus", chunk.gpus, max(host.gpus for host in fitting)),
        ):
            if not any(host.serves(chunk) for host in fitting) and largest < asked:
                return because(
                    Code.NEVER_TOO_LARGE,
                    f"can never run: it asks for {asked} {what} on one host, the largest agent"
                    f" for it has {largest:g}",
                    asked=asked,
                    largest=largest,
                )
    agents = sum(1 for host in cluster if host.free)
    if request.shared:
        text = f"its parts ({request.brief}) do not fit together on the hosts that there are"
    elif request.hosts == 1:
        text = f"no host has all that it asks for ({request.brief})"
    else:
        text = f"it asks for {request.hosts} hosts ({request.brief}), there are not so many"
    return because(
        Code.NEVER_TOO_LARGE, f"can never run: {text}", hosts=request.hosts, agents=agents
    )
