"""The jobs that OpenPBS' `qstat` tells of, as values. Text in, values out."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from torque_mesos.batch.bad_record import SHOWN, BadRecord, ends
from torque_mesos.batch.openpbs_json import fields_of, records, text_of
from torque_mesos.model import Job, JobState, frozen_map

_JOB_STATES = {state.value: state for state in JobState} | {
    "U": JobState.SUSPENDED,  # by the user of the workstation
    "X": JobState.COMPLETE,  # a sub-job that has ended
    "F": JobState.COMPLETE,  # told only with the history
    "M": JobState.COMPLETE,  # moved to another server
}

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


def _state(fields: Mapping[str, Any]) -> JobState:
    letter = text_of(fields, "job_state")
    state = _JOB_STATES.get(letter)
    if state is None:
        raise BadRecord(f"unknown job_state {letter[:SHOWN]!r}")
    return state


def _job(job_id: str, fields: Mapping[str, Any]) -> tuple[Job, dict[str, int]]:
    get = fields.get
    owner, exec_vnode, exit_status = (
        text_of(fields, "Job_Owner"),
        get("exec_vnode"),
        get("Exit_status"),
    )
    eligible = get("eligible_time")
    try:
        cpus = parse_exec_vnode(str(exec_vnode)) if exec_vnode else {}
    except ValueError as error:
        raise BadRecord(str(error)) from None
    job = Job(
        job_id,
        str(get("Job_Name", "")),
        owner,
        text_of(fields, "queue"),
        _state(fields),
        _resources(get("Resource_List", {})),
        tuple(cpus),
        _time(get("qtime")),
        exit_status if isinstance(exit_status, int) else None,
        str(get("comment", "")),
        user=str(get("euser", "")) or owner.partition("@")[0],
        group=str(get("egroup", "")),
        account=str(get("Account_Name", "")),
        project=str(get("project", "")),
        priority=_priority(get("Priority")),
        holds=str(get("Hold_Types", "")).replace("n", ""),
        dependent="depend" in fields,
        eligible_s=None if eligible is None else _duration(eligible),
    )
    return job, cpus


def _priority(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _duration(value: object) -> float | None:
    """Seconds of `00:01:30`, None where it is none."""
    parts = value.split(":") if isinstance(value, str) else []
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() for part in parts):
        return None
    hours, minutes, seconds = (int(part) for part in parts)
    return 3600.0 * hours + 60.0 * minutes + seconds


def _resources(resources: object) -> Mapping[str, str]:
    if not isinstance(resources, dict):
        raise BadRecord(f"its Resource_List is {ends(str(resources))}")
    return MappingProxyType({name: str(value) for name, value in resources.items()})


def _time(value: object) -> float | None:
    """Seconds since 1970 from `Fri Nov 20 15:40:23 2026`, which is in UTC where TZ says so.

    The library tells the seconds themselves.
    """
    if not isinstance(value, str):
        return float(value) if isinstance(value, int) else None
    if value[13:14] != ":" or value[16:17] != ":":
        return None
    midnight = _midnight(value[4:10], value[20:])
    try:
        of_day = 3600 * int(value[11:13]) + 60 * int(value[14:16]) + int(value[17:19])
    except ValueError:
        return None
    return None if midnight is None else float(midnight + of_day)


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
