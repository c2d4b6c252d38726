"""`qalter` at the server: changes of a job that is there already."""

from __future__ import annotations

import pwd
from itertools import chain
from typing import TYPE_CHECKING, Callable, Dict, List, Optional, Tuple

from . import alter_running, queues, request_fields
from .errors import (
    ATTRRO,
    BADDEPEND,
    BADSTATE,
    BADUSER,
    IVALREQ,
    NOATTR,
    NORELYMOM,
    UNKJOBID,
    PbsError,
)
from .job_shown import is_array
from .new_job import asked_resources, check_users, group_of, path, umask_of
from .records import COMPLETE, Job
from .rights import MANAGER, USER, Rights
from .running import Runner
from .slices import Finished, in_slices
from .state import State
from .traps import LOST_ANSWER
from .wire import Message

if TYPE_CHECKING:
    from .job_requests import JobRequests

_PARTLY = "At least one array element did not modify successfully. Use qstat -f to verify changes"


class Alteration:
    """Changes jobs, all of a request or nothing."""

    def __init__(self, requests: JobRequests, state: State, runner: Runner, rights: Rights) -> None:
        self._requests = requests
        self._state = state
        self._runner = runner
        self._rights = rights
        self._holds = requests.holds
        self._dependencies = requests.dependencies

    def request(self, uid: int, message: Message, finished: Finished) -> None:
        """`qalter`: of a job, of an array, or of a range of its members."""
        job = self._rights.own_job(uid, message)
        array = self._state.arrays.get(job.job_id)
        if array is not None:
            # What the last who looked saw may be long ago.
            self._requests.arrays.refresh(array)
        if job.state == COMPLETE:
            raise PbsError(BADSTATE, "invalid state for job - COMPLETE")
        changes: Message = dict(message["changes"])
        request_fields.check_alter(changes)
        rank = self._rights.rank(uid)
        wanted, percent, slots = str(message.get("range") or "").partition("%")
        if percent and array is not None and slots.isdigit():
            self._requests.arrays.set_slots(array, int(slots))
        orders: List[Optional[Message]] = []

        def alter(member: Job) -> None:
            try:
                orders.append(self.alter(member, changes, rank, uid))
            except PbsError as error:
                raise PbsError(IVALREQ, _PARTLY) if is_array(job) else error from None

        def done(error: Optional[PbsError]) -> None:
            if error is None:
                self._tell(job, orders[-1] if orders else None, finished)
            else:
                finished(error)

        members = chain(self._requests.arrays.each(job, wanted), [job] if is_array(job) else [])
        in_slices(self._state.loop, map(alter, members), done)

    def _tell(self, job: Job, order: Optional[Message], finished: Finished) -> None:
        """Tell the mom of a running job. As with TORQUE, none hears of a whole array's change."""
        if order is None or is_array(job):
            finished(None)
            return

        def answered(answer: Optional[Message]) -> None:
            if not self._state.traps.strikes(LOST_ANSWER):
                finished(None if answer is not None else PbsError(NORELYMOM))

        self._runner.tell_mom(job, order, answered)

    def alter(self, job: Job, changes: Message, rank: int, uid: int) -> Optional[Message]:
        """Carry out what `qalter` asks; what the mom of a running job is to be told, if anything.

        `changes["attributes"]` are TORQUE's names of all that changes, in qalter's order.
        Raises `PbsError`, with nothing changed. TORQUE tells the attribute only where it
        may not change while the job runs.
        """
        asked = [(str(name), str(value)) for name, value in changes.get("resources", [])]
        if job.holds_slots:
            alter_running.check(alter_running.named(changes), rank)
        try:
            self._alter(job, changes, asked, rank, uid)
        except PbsError as error:
            raise PbsError(error.code) from None
        if not (job.holds_slots and asked):
            return None
        return {"op": "alter", "resources": alter_running.told(asked, job.resources)}

    def _alter(
        self, job: Job, changes: Message, asked: List[Tuple[str, str]], rank: int, uid: int
    ) -> None:
        users, groups = str(changes.get("users", "")), str(changes.get("groups", ""))
        if changes.get("unknown"):
            raise PbsError(NOATTR)
        if changes.get("interactive") or changes.get("exec_host"):
            raise PbsError(ATTRRO)
        if "comment" in changes and rank == USER:
            raise PbsError(ATTRRO)
        if (users or groups) and "PBS_O_HOST" not in job.variables:
            raise PbsError(BADUSER)
        check_users(job.user, job.submit_host, users)
        resources = self._resources(job, asked, rank)
        depend: List[List[str]] = [list(words) for words in changes.get("depend", [])]
        for kind, *names in depend:
            found = [self._state.find_job(name) for name in names if kind != "on"]
            if job in found:
                raise PbsError(BADDEPEND)
            if None in found:
                raise PbsError(UNKJOBID)
        if depend:
            self._dependencies.check(depend, uid)
        umask = (umask_of(changes), str(int(changes["umask"]))) if "umask" in changes else None
        group = group_of(pwd.getpwnam(job.user), groups) if groups else job.group
        if "hold" in changes:
            self._holds.assign(job, str(changes["hold"]), rank)
        # Nothing below is refused.
        job.group = group
        if umask:
            # TORQUE shows the digits as they were given, without what leads them.
            job.umask, job.others["umask"] = umask
        job.resources = resources
        for name, value in changes.items():
            if name in _SET:
                _SET[name](job, value)
        if depend:
            self._dependencies.relink(job, depend)
        if is_array(job):
            self._state.save_array(self._state.arrays[job.job_id])
        else:
            self._holds.settle(job, "job altered")

    def _resources(self, job: Job, asked: List[Tuple[str, str]], rank: int) -> Dict[str, str]:
        """The job's resources as they will be; one without a value is the queue's again."""
        if not asked:
            return job.resources
        own = [(name, value) for name, value in asked if rank == MANAGER and _managers(name, value)]
        changed = {**asked_resources([each for each in asked if each not in own]), **dict(own)}
        if job.holds_slots:
            alter_running.check_raise(job, changed, rank)
        kept = {k: v for k, v in job.resources.items() if (k, "") not in asked}
        found = {**kept, **changed}
        queues.add_defaults(self._state, job.queue, found)
        if rank == USER:
            queues.check_limits(self._state, self._state.queues.get(job.queue, {}), found)
        return {name: found[name] for name in (*job.resources, *found) if name in found}


def _managers(name: str, value: str) -> bool:
    """Whether this is a value that only managers may give."""
    return name == "neednodes" or (name == "nodect" and value.isdigit())


def _set_output(job: Job, value: str) -> None:
    job.output_path = path(value, job.submit_host, job.init_work_dir, f"{job.name}.o{job.order[0]}")


def _set_error(job: Job, value: str) -> None:
    job.error_path = path(value, job.submit_host, job.init_work_dir, f"{job.name}.e{job.order[0]}")


def _set_variables(job: Job, value: Dict[str, str]) -> None:
    # As with TORQUE, these and no others: PBS_O_HOST and its like are gone.
    job.variables = {str(key): str(text) for key, text in value.items()}


def _setter(attribute: str, kind: Callable[[object], object]) -> Callable[[Job, object], None]:
    return lambda job, value: setattr(job, attribute, kind(value))


_SET: Dict[str, Callable[[Job, object], None]] = {
    "name": _setter("name", str),
    "account": _setter("account", str),
    "join": _setter("join", str),
    "keep": _setter("keep", str),
    "mail": _setter("mail", str),
    "mail_users": _setter("mail_users", str),
    "checkpoint": _setter("checkpoint", str),
    "comment": _setter("comment", str),
    "shell": _setter("shell", str),
    "rerunable": _setter("rerunable", bool),
    "priority": _setter("priority", lambda value: int(str(value))),
    "after": _setter("execute_at", lambda value: float(str(value))),
    "output": lambda job, value: _set_output(job, str(value)),
    "error": lambda job, value: _set_error(job, str(value)),
    "users": _setter("users", str),
    "groups": _setter("groups", str),
    "stagein": _setter("stagein", str),
    "stageout": _setter("stageout", str),
    "others": lambda job, value: job.others.update(dict(value)),  # type: ignore[call-overload]
    "variables": lambda job, value: _set_variables(job, dict(value)),  # type: ignore[call-overload]
}
