"""What a running framework tells of itself: immutable, the same in Python and in JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

API_VERSION = 1


_ON_NODES = frozenset({"R", "E"})  # jobs that do not wait: they run, or end


@dataclass(frozen=True, slots=True)
class Why:
    """A reason: its code (see `decide.reason.Code`), a sentence, and the figures in it."""

    code: str
    text: str
    numbers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """How many jobs a queue has by what they do. `watched`: whether its jobs count."""

    name: str
    watched: bool
    waiting: int = 0
    running: int = 0


@dataclass(frozen=True, slots=True)
class JobStatus:
    """A job that is not complete. `why` tells why it waits; None for one that does not."""

    job_id: str
    name: str
    owner: str
    queue: str
    state: str
    nodes: tuple[str, ...] = ()
    why: Why | None = None

    @property
    def sentence(self) -> str:
        """Why it waits, or where it runs, in one sentence."""
        if self.why is not None:
            return self.why.text
        if self.nodes:
            return f"it runs on {', '.join(dict.fromkeys(self.nodes))}"
        return f"it is in state {self.state}"


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """One host of ours. `phase` is a name of `decide.worker.Phase` in small letters.

    `np` and `used` are slots by the server, `granted` those that Mesos gave.
    """

    name: str
    phase: str
    np: int = 0
    used: int = 0
    granted: int = 0
    cpus: float = 0.0
    mem_mb: float = 0.0
    states: tuple[str, ...] = ()
    jobs: tuple[str, ...] = ()
    why: Why | None = None


@dataclass(frozen=True, slots=True)
class Amounts:
    """Nodes, cpus and memory together; None: no limit."""

    nodes: int | None = None
    cpus: float | None = None
    mem_mb: float | None = None


@dataclass(frozen=True, slots=True)
class Spent:
    """What was spent in the present local day and month, and the budgets (None: none)."""

    day: float
    month: float
    budget_day: float | None = None
    budget_month: float | None = None


@dataclass(frozen=True, slots=True)
class PoolStatus:
    """One pool that has agents. `spent` is None where nothing has a price."""

    name: str
    held: Amounts
    limit: Amounts
    floor_slots: int = 0
    spent: Spent | None = None


@dataclass(frozen=True, slots=True)
class Counters:
    """Since the framework started. `turn_s`: how long the last turn took."""

    turns: int = 0
    turn_errors: int = 0
    last_turn_error: str | None = None
    turn_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Status:
    """One turn's state. `time` is seconds since 1970; `problems` are sentences.

    `protected`: why no mom is started anywhere now; None if moms may be started.

    `jobs` is in the server's order, without complete ones; `nodes` by name.
    """

    time: float
    version: str
    framework_id: str | None
    master: str | None
    connected: bool
    tasks_known: bool
    server_reachable: bool
    agents: int
    offers: int
    held: Amounts
    limit: Amounts
    floor_slots: int
    problems: tuple[str, ...] = ()
    queues: tuple[QueueStatus, ...] = ()
    jobs: tuple[JobStatus, ...] = ()
    nodes: tuple[NodeStatus, ...] = ()
    counters: Counters = Counters()
    pools: tuple[PoolStatus, ...] = ()
    spent: Spent | None = None
    protected: Why | None = None

    @property
    def waiting(self) -> tuple[JobStatus, ...]:
        """The jobs that wait."""
        return tuple(job for job in self.jobs if job.state not in _ON_NODES)

    def find(self, job_id: str) -> tuple[JobStatus, ...]:
        """The jobs meant by `12.head`, `12` or, for all of an array, `9[]`."""
        exact = tuple(job for job in self.jobs if job.job_id == job_id)
        if exact:
            return exact
        number, dot, server = job_id.partition(".")
        found = []
        for job in self.jobs:
            own_number, _, own_server = job.job_id.partition(".")
            same = own_number == number or (
                number.endswith("[]") and own_number.startswith(number[:-1])
            )
            if same and (not dot or own_server == server):
                found.append(job)
        return tuple(found)

    def to_json(self) -> dict[str, Any]:
        """As JSON values; `api` is the version of their form."""
        return {"api": API_VERSION, **asdict(self)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Status:
        """Read what `to_json` gave. Raises KeyError, TypeError or ValueError for other values."""
        if values["api"] != API_VERSION:
            raise ValueError(f"a status of form {values['api']!r}, not {API_VERSION}")
        plain = {key: value for key, value in values.items() if key != "api"}
        return cls(
            **{
                **plain,
                "held": Amounts(**values["held"]),
                "limit": Amounts(**values["limit"]),
                "counters": Counters(**values["counters"]),
                "problems": tuple(values["problems"]),
                "queues": tuple(QueueStatus(**queue) for queue in values["queues"]),
                "jobs": tuple(_job(job) for job in values["jobs"]),
                "nodes": tuple(_node(node) for node in values["nodes"]),
                "pools": tuple(_pool(pool) for pool in values["pools"]),
                "spent": _spent(values["spent"]),
                "protected": _why(values.get("protected")),
            }
        )

    def to_text(self) -> str:
        """As one line of JSON."""
        return json.dumps(self.to_json(), separators=(",", ":"))


def _why(values: Mapping[str, Any] | None) -> Why | None:
    return None if values is None else Why(**values)


def _spent(values: Mapping[str, Any] | None) -> Spent | None:
    return None if values is None else Spent(**values)


def _pool(values: Mapping[str, Any]) -> PoolStatus:
    amounts = {key: Amounts(**values[key]) for key in ("held", "limit")}
    return PoolStatus(**{**values, **amounts, "spent": _spent(values["spent"])})


def _job(values: Mapping[str, Any]) -> JobStatus:
    return JobStatus(**{**values, "nodes": tuple(values["nodes"]), "why": _why(values["why"])})


def _node(values: Mapping[str, Any]) -> NodeStatus:
    lists = {key: tuple(values[key]) for key in ("states", "jobs")}
    return NodeStatus(**{**values, **lists, "why": _why(values["why"])})
