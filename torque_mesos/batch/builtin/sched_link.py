"""The server's end of the scheduler: who wakes it, and what it may order."""

from __future__ import annotations

import time
from typing import Optional

from .errors import PbsError
from .loop import Connection
from .records import QUEUED, Job
from .running import Runner
from .sched_view import SchedulerView
from .state import State
from .wire import Message

DEFAULT_ITERATION_S = 600


class SchedulerLink:
    """Wakes pbs_sched. A node that becomes free does not: TORQUE's does not either."""

    def __init__(self, state: State, runner: Runner) -> None:
        self._state = state
        self._runner = runner
        self._connection: Optional[Connection] = None
        self._wanted = ""
        self._busy = False
        self.view = SchedulerView(state)
        self._iterate_later()

    def attach(self, connection: Connection) -> None:
        """The scheduler has connected; cycles are ordered through this connection."""
        self._connection = connection
        self._busy = False
        self.view.forget()
        connection.send({"attached": True})
        self.kick("scheduler started")

    def kick(self, why: str) -> None:
        """Ask for a cycle, if scheduling is on."""
        if self._state.attributes.get("scheduling") == "True":
            self._wanted = self._wanted or why
            self._order()

    def done(self) -> None:
        """The cycle is over; the next begins if something happened meanwhile."""
        self._busy = False
        self._order()

    def _order(self) -> None:
        connection = self._connection
        if not self._wanted or self._busy or connection is None or connection.closed:
            return
        why, self._wanted = self._wanted, ""
        self._busy = True
        connection.send({"cycle": why})

    def act(self, job: Job, message: Message) -> None:
        """Run a job, comment on it, or delete it. Raises `PbsError`."""
        if message["do"] == "run":
            self._run(job)
            text = f"Job Run at request of root@{self._state.server}"
            self._state.log.write(text, "Job", job.job_id, 8)
        elif message["do"] == "delete":
            self._state.log.write("Job Deleted because it would never run", "Job", job.job_id)
            self._never_run(job)
        else:
            # What has changed since the view was taken is not what the scheduler speaks of.
            changed = job.job_id in self._state.touched
            job.comment = str(message["comment"])
            self._state.save_job(job)
            if not changed:
                self._state.touched.discard(job.job_id)

    def _run(self, job: Job) -> None:
        try:
            self._runner.run(job)
        except PbsError:
            # The scheduler has given its slots to nobody else.
            self.view.forget()
            raise
        self.view.started(job)
        moment = time.localtime(job.started)
        job.comment = "Job started on " + time.strftime("%a %b %d at %H:%M", moment)
        self._state.save_job(job)

    def _never_run(self, job: Job) -> None:
        """The scheduler found that a queued job can never run: it is lost."""
        if job.state == QUEUED:
            job.comment = ""
            self._state.accounting.write("D", job.job_id, f"requestor=Scheduler@{job.submit_host}")
            self._runner.complete(job)

    def _iterate_later(self) -> None:
        delay = self._state.number("scheduler_iteration", DEFAULT_ITERATION_S)
        self._state.loop.call_later(max(1, delay), self._iterate)

    def _iterate(self) -> None:
        self.view.forget()
        self.kick("scheduler_iteration")
        self._iterate_later()
