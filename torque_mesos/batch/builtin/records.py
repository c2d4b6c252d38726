"""What the server knows of jobs and nodes, and the attributes that TORQUE shows of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Tuple

from .home import MOM_MANAGER_PORT, MOM_SERVICE_PORT
from .nodespec import ranges

Attributes = List[Tuple[str, str]]

QUEUED, RUNNING, EXITING, COMPLETE, HELD, WAITING = "Q", "R", "E", "C", "H", "W"

# In the order in which TORQUE counts them.
STATE_NAMES = {
    "T": "Transit",
    QUEUED: "Queued",
    HELD: "Held",
    WAITING: "Waiting",
    RUNNING: "Running",
    EXITING: "Exiting",
    COMPLETE: "Complete",
}

PRERUN, STARTED, SUSPENDED = 41, 42, 45


@dataclass
class Job:
    """One job. Times are seconds of the epoch; `hosts` is (node, slots) in exec_host's order.

    `hold` has letters of `soul`, or is n. `depend` has a list each of a kind and the ids of
    the jobs (for `on`: the count). `others` are attributes that are shown and mean nothing here.
    """

    job_id: str
    name: str
    owner: str
    uid: int
    user: str
    group: str
    queue: str
    resources: Dict[str, str]
    variables: Dict[str, str]
    script: str
    output_path: str
    error_path: str
    submit_args: str
    submit_host: str
    init_work_dir: str
    rank: int
    created: float
    state: str = QUEUED
    substate: int = 10
    account: str = ""
    join: str = "n"
    keep: str = "n"
    hold: str = "n"
    mail: str = "a"
    priority: int = 0
    rerunable: bool = True
    shell: str = ""
    execute_at: float = 0
    eligible: float = 0
    modified: float = 0
    started: float = 0
    completed: float = 0
    hosts: List[Tuple[str, List[int]]] = field(default_factory=list)
    session: Optional[int] = None
    exit_status: Optional[int] = None
    comment: str = ""
    start_count: int = 0
    used: Dict[str, str] = field(default_factory=dict)
    umask: int = 0o077
    mail_users: str = ""
    checkpoint: str = "u"
    groups: str = ""
    users: str = ""
    stagein: str = ""
    stageout: str = ""
    init_dir: str = ""
    root_dir: str = ""
    others: Dict[str, str] = field(default_factory=dict)
    depend: List[List[str]] = field(default_factory=list)
    sync_with: List[str] = field(default_factory=list)
    array_id: Optional[int] = None
    gpus: List[Tuple[str, List[int]]] = field(default_factory=list)

    @property
    def number(self) -> str:
        """The part of the id before the server's name."""
        return self.job_id.split(".", 1)[0]

    @property
    def order(self) -> Tuple[int, int]:
        """Where the job stands in a list: by its number, then by its place in its array."""
        number, _, index = self.number.partition("[")
        return int(number), int(index.rstrip("]") or -1)

    @property
    def array_name(self) -> str:
        """The id of the array that the job is a member of."""
        return self.job_id.replace(f"[{self.array_id}]", "[]")

    @property
    def exec_host(self) -> str:
        """The slots that the job holds or held, as TORQUE writes them: `n3/0-1+n2/0-1`."""
        return "+".join(f"{node}/{ranges(slots)}" for node, slots in self.hosts)

    @property
    def gpu_names(self) -> List[str]:
        """The gpus that the job holds or held, in the order of TORQUE's: `n1-gpu/1`, `n1-gpu/0`."""
        held = [(node, index) for node, indexes in self.gpus for index in reversed(indexes)]
        return [f"{node}-gpu/{index}" for node, index in held]

    def gpus_on(self, name: str) -> List[int]:
        """The gpus that the job holds on a node."""
        return next((indexes for node, indexes in self.gpus if node == name), [])

    @property
    def holds_slots(self) -> bool:
        """Whether the job is on its nodes now."""
        return self.state in (RUNNING, EXITING)

    def walltime_s(self) -> Optional[int]:
        """The walltime that the job may use, None where it is not limited."""
        text = self.resources.get("walltime")
        if text is None:
            return None
        total = 0
        for part in text.split(":"):
            total = total * 60 + int(part)
        return total


@dataclass
class Array:
    """A job array: `job` is the summary that stands for it, `made` how many members there are.

    `slot_limit` is how many of its members may be queued or running, None where all may;
    `pending` what has still to be done to the members (see `Dependencies`).
    """

    job: Job
    indexes: List[int]
    slot_limit: Optional[int] = None
    made: int = 0
    pending: List[List[str]] = field(default_factory=list)

    def member_id(self, index: int) -> str:
        """The job id of a member."""
        return self.job.job_id.replace("[]", f"[{index}]")


@dataclass
class Node:
    """One node. `busy` has a place a slot; `jobs` maps job ids to the slot indexes they hold.

    The two part when np is lowered below an index in use: `busy` is cut off and forgets
    the slot, and it is given out again when np rises, just as TORQUE does it. `np_at_start`
    is np when a job came; see `release`.
    """

    name: str
    np: int = 1
    properties: List[str] = field(default_factory=list)
    note: str = ""
    ntype: str = "cluster"
    service_port: int = MOM_SERVICE_PORT
    manager_port: int = MOM_MANAGER_PORT
    down: bool = True
    offline: bool = True
    list_unsent: bool = True
    status: List[str] = field(default_factory=list)
    reported: float = 0
    busy: List[bool] = field(default_factory=list)
    jobs: Dict[str, List[int]] = field(default_factory=dict)
    np_at_start: Dict[str, int] = field(default_factory=dict)
    gpus: int = 0
    gpu_jobs: Dict[str, List[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.set_np(self.np)

    def set_np(self, np: int) -> None:
        """Cut off or add slots at the top."""
        self.np = np
        self.busy = (self.busy + [False] * np)[:np]

    @property
    def usable(self) -> bool:
        """Whether jobs may be started here."""
        return not (self.down or self.offline or self.list_unsent)

    @property
    def free_slots(self) -> int:
        """How many slots a job could get here now."""
        return self.busy.count(False) if self.usable else 0

    @property
    def free_gpus(self) -> int:
        """How many gpus a job could get here now."""
        return len(self._idle_gpus()) if self.usable else 0

    def _idle_gpus(self) -> List[int]:
        held = {index for indexes in self.gpu_jobs.values() for index in indexes}
        return [index for index in range(self.gpus) if index not in held]

    def take_gpus(self, job_id: str, count: int) -> List[int]:
        """Give the lowest free gpus to a job."""
        self.gpu_jobs[job_id] = self._idle_gpus()[:count]
        return self.gpu_jobs[job_id]

    @property
    def names(self) -> frozenset[str]:
        """What a request may call this node by."""
        return frozenset([self.name, *self.properties])

    def take(self, job_id: str, count: int) -> List[int]:
        """Give the lowest free slots to a job."""
        taken = [index for index, busy in enumerate(self.busy) if not busy][:count]
        for index in taken:
            self.busy[index] = True
        self.jobs[job_id] = self.jobs.get(job_id, []) + taken
        self.np_at_start[job_id] = self.np
        return taken

    def take_again(self, job: Job, slots: List[int]) -> None:
        """Give a job the slots, and the gpus, that it had."""
        self.jobs[job.job_id] = list(slots)
        # Seen on TORQUE: after a restart only as many are remembered as the job's slots need.
        self.np_at_start[job.job_id] = max(slots, default=-1) + 1
        if job.gpus:
            self.gpu_jobs[job.job_id] = job.gpus_on(self.name)
        for index in slots:
            if index < self.np:
                self.busy[index] = True

    def loses(self, job_id: str) -> bool:
        """Whether TORQUE would lose the slots of a job that ends now: np fell since it came."""
        return self.np < self.np_at_start.get(job_id, 0)

    def release(self, job_id: str, lost: bool = False) -> None:
        """Take a job's slots and gpus back; those that are `lost` stay busy, and are nobody's."""
        self.gpu_jobs.pop(job_id, None)
        self.np_at_start.pop(job_id, None)
        for index in self.jobs.pop(job_id, []):
            if index < len(self.busy) and not lost:
                self.busy[index] = False

    @property
    def state(self) -> str:
        """The state as TORQUE writes it: words with commas, or `free`."""
        words = ["down"] * self.down + ["offline"] * self.offline
        if self.np and all(self.busy):
            words.append("job-exclusive")
        words += ["MOM-list-not-sent"] * self.list_unsent
        return ",".join(words) or "free"

    def attributes(self) -> Attributes:
        """All that `pbsnodes` shows."""
        shown: List[Tuple[str, str]] = [("state", self.state), ("power_state", "Running")]
        shown.append(("np", str(self.np)))
        if self.properties:
            shown.append(("properties", ",".join(self.properties)))
        shown.append(("ntype", self.ntype))
        if self.jobs:
            held = [f"{ranges(slots)}/{job}" for job, slots in self.jobs.items()]
            shown.append(("jobs", ",".join(held)))
        if self.status:
            shown.append(("status", ",".join(self.status)))
        if self.note:
            shown.append(("note", self.note))
        shown.append(("mom_service_port", str(self.service_port)))
        shown.append(("mom_manager_port", str(self.manager_port)))
        if self.gpus:
            shown.append(("gpus", str(self.gpus)))
        return shown

    def as_record(self) -> Dict[str, Any]:
        """What must outlive the server (who holds slots is found again from the jobs)."""
        return {
            "name": self.name,
            "np": self.np,
            "gpus": self.gpus,
            "properties": self.properties,
            "note": self.note,
            "ntype": self.ntype,
            "service_port": self.service_port,
            "manager_port": self.manager_port,
            "offline": self.offline,
            "list_unsent": self.list_unsent,
            "status": self.status,
        }
