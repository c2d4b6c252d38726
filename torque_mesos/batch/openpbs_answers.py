"""What OpenPBS' commands print, as values. Text in, values out; nothing here runs a command."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from torque_mesos.batch.base import UnreadableAnswer
from torque_mesos.batch.openpbs_json import SHOWN, BadRecord, ends, fields_of, flat, records
from torque_mesos.batch.run_limits import run_limits, whole_number
from torque_mesos.model import Job, JobState, Node, NodeState, Queue, frozen_map

MOST_OF_ONE_RESOURCE = 64
"""A node that has 4 of a resource has the words `ngpus>=1` to `ngpus>=4`; here they end."""

_JOB_STATES = {state.value: state for state in JobState} | {
    "U": JobState.SUSPENDED,  # by the user of the workstation
    "X": JobState.COMPLETE,  # a sub-job that has ended
    "F": JobState.COMPLETE,  # told only with the history
    "M": JobState.COMPLETE,  # moved to another server
}
# A mom that the server cannot use now, though it may be heard: no job goes there, and
# those that are there go on.
_NODE_STATES = {
    "free": NodeState.FREE,
    "job-busy": NodeState.JOB_EXCLUSIVE,  # all its cpus are given
    "job-exclusive": NodeState.JOB_EXCLUSIVE,
    "job-sharing": NodeState.JOB_SHARING,
    "resv-exclusive": NodeState.RESERVE,
    "offline": NodeState.OFFLINE,
    "offline_by_mom": NodeState.BUSY,  # a hook of the mom's did it; the mom lives
    "busy": NodeState.BUSY,
    "maintenance": NodeState.BUSY,
    "provisioning": NodeState.BUSY,
    "wait-provisioning": NodeState.BUSY,
    "initializing": NodeState.UNKNOWN,
    "state-unknown": NodeState.UNKNOWN,
    "down": NodeState.DOWN,
    "Stale": NodeState.DOWN,  # its mom tells of vnodes, and not of this one
    "unresolvable": NodeState.DOWN,
    "sleep": NodeState.DOWN,
}
NOTE_RESOURCE = "torque_mesos"
"""The resource of a node in which our note is: its comment is lost when the server restarts."""

# Every node has these; they are no properties.
NOT_PROPERTIES = frozenset(
    {"ncpus", "mem", "vmem", "arch", "host", "vnode", "hbmem", "accelerator_memory"}
)
_SERVERS_COMMENT = "node down: "
_MONTHS = {
    name: number
    for number, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), 1
    )
}
_DAY = re.compile(r"([A-Z][a-z]{2}) +([0-9]{1,2}) ((?:19[7-9]|2[0-9]{2})[0-9])", re.ASCII)
_VNODE = re.compile(r"([^:()+]+)((?::[^:()+=]+=[^:()+]*)*)")


@dataclass(frozen=True, slots=True)
class Jobs:
    """All jobs that could be read, in the server's order; a problem for each other one.

    `cpus`: of each job that runs, its cpus on each vnode.
    """

    jobs: tuple[Job, ...]
    problems: tuple[str, ...]
    cpus: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class NodeRecord:
    """A node as the server tells it, and the ids of its jobs. Its `slots` are still empty."""

    node: Node
    jobs: tuple[str, ...]
    assigned: int


@dataclass(frozen=True, slots=True)
class Nodes:
    """All nodes that could be read; a problem, and the name, for each other one."""

    nodes: tuple[NodeRecord, ...]
    problems: tuple[str, ...]
    unreadable: frozenset[str]


def parse_jobs(text: str) -> Jobs:
    """Read what `qstat -t -f -F json` printed.

    An array is told by its sub-jobs; its own record (`9[].head`) is left out. Sub-jobs
    that cannot start yet, because of the array's hold or of its slot limit, are HELD (or
    what the array is).

    Raises:
        UnreadableAnswer: the document is not whole.
    """
    jobs: list[Job] = []
    problems: list[str] = []
    cpus: dict[str, Mapping[str, int]] = {}
    arrays: dict[str, tuple[JobState, int | None]] = {}
    for job_id, record in records(text, "Jobs"):
        try:
            fields = fields_of(record)
            array, _, index = job_id.partition("[")
            if index.startswith("]"):
                arrays[array] = _array(fields)
                continue
            job, shares = _job(job_id, fields)
        except BadRecord as error:
            problems.append(f"job {job_id}: {error}")
            continue
        jobs.append(job)
        if shares:
            cpus[job_id] = shares
    startable = tuple(_startable(jobs, arrays) if arrays else jobs)
    return Jobs(startable, tuple(problems), frozen_map(cpus))


def parse_nodes(text: str) -> Nodes:
    """Read what `pbsnodes -av -F json` printed.

    Raises:
        UnreadableAnswer: the document is not whole.
    """
    nodes: list[NodeRecord] = []
    problems: list[str] = []
    unreadable: set[str] = set()
    for name, record in records(text, "nodes"):
        try:
            nodes.append(_node(name, fields_of(record)))
        except BadRecord as error:
            problems.append(f"node {name}: {error}")
            unreadable.add(name)
    return Nodes(tuple(nodes), tuple(problems), frozenset(unreadable))


def parse_queues(text: str) -> tuple[Queue, ...]:
    """Read what `qstat -Q -f -F json` printed.

    Raises:
        UnreadableAnswer: quoting what cannot be read.
    """
    queues = []
    for name, record in records(text, "Queue"):
        try:
            fields = fields_of(record)
        except BadRecord as error:
            raise UnreadableAnswer(f"queue {name}: {error}") from None
        kind = str(fields.get("queue_type", "")).lower()
        if kind not in ("execution", "route"):
            raise UnreadableAnswer(f"queue {name}: unknown queue_type {kind!r}")
        queues.append(
            Queue(
                name=name,
                execution=kind == "execution",
                enabled=str(fields.get("enabled", "")) == "True",
                started=str(fields.get("started", "")) == "True",
                priority=whole_number(fields, "Priority") or 0,
                run_limits=run_limits(flat(fields)),
            )
        )
    return tuple(queues)


def parse_server(text: str) -> Mapping[str, str]:
    """Read what `qstat -B -f -F json` printed: its attributes.

    Raises:
        UnreadableAnswer: quoting what cannot be read.
    """
    servers = list(records(text, "Server"))
    if len(servers) != 1:
        raise UnreadableAnswer(f"qstat -B tells of {len(servers)} servers, not of one")
    name, record = servers[0]
    try:
        fields = fields_of(record)
    except BadRecord as error:
        raise UnreadableAnswer(f"server {name}: {error}") from None
    return {key: str(value) for key, value in flat(fields).items()}


def parse_exec_vnode(text: str) -> dict[str, int]:
    """Read a job's `exec_vnode`, `(n1:ncpus=2:mem=5kb)+(n2:ncpus=1+n3:ncpus=1)`.

    Gives the cpus on each vnode, in the order of the vnodes.

    Raises:
        ValueError: quoting the part that cannot be read.
    """
    cpus: dict[str, int] = {}
    for part in text.replace("(", "").replace(")", "").split("+"):
        match = _VNODE.fullmatch(part.strip())
        if not match:
            raise ValueError(f"exec_vnode {ends(text)}: cannot read {part[:SHOWN]!r}")
        held = 0
        for resource in match[2].split(":")[1:]:
            name, _, value = resource.partition("=")
            if name == "ncpus":
                if not (value.isascii() and value.isdigit() and len(value) <= 6):
                    raise ValueError(f"exec_vnode {ends(text)}: cannot read {resource!r}")
                held = int(value)
        cpus[match[1]] = cpus.get(match[1], 0) + held
    return cpus


def with_slots(record: NodeRecord, cpus: Mapping[str, Mapping[str, int]]) -> Node:
    """The node with slots: each of its jobs gets as many indexes, from 0, as it has cpus there.

    OpenPBS' cpus have no numbers. Every job that the node names holds one slot at least,
    whatever is known of it, so that none is lost sight of; cpus that are given to nobody
    known belong to the jobs of which nothing is known.
    """
    shares = {job: cpus.get(job, {}).get(record.node.name) for job in record.jobs}
    left = record.assigned - sum(share or 0 for share in shares.values())
    unknown = [job for job, share in shares.items() if share is None]
    slots: dict[int, str] = {}
    for job, share in shares.items():
        if share is None:
            share = left - len(unknown) + 1 if job == unknown[0] else 1
        for _ in range(max(1, share)):
            slots[len(slots)] = job
    node = record.node
    if not slots:
        return node
    return replace(node, slots=frozen_map(slots))


# --- one record ------------------------------------------------------------------


def _text(fields: Mapping[str, Any], key: str) -> str:
    value = fields.get(key)
    if not isinstance(value, str) or not value:
        raise BadRecord(f"it has no {key}" if value is None else f"its {key} is {value!r:.80}")
    return value


def _state(fields: Mapping[str, Any]) -> JobState:
    letter = _text(fields, "job_state")
    state = _JOB_STATES.get(letter)
    if state is None:
        raise BadRecord(f"unknown job_state {letter[:SHOWN]!r}")
    return state


def _job(job_id: str, fields: Mapping[str, Any]) -> tuple[Job, dict[str, int]]:
    state = _state(fields)
    exec_vnode = fields.get("exec_vnode")
    try:
        cpus = parse_exec_vnode(str(exec_vnode)) if exec_vnode else {}
    except ValueError as error:
        raise BadRecord(str(error)) from None
    exit_status, qtime = fields.get("Exit_status"), fields.get("qtime")
    job = Job(
        job_id=job_id,
        name=str(fields.get("Job_Name", "")),
        owner=_text(fields, "Job_Owner"),
        queue=_text(fields, "queue"),
        state=state,
        resources=frozen_map(_resources(fields)),
        exec_nodes=tuple(cpus),
        queued_s=_time(qtime) if isinstance(qtime, str) else None,
        exit_status=exit_status if isinstance(exit_status, int) else None,
        comment=str(fields.get("comment", "")),
        user=str(fields.get("euser", "")) or _text(fields, "Job_Owner").partition("@")[0],
        group=str(fields.get("egroup", "")),
        account=str(fields.get("Account_Name", "")),
        project=str(fields.get("project", "")),
        priority=_priority(fields),
        holds=str(fields.get("Hold_Types", "")).replace("n", ""),
        dependent="depend" in fields,
        eligible_s=_duration(fields.get("eligible_time")),
    )
    return job, cpus


def _priority(fields: Mapping[str, Any]) -> int:
    value = fields.get("Priority")
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _duration(value: object) -> float | None:
    """Seconds of `00:01:30`, None where it is none."""
    parts = value.split(":") if isinstance(value, str) else []
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() for part in parts):
        return None
    hours, minutes, seconds = (int(part) for part in parts)
    return 3600.0 * hours + 60.0 * minutes + seconds


def _resources(fields: Mapping[str, Any]) -> dict[str, str]:
    resources = fields.get("Resource_List", {})
    if not isinstance(resources, dict):
        raise BadRecord(f"its Resource_List is {ends(str(resources))}")
    return {name: str(value) for name, value in resources.items()}


def _time(value: str) -> float | None:
    """Seconds since 1970 from `Fri Nov 20 15:40:23 2026`, which is in UTC where TZ says so."""
    midnight = _midnight(value[4:10], value[20:])
    try:
        hour, minute, second = (int(part) for part in value[11:19].split(":"))
    except ValueError:
        return None
    return None if midnight is None else midnight + 3600.0 * hour + 60.0 * minute + second


@lru_cache(64)
def _midnight(day: str, year: str) -> int | None:
    """The beginning of `Nov 20` or `Nov  2` of a year."""
    match = _DAY.fullmatch(f"{day} {year}")
    if match is None or match[1] not in _MONTHS:
        return None
    return calendar.timegm((int(match[3]), _MONTHS[match[1]], int(match[2]), 0, 0, 0))


def _array(fields: Mapping[str, Any]) -> tuple[JobState, int | None]:
    """What an array's own record tells of its sub-jobs: its state, its slot limit."""
    limit = fields.get("max_run_subjobs")
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int)):
        raise BadRecord(f"its max_run_subjobs is {limit!r:.80}")
    begun = fields.get("job_state") == "B"
    return (JobState.QUEUED if begun else _state(fields)), limit


def _startable(jobs: list[Job], arrays: Mapping[str, tuple[JobState, int | None]]) -> Iterator[Job]:
    """The jobs; the sub-jobs that their array keeps from starting are told as such."""
    room: dict[str, int] = {}
    running = {JobState.RUNNING, JobState.EXITING, JobState.SUSPENDED}
    members = [job.job_id.partition("[")[0] if "[" in job.job_id else "" for job in jobs]
    for array, job in zip(members, jobs, strict=True):
        limit = arrays.get(array, (None, None))[1]
        if limit is not None:
            room[array] = room.get(array, limit) - (job.state in running)
    for array, job in zip(members, jobs, strict=True):
        state, _ = arrays.get(array, (JobState.QUEUED, None))
        if job.state is not JobState.QUEUED or not array:
            yield job
        elif state is not JobState.QUEUED:
            yield replace(job, state=state)
        elif array in room and room[array] <= 0:
            yield replace(job, state=JobState.HELD, holds="l")
        else:
            if array in room:
                room[array] -= 1
            yield job


def _node(name: str, fields: Mapping[str, Any]) -> NodeRecord:
    states = []
    if "state" not in fields and name in fields:  # `"n9": {"n9": "Unknown node "}`
        raise BadRecord(str(fields[name]).strip()[:SHOWN])
    for word in _text(fields, "state").split(","):
        state = _NODE_STATES.get(word.strip())
        if state is None:
            raise BadRecord(f"unknown state {word.strip()[:SHOWN]!r}")
        states.append(state)
    if NodeState.UNKNOWN in states:
        # Not heard since the server or the record was made, and not always called down.
        states.append(NodeState.DOWN)
    available = fields.get("resources_available", {})
    assigned = fields.get("resources_assigned", {})
    jobs = fields.get("jobs", [])
    if not isinstance(available, dict) or not isinstance(assigned, dict):
        raise BadRecord("its resources are no objects")
    if not isinstance(jobs, list) or not all(isinstance(job, str) for job in jobs):
        raise BadRecord(f"its jobs are {ends(str(jobs))}")
    node = Node(
        name=name,
        states=frozenset(states),
        np=_number(available, "ncpus"),
        gpus=_number(available, "ngpus"),
        properties=frozenset(_words(available)),
        note=_note(str(fields.get("comment", "")), str(available.get(NOTE_RESOURCE, ""))),
    )
    # The text form has one entry for a chunk (`1.head/0, 1.head/1`).
    ids = tuple(dict.fromkeys(job.partition("/")[0].strip() for job in jobs))
    return NodeRecord(node, ids, _number(assigned, "ncpus"))


def _note(comment: str, note: str) -> str:
    """What is noted: the comment, where a person or we have set it, and else our resource.

    A restarted server has no comment, and then writes one of its own about nodes it lost.
    """
    return note if note and (not comment or comment.startswith(_SERVERS_COMMENT)) else comment


def _number(resources: Mapping[str, Any], name: str) -> int:
    value = resources.get(name, 0)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise BadRecord(f"its {name} is {value!r:.80}")
    return value


def _words(available: Mapping[str, Any]) -> Iterator[str]:
    """What a request may ask of a node, as words.

    `fast` of a boolean that is true, `pool=gold` of each value of a text, and
    `ngpus>=1`, `ngpus>=2`... of a number.
    """
    for name, value in available.items():
        if name in NOT_PROPERTIES or name == NOTE_RESOURCE:
            continue
        if value is True or value == "True":
            yield name
        elif isinstance(value, bool) or value == "False":
            continue
        elif isinstance(value, int):
            for number in range(1, min(value, MOST_OF_ONE_RESOURCE) + 1):
                yield f"{name}>={number}"
        elif isinstance(value, str):
            yield from (f"{name}={word}" for word in value.split(",") if word)
