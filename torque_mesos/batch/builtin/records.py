"""What the server knows of jobs and nodes, and the attributes that TORQUE shows of them."""

from __future__ import annotations

import time
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

PRERUN, STARTED = 41, 42


@dataclass
class Job:
    """One job. Times are seconds of the epoch; `hosts` is (node, slots) in exec_host's order."""

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

    @property
    def number(self) -> str:
        """The part of the id before the server's name."""
        return self.job_id.split(".", 1)[0]

    @property
    def exec_host(self) -> str:
        """The slots that the job holds or held, as TORQUE writes them: `n3/0-1+n2/0-1`."""
        return "+".join(f"{node}/{ranges(slots)}" for node, slots in self.hosts)

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

    def attributes(self, server: str, privileged: bool) -> Attributes:
        """All that `qstat -f` shows; times as seconds. Only managers see some."""
        shown: List[Tuple[str, Any]] = [("Job_Name", self.name), ("Job_Owner", self.owner)]
        shown += [(f"resources_used.{name}", value) for name, value in self.used.items()]
        shown += [("job_state", self.state), ("queue", self.queue), ("server", server)]
        shown += [("Account_Name", self.account or None), ("Checkpoint", "u")]
        shown += [("ctime", int(self.created)), ("Error_Path", self.error_path)]
        shown += [("exec_host", self.exec_host or None)]
        shown += [("Execution_Time", int(self.execute_at) or None), ("Hold_Types", self.hold)]
        shown += [("Join_Path", self.join), ("Keep_Files", self.keep), ("Mail_Points", self.mail)]
        shown += [("mtime", int(self.modified)), ("Output_Path", self.output_path)]
        shown += [("Priority", self.priority), ("qtime", int(self.created))]
        shown += [("Rerunable", str(self.rerunable))]
        for name, value in self.resources.items():
            if privileged or name != "neednodes":
                shown.append((f"Resource_List.{name}", value))
        shown += [("session_id", self.session), ("Shell_Path_List", self.shell or None)]
        if privileged:
            shown.append(("substate", self.substate))
        listed = ",".join(f"{name}={value}" for name, value in self.variables.items())
        shown += [("Variable_List", listed), ("euser", self.user), ("egroup", self.group)]
        if privileged:
            hashname = self.job_id if self.start_count else None
            shown += [("hashname", hashname), ("queue_rank", self.rank)]
        shown += [("queue_type", "E"), ("comment", self.comment or None)]
        shown += [("etime", int(self.eligible) or None), ("exit_status", self.exit_status)]
        shown += [("submit_args", self.submit_args or None)]
        shown += [("start_time", int(self.started) or None)]
        limit = self.walltime_s()
        if self.state == RUNNING and limit is not None:
            shown.append(("Walltime.Remaining", max(0, int(limit - (time.time() - self.started)))))
        shown += [("start_count", self.start_count or None), ("fault_tolerant", "False")]
        if self.completed and self.start_count:
            shown.append(("comp_time", int(self.completed)))
        shown.append(("job_radix", 0))
        if self.completed and self.start_count:
            shown.append(("total_runtime", f"{self.completed - self.started:.6f}"))
        shown += [("submit_host", self.submit_host), ("init_work_dir", self.init_work_dir)]
        shown.append(("request_version", 1))
        return [(name, str(value)) for name, value in shown if value is not None]


@dataclass
class Node:
    """One node. `busy` has a place a slot; `jobs` maps job ids to the slot indexes they hold.

    The two part when np is lowered below an index in use: `busy` is cut off and forgets
    the slot, and it is given out again when np rises, just as TORQUE does it.
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
    def names(self) -> frozenset[str]:
        """What a request may call this node by."""
        return frozenset([self.name, *self.properties])

    def take(self, job_id: str, count: int) -> List[int]:
        """Give the lowest free slots to a job."""
        taken = [index for index, busy in enumerate(self.busy) if not busy][:count]
        for index in taken:
            self.busy[index] = True
        self.jobs[job_id] = self.jobs.get(job_id, []) + taken
        return taken

    def release(self, job_id: str) -> None:
        """Take a job's slots back."""
        for index in self.jobs.pop(job_id, []):
            if index < len(self.busy):
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
        return shown

    def as_record(self) -> Dict[str, Any]:
        """What must outlive the server (who holds slots is found again from the jobs)."""
        return {
            "name": self.name,
            "np": self.np,
            "properties": self.properties,
            "note": self.note,
            "ntype": self.ntype,
            "service_port": self.service_port,
            "manager_port": self.manager_port,
            "offline": self.offline,
            "list_unsent": self.list_unsent,
            "status": self.status,
        }
