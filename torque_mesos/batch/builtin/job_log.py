"""What the server's log says of a job's life, in TORQUE's words: `tracejob` shows it."""

from __future__ import annotations

import socket
from typing import Dict

from .auth import user_name
from .errors import BADDEPEND, UNKJOBID, PbsError
from .job_shown import is_array
from .records import HELD, QUEUED, WAITING, Job
from .state import State

# TORQUE's kinds of events: `tracejob -f` leaves them out.
_SYSTEM, _JOB, _JOB_ERROR, _USAGE, _DEBUG_2, _DEBUG = 2, 8, 9, 16, 128, 256
_REQUESTS = {
    "alter": "Job Modified",
    "delete": "Job deleted",
    "rerun": "Job Rerun",
    "run": "Job Run",
}
_KINDS = {
    "alter": "ModifyJob",
    "delete": "DeleteJob",
    "hold": "HoldJob",
    "jobs": "StatusJob",
    "manage": "Manager",
    "mark_node": "Manager",
    "move": "MoveJob",
    "nodes": "StatusNode",
    "order": "OrderJob",
    "queues": "StatusQueue",
    "release": "ReleaseJob",
    "rerun": "RerunJob",
    "run": "RunJob",
    "select": "SelectJobs",
    "server": "StatusServer",
    "signal": "SignalJob",
    "submit": "QueueJob2",
    "terminate": "ShutDown",
}
_NUMBERS: Dict[str, int] = {QUEUED: 1, HELD: 2, WAITING: 3}


class JobLog:
    """Writes a line for what happens to a job, and for who asked for it."""

    def __init__(self, state: State) -> None:
        self._state = state

    def _write(self, job: Job, event: int, text: str) -> None:
        self._state.log.write(text, "Job", job.job_id, event)

    def submitted(self, job: Job) -> None:
        """A job has come into its queue."""
        number = 2 if is_array(job) else _NUMBERS.get(job.state, 1)
        self._write(job, _DEBUG, f"enqueuing into {job.queue}, state {number} hop 1")

    def asked(self, operation: str, job: Job, uid: int, purge: bool = False) -> None:
        """A request of a user's was carried out; deletions of whole arrays are not told of."""
        if operation not in _REQUESTS or (operation == "delete" and is_array(job)):
            return
        if purge:
            self._write(job, _JOB, f"purging job {job.job_id} without checking MOM")
            return
        self._write(job, _JOB, f"{_REQUESTS[operation]} at request of {_asker(uid)}")
        if operation == "delete" and job.holds_slots:
            self._write(job, _JOB, "Job sent signal SIGTERM on delete")

    def held(self, job: Job, letters: str, uid: int, what: str) -> None:
        """Holds were `set` or `released`."""
        self._write(job, _JOB, f"Holds {letters} {what} at request of {_asker(uid)}")

    def refused(self, operation: str, uid: int, error: PbsError) -> None:
        """A request was refused."""
        kind = "JobScript2" if error.code == BADDEPEND else _KINDS.get(operation, operation)
        what = error.text
        if error.code == UNKJOBID and kind not in ("StatusJob", "SignalJob"):
            what = f"{error.name} MSG=cannot locate job"
        text = f"Reject reply code={error.code}({what}), aux=0, type={kind}, from "
        self._state.log.write(text + _asker(uid), "Req", "req_reject", _DEBUG_2)

    def started(self, job: Job) -> None:
        """A mom has taken a job."""
        text = "child reported success for job after 0 seconds (dest=???), rc=0"
        self._write(job, _SYSTEM, text)

    def buried(self, job: Job, exit_status: int) -> None:
        """A mom has told that a job has ended, for good or not."""
        self._write(job, _JOB_ERROR, "obit received - updating final job usage info")
        self._write(job, _JOB_ERROR, f"job exit status {exit_status} handled")

    def ended(self, job: Job) -> None:
        """A job is over: what it has used."""
        if job.exit_status is None or not job.hosts:
            return
        used = " ".join(f"resources_used.{name}={value}" for name, value in job.used.items())
        self._write(job, _USAGE, f"Exit_status={job.exit_status} {used}")

    def forgotten(self, job: Job) -> None:
        """A job that is over is shown no more."""
        self._write(job, _DEBUG, f"dequeuing {job.job_id}  from {job.queue}, state COMPLETE")


def _asker(uid: int) -> str:
    return f"{user_name(uid)}@{socket.gethostname()}"
