"""The jobs that are on nodes: which, where, and what they asked for beside slots."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from torque_mesos.decide.extension import maui_request
from torque_mesos.decide.kept import Kept, news
from torque_mesos.decide.request import MEMORY, Request, RequestError, parse_request
from torque_mesos.model import Job, JobState

ON_NODES = frozenset({JobState.RUNNING, JobState.EXITING, JobState.SUSPENDED})


class Running(NamedTuple):
    """Those of `listed` that hold slots, by their ids; nobody may change it: it is kept.

    `hosts`: how many of them say that they are there. `asked`: the requests of those that asked
    for memory or gpus. `alone`: the hosts that a job has to itself, and how many say so; `maui`:
    whether by Maui's reading of them.
    """

    listed: tuple[Job, ...] = ()
    jobs: Mapping[str, Job] = {}
    hosts: Mapping[str, int] = {}
    asked: Mapping[str, Request] = {}
    alone: Mapping[str, int] = {}
    maui: bool = False


_last = Kept(Running())


def running(listed: tuple[Job, ...], *, maui: bool = False) -> Running:
    """The jobs that are on nodes. `maui`: whether it is the scheduler."""
    last = _last.value if _last.value.maui is maui else Running(maui=maui)
    come, gone = job_news(listed, last.listed)
    more, less = list(_there(come)), list(_there(gone))
    if not (more or less):
        found = last._replace(listed=listed)
    else:
        jobs, asked = dict(last.jobs), dict(last.asked)
        hosts, alone = Counter(last.hosts), Counter(last.alone)
        for job in less:
            jobs.pop(job.job_id, None)
            asked.pop(job.job_id, None)
            hosts.subtract(job.exec_nodes)
            if _has_alone(job, maui=maui):
                alone.subtract(job.exec_nodes)
        for job in more:
            jobs[job.job_id] = job
            if request := _more_than_slots(job):
                asked[job.job_id] = request
            hosts.update(job.exec_nodes)
            if _has_alone(job, maui=maui):
                alone.update(job.exec_nodes)
        found = Running(listed, jobs, +hosts, asked, +alone, maui)
    _last.value = found
    return found


class _News(NamedTuple):
    now: tuple[Job, ...] = ()
    before: tuple[Job, ...] = ()
    come: tuple[Job, ...] = ()
    gone: tuple[Job, ...] = ()


_last_news = Kept(_News())


def job_news(
    now: tuple[Job, ...], before: tuple[Job, ...]
) -> tuple[tuple[Job, ...], tuple[Job, ...]]:
    """`news` of jobs: there are many, and two ask for it in each turn."""
    last = _last_news.value
    if last.now is not now or last.before is not before:
        last = _last_news.value = _News(now, before, *news(now, before))
    return last.come, last.gone


def _there(jobs: Iterable[Job]) -> Iterable[Job]:
    return (job for job in jobs if job.state in ON_NODES)


def _more_than_slots(job: Job) -> Request | None:
    """The request of a job that asks for memory or gpus, None for others."""
    asked = job.resources
    if not ("select" in asked or "gpus=" in asked.get("nodes", "") or MEMORY & asked.keys()):
        return None
    try:
        request = parse_request({k: v for k, v in asked.items() if k != "neednodes"})
    except RequestError:
        return None
    return request if request.mem_mb or request.gpus else None


def _has_alone(job: Job, *, maui: bool) -> bool:
    """Whether no other job may be on the hosts of a job."""
    asked = job.resources
    if not (
        "excl" in asked.get("place", "") or "naccesspolicy" in asked or (maui and "x" in asked)
    ):
        return False
    try:
        request = (maui_request if maui else parse_request)(asked)
    except RequestError:
        return False
    return any(chunk.alone for chunk in request.chunks)
