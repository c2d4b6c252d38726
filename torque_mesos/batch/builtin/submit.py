"""`qsub` at the server: what is accepted, what is refused, and with which words."""

from __future__ import annotations

import time
from typing import List

from . import arrays, queues
from .arrays import Arrays
from .depend import Dependencies
from .errors import BADUSER, NOATTR, PbsError
from .holds import Holds
from .new_job import asked_resources, make, submitter
from .records import Job
from .state import State
from .wire import Message


class Submission:
    """Takes new jobs."""

    def __init__(
        self, state: State, holds: Holds, members: Arrays, dependencies: Dependencies
    ) -> None:
        self._state = state
        self._holds = holds
        self._arrays = members
        self._dependencies = dependencies

    def submit(self, request: Message, uid: int) -> Job:
        """Make a job of a request of `qsub`. Raises `PbsError`."""
        state = self._state
        account = submitter(uid)
        if request.get("proxy"):
            text = f"User '{account.pw_name}' is attempting to submit a proxy job"
            text += f" for user '{request['proxy']}' but is not a manager"
            raise PbsError(BADUSER, text)
        number = state.next_job
        # A job that is refused has used its number up all the same.
        state.next_job += 1
        state.save_server()
        queue = queues.find_queue(state, str(request.get("queue", "")))
        resources = asked_resources(request["resources"])
        if request.get("unknown"):
            raise PbsError(NOATTR, "detected presence of an unknown attribute")
        queues.admit(state, queue, resources, f"{account.pw_name}@{request['host']}")
        if state.queues[queue].get("queue_type") != "Route":
            queues.add_defaults(state, queue, resources)
        depend: List[List[str]] = [list(map(str, words)) for words in request.get("depend", [])]
        self._dependencies.check(depend, uid)
        wanted = str(request.get("array", ""))
        if wanted:
            arrays.parse(wanted)
        job = make(state, number, request, account, queue, resources)
        state.save_server()
        self._take(job, wanted, depend)
        state.store.flush()
        return job

    def _take(self, job: Job, array: str, depend: List[List[str]]) -> None:
        state = self._state
        if array:
            self._dependencies.link(job, depend)
            if job.hold == "n":
                job.eligible = time.time()
            self._arrays.add(job, array)
            state.accounting.write("Q", job.job_id, f"queue={job.queue}")
            return
        state.jobs[job.job_id] = job
        self._dependencies.link(job, depend)
        state.accounting.write("Q", job.job_id, f"queue={job.queue}")
        queues.route(state, job)
        self._holds.settle(job, "new job")
