"""The values everything else speaks of. All are frozen; none does I/O.

Units: memory in MB (2**20 bytes, as Mesos counts it), times in seconds of the
clock that the caller passes in, cpus as Mesos counts them (a float, exact to a
thousandth), gpus whole.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


def frozen_map(mapping: Mapping[K, V] | None = None) -> Mapping[K, V]:
    """A read-only copy of `mapping`."""
    return MappingProxyType(thawed(mapping) if mapping else {})


def thawed(mapping: Mapping[K, V]) -> dict[K, V]:
    """A copy that may be changed."""
    # `dict` would ask a frozen one for each of its values.
    return mapping.copy() if isinstance(mapping, MappingProxyType) else dict(mapping)


@dataclass(frozen=True, slots=True, order=True)
class Resources:
    """What Mesos gives or a grant holds."""

    cpus: float = 0.0
    mem_mb: float = 0.0
    gpus: int = 0

    def __add__(self, other: Resources) -> Resources:
        return Resources(
            round(self.cpus + other.cpus, 3),
            round(self.mem_mb + other.mem_mb, 3),
            self.gpus + other.gpus,
        )

    def __sub__(self, other: Resources) -> Resources:
        return Resources(
            round(self.cpus - other.cpus, 3),
            round(self.mem_mb - other.mem_mb, 3),
            self.gpus - other.gpus,
        )

    def __mul__(self, count: int) -> Resources:
        return Resources(
            round(self.cpus * count, 3), round(self.mem_mb * count, 3), self.gpus * count
        )

    def holds(self, other: Resources) -> bool:
        """Whether `other` fits into this."""
        return (
            other.cpus <= self.cpus + 1e-6
            and other.mem_mb <= self.mem_mb + 1e-6
            and other.gpus <= self.gpus
        )

    def slots(self, slot: Resources) -> int:
        """How many whole slots of size `slot` (cpus and memory, both positive) fit into this."""
        return max(
            0,
            min(
                math.floor((self.cpus + 1e-6) / slot.cpus),
                math.floor((self.mem_mb + 1e-6) / slot.mem_mb),
            ),
        )


T = TypeVar("T")
V_co = TypeVar("V_co", covariant=True)


class _once(Generic[T, V_co]):  # noqa: N801 (it is used as `property` is)
    """A property that is kept. (`functools.cached_property` takes a lock each first time.)"""

    def __init__(self, function: Callable[[T], V_co]) -> None:
        self._function, self.__doc__ = function, function.__doc__
        self._name = function.__name__

    def __get__(self, instance: T, owner: type[T] | None = None) -> V_co:
        value = instance.__dict__[self._name] = self._function(instance)
        return value


# --- the batch server's side -------------------------------------------------


class JobState(enum.Enum):
    """A job's state, by the letter that TORQUE and OpenPBS use."""

    __hash__ = object.__hash__  # members are single; the default asks for the name\'s hash

    QUEUED = "Q"
    RUNNING = "R"
    EXITING = "E"
    COMPLETE = "C"
    HELD = "H"
    WAITING = "W"
    TRANSIT = "T"
    SUSPENDED = "S"


@dataclass(frozen=True, slots=True)
class Job:
    """One job (or one sub-job of an array) as the server tells of it.

    `resources` is the server's `Resource_List`, unparsed (`nodes` -> `2:ppn=2`), and `x`, what
    TORQUE keeps for the scheduler of `qsub -W x=`.
    Jobs are given in the server's own order. `user` and `group` are those that it runs as,
    `account` what `qsub -A` said, `project` what `qsub -P` said (OpenPBS). `holds` are letters
    as in `qsub -h`: `u`, `o`, `s`, and `l` for its array's slot limit. `eligible_s`: how long
    it has been waiting with nothing but resources missing, `starts`: how often it was started;
    where the server counts that.
    """

    job_id: str
    name: str
    owner: str
    queue: str
    state: JobState
    resources: Mapping[str, str] = field(default_factory=frozen_map)
    exec_nodes: tuple[str, ...] = ()
    queued_s: float | None = None
    exit_status: int | None = None
    comment: str = ""
    user: str = ""
    group: str = ""
    account: str = ""
    project: str = ""
    priority: int = 0
    holds: str = ""
    dependent: bool = False
    eligible_s: float | None = None
    starts: int = 0

    @property
    def array(self) -> str | None:
        """The id of the array that it is a sub-job of, `9[].head`; None if of none."""
        number, bracket, rest = self.job_id.partition("[")
        return f"{number}[]{rest.partition(']')[2]}" if bracket else None


class NodeState(enum.Enum):
    """One word of a node's comma-separated state."""

    __hash__ = object.__hash__  # members are single; the default asks for the name\'s hash

    FREE = "free"
    JOB_EXCLUSIVE = "job-exclusive"
    JOB_SHARING = "job-sharing"
    OFFLINE = "offline"
    DOWN = "down"
    BUSY = "busy"
    RESERVE = "reserve"
    UNKNOWN = "state-unknown"
    MOM_LIST_NOT_SENT = "MOM-list-not-sent"


@dataclass(frozen=True, slots=True)
class Node:
    """One node record of the server. `slots` tells which job holds which slot index.

    `gpus`: how many the record says that the node has, whoever uses them.
    """

    name: str
    states: frozenset[NodeState]
    np: int
    properties: frozenset[str] = frozenset()
    note: str = ""
    slots: Mapping[int, str] = field(default_factory=frozen_map)
    gpus: int = 0

    @property
    def jobs(self) -> frozenset[str]:
        """The ids of the jobs that hold slots here."""
        return frozenset(self.slots.values())


class Whose(enum.Enum):
    """Whose running jobs a limit counts, by OpenPBS' letter."""

    __hash__ = object.__hash__  # members are single; the default asks for the name\'s hash

    ALL = "o"
    USER = "u"
    GROUP = "g"
    PROJECT = "p"


@dataclass(frozen=True, slots=True)
class RunLimit:
    """How many jobs may run at once: of all, of one user..., or (`name` None) of each.

    With a `resource`: how much of it they may ask for together, or (`one_job`) a single one of
    them: a number, kB or seconds. `setting` is what the administrator has set, as `max_user_run`.
    """

    whose: Whose
    most: float
    name: str | None = None
    setting: str = ""
    resource: str = ""
    one_job: bool = False


@dataclass(frozen=True, slots=True)
class Queue:
    """One queue of the server. Those of a higher `priority` come first."""

    name: str
    execution: bool = True
    enabled: bool = True
    started: bool = True
    priority: int = 0
    run_limits: tuple[RunLimit, ...] = ()


@dataclass(frozen=True, slots=True)
class MauiPriority:
    """What Maui's priorities of jobs are made of.

    `numbers`: its parameters by their names (`QUEUETIMEWEIGHT`, `XFACTORCAP`, ...); those that
    are not there are as Maui's own. `given`: the priorities of `USER`, `GROUP`, `ACCOUNT` and
    `CLASS`, each by name; `DEFAULT` is that of all others.
    """

    numbers: Mapping[str, float] = field(default_factory=frozen_map)
    given: Mapping[str, Mapping[str, float]] = field(default_factory=frozen_map)


@dataclass(frozen=True, slots=True)
class Scheduling:
    """How the batch scheduler orders jobs, as far as it is known.

    `by_queue`: all jobs of one queue, then those of the next. `strict`: no job starts before
    those that come before it in its queue. `starving_after_s`: a job that waits longer comes
    first, and no other one starts before it. `formula`: OpenPBS' `job_sort_formula`. `maui`:
    Maui's priorities, where it schedules.
    """

    by_queue: bool = False
    strict: bool = False
    starving_after_s: float | None = None
    formula: str = ""
    maui: MauiPriority | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """A complete answer of the batch server.

    `problems` names the records that could not be read and were left out; a node
    that is named in `unreadable_nodes` exists, but nothing may be done to it. `run_limits`
    are the server's, for the jobs of all queues.
    """

    jobs: tuple[Job, ...] = ()
    nodes: tuple[Node, ...] = ()
    queues: tuple[Queue, ...] = ()
    problems: tuple[str, ...] = ()
    unreadable_nodes: frozenset[str] = frozenset()
    run_limits: tuple[RunLimit, ...] = ()
    scheduling: Scheduling = Scheduling()


# --- Mesos' side --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Agent:
    """One agent as the master lists it.

    `unavailable_s`: when its maintenance begins, in seconds since 1970; None: none is planned.
    `address`: its IPv4 address as the master sees it, empty where it is not told.
    """

    agent_id: str
    hostname: str
    total: Resources
    attributes: Mapping[str, str] = field(default_factory=frozen_map)
    active: bool = True
    unavailable_s: float | None = None
    address: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """One offer. `received_s` is when it came, `role` whom it is made to (empty: not told),
    `unavailable_s` as of its agent."""

    offer_id: str
    agent_id: str
    hostname: str
    resources: Resources
    attributes: Mapping[str, str] = field(default_factory=frozen_map)
    received_s: float = 0.0
    role: str = ""
    unavailable_s: float | None = None


@dataclass(frozen=True, slots=True)
class InverseOffer:
    """Mesos asks for an agent back, because of its maintenance."""

    offer_id: str
    agent_id: str
    unavailable_s: float | None = None


class TaskState(enum.Enum):
    """A task's state, by Mesos' name without `TASK_`."""

    __hash__ = object.__hash__  # members are single; the default asks for the name\'s hash

    STAGING = "STAGING"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    KILLING = "KILLING"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"
    ERROR = "ERROR"
    LOST = "LOST"
    DROPPED = "DROPPED"
    UNREACHABLE = "UNREACHABLE"
    GONE = "GONE"
    GONE_BY_OPERATOR = "GONE_BY_OPERATOR"
    UNKNOWN = "UNKNOWN"

    @property
    def terminal(self) -> bool:
        """Whether the task holds nothing any more (an unreachable one may come back)."""
        return self not in _LIVE


_LIVE = frozenset(
    {
        TaskState.STAGING,
        TaskState.STARTING,
        TaskState.RUNNING,
        TaskState.KILLING,
        TaskState.UNREACHABLE,
    }
)


# --- joined -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Grant:
    """One Mesos task of a worker: the slots that Mesos gave it.

    A grant without slots has memory or gpus for the slots of the others.
    """

    task_id: str
    slots: int
    resources: Resources
    state: TaskState
    since_s: float


@dataclass(frozen=True)
class Worker:
    """One mom of ours: its node, its agent, and its grants (ended ones left out).

    The first grant is the one that holds the executor's own share, as long as it is there.

    (No slots: what follows from its grants is asked for often, and kept.)
    """

    node: str
    agent_id: str
    executor_id: str
    generation: str
    grants: tuple[Grant, ...]

    @_once
    def slots(self) -> int:
        """The slots that its grants hold together."""
        return sum([grant.slots for grant in self.grants])

    @_once
    def running_slots(self) -> int:
        """The slots of the grants that its mom has."""
        return sum([grant.slots for grant in self.grants if grant.state is TaskState.RUNNING])

    @_once
    def running_gpus(self) -> int:
        """The gpus of the grants that its mom has."""
        running = [grant for grant in self.grants if grant.state is TaskState.RUNNING]
        return sum([grant.resources.gpus for grant in running])

    @_once
    def resources(self) -> Resources:
        """What its grants hold together."""
        return sum([grant.resources for grant in self.grants], Resources())

    @_once
    def task_ids(self) -> frozenset[str]:
        """The ids of its grants."""
        return frozenset([grant.task_id for grant in self.grants])

    @_once
    def unreachable(self) -> bool:
        """Whether Mesos has lost sight of it."""
        return TaskState.UNREACHABLE in [grant.state for grant in self.grants]
