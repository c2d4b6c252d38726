"""`qalter` at the server: changes of a job that is there already."""

from __future__ import annotations

from typing import Callable, Dict, List

from . import queues
from .depend import Dependencies
from .errors import BADSTATE, BADUSER, UNKJOBID, PbsError
from .holds import Holds
from .job_shown import is_array
from .new_job import asked_resources, path, umask_of
from .records import Job
from .rights import USER
from .state import State
from .wire import Message

# Of a running job only these may change: the mom has been told the rest.
_WHILE_RUNNING = {"name", "priority", "account", "mail", "mail_users", "rerunable", "output"}
_WHILE_RUNNING |= {"error", "checkpoint", "hold"}


class Alteration:
    """Changes jobs, all of a request or nothing."""

    def __init__(self, state: State, holds: Holds, dependencies: Dependencies) -> None:
        self._state = state
        self._holds = holds
        self._dependencies = dependencies

    def alter(self, job: Job, changes: Message, rank: int, uid: int) -> None:
        """Carry out what `qalter` asks. Raises `PbsError`, with nothing changed."""
        if changes.get("users"):
            raise PbsError(BADUSER)
        if job.holds_slots and set(changes) - _WHILE_RUNNING - {"resources"}:
            raise PbsError(BADSTATE)
        resources = self._resources(job, changes, rank)
        depend: List[List[str]] = [list(words) for words in changes.get("depend", [])]
        for kind, *names in depend:
            if kind != "on" and any(self._state.find_job(name) is None for name in names):
                raise PbsError(UNKJOBID)
        if depend:
            self._dependencies.check(depend, uid)
        if "umask" in changes:
            job.umask = umask_of(changes)
            # TORQUE shows the digits as they were given, without what leads them.
            job.others["umask"] = str(int(changes["umask"]))
        if changes.get("hold") not in (None, "n"):
            self._holds.hold(job, str(changes["hold"]), rank)
        elif changes.get("hold") == "n" and "u" in job.hold:
            self._holds.lift(job, "u")
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

    def _resources(self, job: Job, changes: Message, rank: int) -> Dict[str, str]:
        asked = [(str(name), str(value)) for name, value in changes.get("resources", [])]
        if not asked:
            return job.resources
        if job.holds_slots and rank == USER:
            raise PbsError(BADSTATE)
        changed = asked_resources(asked)
        kept = {k: v for k, v in job.resources.items() if k not in ("nodect", "neednodes")}
        found = {**(kept if "nodes" in changed else job.resources), **changed}
        queues.check_limits(self._state, self._state.queues.get(job.queue, {}), found)
        return found


def _set_output(job: Job, value: str) -> None:
    job.output_path = path(value, job.submit_host, job.init_work_dir, f"{job.name}.o{job.order[0]}")


def _set_error(job: Job, value: str) -> None:
    job.error_path = path(value, job.submit_host, job.init_work_dir, f"{job.name}.e{job.order[0]}")


def _set_variables(job: Job, value: Dict[str, str]) -> None:
    job.variables.update({str(key): str(text) for key, text in value.items()})


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
    "shell": _setter("shell", str),
    "rerunable": _setter("rerunable", bool),
    "priority": _setter("priority", lambda value: int(str(value))),
    "after": _setter("execute_at", lambda value: float(str(value))),
    "output": lambda job, value: _set_output(job, str(value)),
    "error": lambda job, value: _set_error(job, str(value)),
    "variables": lambda job, value: _set_variables(job, dict(value)),  # type: ignore[call-overload]
}
