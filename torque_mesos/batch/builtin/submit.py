"""`qsub` at the server: what is accepted, what is refused, and with which words."""

from __future__ import annotations

import pwd
import socket
import time
from typing import List

from . import array_request, queues, request_fields, routes
from .arrays import Arrays
from .depend import Dependencies
from .errors import ATTRRO, BADUSER, JOBEXIST, NOATTR, PERM, RESC_CONFLICT, SYSTEM, PbsError
from .holds import Holds, check_letters, joined
from .new_job import asked_resources, group_of, make, submitter
from .records import Job
from .rights import MANAGER, USER, Rights
from .state import State
from .store import NotKept
from .wire import Message


class Submission:
    """Takes new jobs."""

    def __init__(
        self,
        state: State,
        rights: Rights,
        holds: Holds,
        members: Arrays,
        dependencies: Dependencies,
    ) -> None:
        self._state = state
        self._rights = rights
        self._holds = holds
        self._arrays = members
        self._dependencies = dependencies

    def submit(self, request: Message, uid: int) -> Job:
        """Make a job of a request of `qsub`. Raises `PbsError`."""
        state = self._state
        state.room.need()
        request_fields.check_submit(request)
        hold = joined(request.get("hold", "n"))
        check_letters(hold, self._rights.rank(uid))
        # The connection says where the asker is; what he says of it counts for nothing.
        host = self._rights.host or socket.gethostname()
        request = {**request, "host": host, "hold": hold}
        account = submitter(uid)
        number = self._wanted_number(request)
        if request.get("proxy"):
            account = self._behalf(account, uid, str(request["proxy"]))
        elif number != state.next_job and self._rights.rank(uid) < MANAGER:
            raise PbsError(PERM)  # no qsub asks for a number without -P
        # A job that is refused has used its number up all the same.
        state.next_job = max(state.next_job, number + 1)
        state.save_server()
        queue = queues.find_queue(state, str(request.get("queue", "")))
        resources = asked_resources(request["resources"])
        if request.get("unknown"):
            raise PbsError(NOATTR, "detected presence of an unknown attribute")
        if "comment" in request and self._rights.rank(uid) == USER:
            raise PbsError(ATTRRO, detail=" comment")
        if request.get("tasks"):
            # Requests in this form are not part of this server; TORQUE refuses them, too,
            # where a queue has a default of nodes.
            raise PbsError(RESC_CONFLICT)
        owner = f"{account.pw_name}@{request['host']}"
        group = group_of(account, str(request.get("groups", "")))
        routes.admit_new(state, queue, resources, owner, group)
        if state.queues[queue].get("queue_type") != "Route":
            queues.add_defaults(state, queue, resources)
        depend: List[List[str]] = [list(map(str, words)) for words in request.get("depend", [])]
        self._dependencies.check(depend, uid)
        wanted = str(request.get("array", ""))
        if wanted:
            limits = [state.number(name) for name in ("max_job_array_size", "max_slot_limit")]
            array_request.check_limits(wanted, *limits)
        job = make(state, number, request, account, queue, resources)
        job.comment = str(request.get("comment", ""))
        state.save_server()
        try:
            self._take(job, wanted, depend)
            state.store.flush()
        except NotKept as error:
            self._take_back(job)
            raise PbsError(SYSTEM, str(error), detail="job not saved") from None
        except Exception:
            self._take_back(job)
            raise
        return job

    def _take_back(self, job: Job) -> None:
        """Forget a job that its user will be told was not accepted."""
        state = self._state
        self._dependencies.unlink(job)
        array = state.arrays.pop(job.job_id, None)
        taken = [job] if array is None else self._arrays.members(array)
        for each in taken:
            state.jobs.pop(each.job_id, None)
            state.save_job(each)
        if array is not None:
            state.save_array(array)
        state.accounting.write("D", job.job_id, f"requestor=Server@{state.server}")

    def _wanted_number(self, request: Message) -> int:
        """The job's number: the next, or with `qsub -J` one that is free."""
        wanted = str(request.get("number", ""))
        if not wanted.isdigit():
            return self._state.next_job
        if self._state.find_job(wanted) is not None:
            job_id = f"{wanted}.{self._state.server}"
            raise PbsError(JOBEXIST, f"Job with id {job_id} already exists, cannot set job id\n")
        return int(wanted)

    def _behalf(self, asker: pwd.struct_passwd, uid: int, name: str) -> pwd.struct_passwd:
        """Who the job is for: with `qsub -P` another user, for a manager only."""
        user = name.partition(":")[0]
        if self._rights.rank(uid) < MANAGER:
            text = f"User '{asker.pw_name}' is attempting to submit a proxy job"
            raise PbsError(BADUSER, f"{text} for user '{user}' but is not a manager")
        try:
            return submitter(pwd.getpwnam(user).pw_uid)
        except KeyError:
            text = f"user {user} does not exist in server password file"
            raise PbsError(BADUSER, text) from None

    def _take(self, job: Job, array: str, depend: List[List[str]]) -> None:
        state = self._state
        if array:
            self._dependencies.link(job, depend)
            if job.hold == "n":
                job.eligible = time.time()
            self._arrays.add(job, array)
            return
        state.jobs[job.job_id] = job
        self._dependencies.link(job, depend)
        state.accounting.write("Q", job.job_id, f"queue={job.queue}")
        routes.route(state, job)
        self._holds.settle(job, "new job")
