"""What the server's log says of a job's life, in TORQUE's words: `tracejob` shows it."""

from __future__ import annotations

import socket
from typing import Dict

from .auth import user_name
from .records import HELD, QUEUED, WAITING, Job
from .state import State

# TORQUE's kinds of events: `tracejob -f` leaves them out.
_SYSTEM, _JOB, _JOB_ERROR, _USAGE, _DEBUG = 2, 8, 9, 16, 256
_REQUESTS = {
    "alter": "Job Modified",
    "delete": "Job deleted",
    "rerun": "Job Rerun",
    "run": "Job Run",
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
        number = _NUMBERS.get(job.state, 1)
        self._write(job, _DEBUG, f"enqueuing into {job.queue}, state {number} hop 1")

    def asked(self, operation: str, job: Job, uid: int) -> None:
        """A request of a user's was carried out."""
        if operation in _REQUESTS:
            by = f"{user_name(uid)}@{socket.gethostname()}"
            self._write(job, _JOB, f"{_REQUESTS[operation]} at request of {by}")

    def started(self, job: Job) -> None:
        """A mom has taken a job."""
        text = "child reported success for job after 0 seconds (dest=???), rc=0"
        self._write(job, _SYSTEM, text)

    def ended(self, job: Job) -> None:
        """A job is over: what its mom has told of it."""
        if job.exit_status is None or not job.hosts:
            return
        self._write(job, _JOB_ERROR, "obit received - updating final job usage info")
        self._write(job, _JOB_ERROR, f"job exit status {job.exit_status} handled")
        used = " ".join(f"resources_used.{name}={value}" for name, value in job.used.items())
        self._write(job, _USAGE, f"Exit_status={job.exit_status} {used}")

    def forgotten(self, job: Job) -> None:
        """A job that is over is shown no more."""
        self._write(job, _DEBUG, f"dequeuing {job.job_id}  from {job.queue}, state COMPLETE")
