"""What a queue takes, and lets be started and run again."""

from __future__ import annotations

from typing import Dict, Optional, Tuple

from . import acl
from .errors import (
    BADSTATE,
    EXCQRESC,
    IVALREQ,
    MAXQUED,
    NORERUN,
    QACCESS,
    QUENODFLT,
    QUNOENB,
    SYNTAX,
    UNKNODE,
    UNKQUE,
    PbsError,
)
from .nodespec import BadSpec, Chunk, never, node_count, parse, slot_count
from .records import COMPLETE, HELD, WAITING, Job
from .state import State

_NO_FEASIBLE = (
    "cannot locate feasible nodes (nodes file is empty, all systems are busy, "
    "or no nodes have the requested feature)"
)
_TOO_MANY = (
    "cannot locate feasible nodes (nodes file is empty or requested nodes exceed all systems)"
)


def find_queue(state: State, asked: str) -> str:
    """The queue that is meant, the default one if none is named. Raises `PbsError`."""
    name = asked or state.attributes.get("default_queue", "")
    if not name or name not in state.queues:
        raise PbsError(UNKQUE if asked else QUENODFLT, "requested queue not found")
    return name


def admit(state: State, name: str, resources: Dict[str, str], owner: str, group: str) -> None:
    """Whether a queue takes a job of `owner` (user@host). Raises `PbsError`."""
    check_group(state, name, owner, group)
    check_open(state, name, owner)
    check_fit(state, name, resources, owner)


def admit_moved(state: State, name: str, job: Job, resources: Dict[str, str]) -> None:
    """Whether a queue takes a job that its owner moves there. Raises `PbsError`."""
    check_group(state, name, job.owner, job.group)
    check_open(state, name, job.owner)
    check_direct(state, name, job.owner)
    check_fit(state, name, resources, job.owner)


def admit_ordered(state: State, name: str, job: Job) -> None:
    """Whether a queue takes a job that changes places with one of its own. Raises `PbsError`.

    As in TORQUE whoever asks, and with all that the job has; a disabled or full queue does,
    and which limit it was is not told.
    """
    try:
        check_group(state, name, job.owner, job.group)
        check_fit(state, name, job.resources, job.owner)
    except PbsError as error:
        raise PbsError(error.code) from None


def check_direct(state: State, name: str, owner: str) -> None:
    """Whether a queue takes jobs from users, not of routing queues only. Raises `PbsError`."""
    if state.queues[name].get("from_route_only") == "True":
        where = f"user {owner}, queue {name}"
        raise PbsError(QACCESS, f"queue accepts only routed jobs, no direct submission: {where}")


def check_group(state: State, name: str, owner: str, group: str) -> None:
    """Whether an execution queue takes jobs of a group. Raises `PbsError`."""
    queue = state.queues[name]
    if queue.get("queue_type") == "Execution":
        acl.check_group(queue, name, owner, group)


def check_open(state: State, name: str, owner: str) -> None:
    """Whether a queue is enabled and not full. Raises `PbsError`."""
    queue = state.queues[name]
    where = f"user {owner}, queue {name}"
    if queue.get("enabled") != "True":
        raise PbsError(QUNOENB, f"queue is disabled: {where}")
    if "max_queuable" in queue or "max_user_queuable" in queue:
        _check_numbers(state, name, owner.split("@")[0], where)


def check_fit(state: State, name: str, resources: Dict[str, str], owner: str) -> None:
    """Whether a queue's lists and limits allow a job. Raises `PbsError`."""
    queue = state.queues[name]
    acl.check_host_and_user(queue, name, owner, state.server)
    check_limits(state, queue, resources)


def _check_numbers(state: State, name: str, user: str, where: str) -> None:
    queue = state.queues[name]
    here = [job for job in state.jobs.values() if job.queue == name and job.state != COMPLETE]
    if len(here) >= int(queue.get("max_queuable", len(here) + 1)):
        raise PbsError(MAXQUED, f"total number of jobs in queue exceeds the queue limit: {where}")
    own = sum(1 for job in here if job.owner.split("@")[0] == user)
    if own >= int(queue.get("max_user_queuable", own + 1)):
        text = "total number of current user's jobs exceeds the queue limit"
        raise PbsError(MAXQUED, f"{text}: {where}")


def count(resources: Dict[str, str]) -> None:
    """Add what follows from `nodes` to a job's resources. Raises `PbsError` (SYNTAX)."""
    try:
        chunks = parse(resources["nodes"])
    except BadSpec:
        raise PbsError(SYNTAX, "Invalid Syntax") from None
    resources.setdefault("nodect", str(node_count(chunks)))
    resources.setdefault("neednodes", resources["nodes"])


def check_limits(state: State, queue: Dict[str, str], resources: Dict[str, str]) -> None:
    """Whether a queue's limits and the nodes that are defined allow a job. Raises `PbsError`."""
    state.learn_nodect()
    for name, value in queue.items():
        kind, _, limited = name.partition(".")
        if kind == "resources_max" and _more(resources.get(limited), value):
            raise PbsError(EXCQRESC, f"cannot satisfy queue max {limited} requirement")
        if kind == "resources_min" and limited in resources and _more(value, resources[limited]):
            raise PbsError(EXCQRESC, f"cannot satisfy queue min {limited} requirement")
    spec = resources.get("nodes")
    routed = queue.get("queue_type") == "Route"
    if spec is None or routed or queue.get("is_transit") == "True":
        return
    if spec.isdigit() and int(spec) <= state.nodect:
        return
    chunks = parse(spec)
    if is_never(state, chunks):
        raise PbsError(EXCQRESC, _NO_FEASIBLE)
    if slot_count(chunks) > state.total_slots():
        raise PbsError(EXCQRESC, _TOO_MANY)


def is_never(state: State, chunks: Tuple[Chunk, ...]) -> bool:
    """Whether the nodes as they are defined now could never hold this."""
    _, choice = state.choose(chunks, enough=node_count(chunks))
    total = state.total_slots()
    return choice.picked is None and never(chunks, choice.eligible, total, state.nodect)


def _more(asked: Optional[str], limit: str) -> bool:
    if asked is None:
        return False
    if ":" in limit or ":" in asked:
        return _seconds(asked) > _seconds(limit)
    return asked.isdigit() and limit.isdigit() and int(asked) > int(limit)


def _seconds(text: str) -> int:
    total = 0
    for part in text.split(":"):
        total = total * 60 + int(part)
    return total


def add_defaults(state: State, name: str, resources: Dict[str, str]) -> None:
    """Give a job what its queue and the server give by default."""
    sized = any(name in resources for name in ("procs", "nodes", "ncpus", "size"))
    for source in (state.queues[name], state.attributes):
        for key, value in source.items():
            kind, _, part = key.partition(".")
            if kind != "resources_default" or part in resources:
                continue
            if part == "nodes" and sized:
                continue
            resources[part] = value
    if "nodes" in resources:
        count(resources)


def without_defaults(state: State, job: Job) -> Dict[str, str]:
    """What a job asks for, without what its queue gave it: that stays behind when it moves.

    As in TORQUE `nodect` and `neednodes` stay with the job.
    """
    queue = state.queues.get(job.queue, {})
    return {
        name: value
        for name, value in job.resources.items()
        if queue.get(f"resources_default.{name}") != value
    }


def may_start(state: State, job: Job, hosts: str) -> None:
    """Whether `qrun` may start a job, on a host if one is named. Raises `PbsError`."""
    if state.queues.get(job.queue, {}).get("started") != "True":
        raise PbsError(IVALREQ, "attempt to start job in non-started queue")
    if job.state == WAITING:
        raise PbsError(BADSTATE, f"job {job.job_id} state WAITING")
    if hosts and hosts.partition(":")[0] not in state.nodes:
        raise PbsError(UNKNODE, detail=f"in hostlist '{hosts}...' for job")


def may_rerun(job: Job) -> None:
    """Whether `qrerun` may put a job back into its queue. Raises `PbsError`."""
    if not job.rerunable:
        raise PbsError(NORERUN, f"job {job.job_id} not rerunnable")
    if job.state in (HELD, WAITING):
        raise PbsError(BADSTATE, f"job {job.job_id} is in a bad state")
