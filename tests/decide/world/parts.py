"""The values of the fault world: hosts, node records, tasks, jobs."""

from __future__ import annotations

from dataclasses import dataclass, field

from torque_mesos.decide.request import Request, RequestError, parse_request
from torque_mesos.model import JobState, Resources, TaskState

REGISTERING_S = 10.0  # a created record cannot be used, and cannot be marked, for so long
UNNOTICED_S = 150.0  # a mom that died without a word is taken for alive for so long
LIVE = (TaskState.STAGING, TaskState.STARTING, TaskState.RUNNING)
WALL_S = 1_795_000_000.0  # the time of day when the world's clock is at 0
OFFSET_S = 3600.0


class Broken(AssertionError):
    """A rule was broken."""


@dataclass
class Box:
    """A host with an agent. `unavailable_s`: when its maintenance begins, if one is planned."""

    name: str
    agent_id: str
    total: Resources
    attributes: dict[str, str] = field(default_factory=dict)
    others: Resources = Resources()
    active: bool = True
    filters: list[tuple[Resources, float]] = field(default_factory=list)
    unavailable_s: float | None = None


@dataclass
class Record:
    """A node record of the server."""

    name: str
    np: int
    properties: frozenset[str]
    note: str
    created_s: float = float("-inf")
    offline: bool = False
    up: bool = False  # as the server thinks
    registering: bool = False
    slots: dict[int, str] = field(default_factory=dict)
    unnoticed_until: float = float("-inf")
    person: bool = False  # a person set it offline
    note_before: str | None = None  # what a person replaced
    gpus: int = 0


@dataclass
class Task:
    """One Mesos task of ours, with its mom."""

    task_id: str
    name: str
    agent_id: str
    slots: int
    resources: Resources
    state: TaskState
    since_s: float
    due_s: float
    fate: str  # "ready", "fails" or "hangs"
    generation: str
    executor_id: str
    killed: bool = False


@dataclass
class Work:
    """A job. `more`: what it asks for beside its nodes."""

    job_id: str
    nodes: str
    runs_s: float
    state: JobState = JobState.QUEUED
    at: dict[str, list[int]] = field(default_factory=dict)
    np_at_start: dict[str, int] = field(default_factory=dict)
    ends_s: float = float("inf")
    queue: str = "batch"
    more: dict[str, str] = field(default_factory=dict)

    @property
    def resources(self) -> dict[str, str]:
        return {"nodes": self.nodes, **self.more}

    @property
    def request(self) -> Request | None:
        """What it asks for; None where that makes no sense."""
        return requested(self.nodes, **self.more)


def requested(nodes: str, **more: str) -> Request | None:
    """What a job asks for; None where that makes no sense."""
    try:
        return parse_request({"nodes": nodes, **more})
    except RequestError:
        return None
