"""What users and operators may ask to be done with jobs: qdel, qhold, qrls, qrun, qmove, ..."""

from __future__ import annotations

import socket
from typing import Callable, Dict, List, Optional

from . import arrays, queues, selection
from .alter import Alteration
from .arrays import Arrays
from .auth import user_name
from .depend import Dependencies
from .errors import (
    BADHOST,
    BADSTATE,
    IVALREQ,
    NORELYMOM,
    NOTHELD,
    PERM,
    SAMEQUEUE,
    UNKQUE,
    UNKSIG,
    PbsError,
)
from .holds import Holds
from .job_shown import brief_attributes, is_array, job_attributes
from .records import COMPLETE, EXITING, RUNNING, Attributes, Job
from .rights import USER, Rights
from .running import Runner
from .signals import SUSPENDING, number_of
from .state import State
from .submit import Submission
from .wire import Message

Finished = Callable[[Optional[PbsError]], None]
Handler = Callable[[int, Message, Finished], None]

_PARTLY = "At least one array element did not modify successfully. Use qstat -f to verify changes"


def _ignore(_error: Optional[PbsError]) -> None:
    """What became of one of several; the last one's is told."""


class JobRequests:
    """Carries requests out on a job, or on each member of an array."""

    def __init__(self, state: State, runner: Runner, rights: Rights) -> None:
        self._state = state
        self._runner = runner
        self._rights = rights
        self.holds = Holds(state, runner)
        self.arrays = Arrays(state, self.holds)
        self.dependencies = Dependencies(state, runner, self.holds, self.arrays)
        self.submission = Submission(state, rights, self.holds, self.arrays, self.dependencies)
        self._alteration = Alteration(state, self.holds, self.dependencies)
        runner.on_start += [self.dependencies.started, self.arrays.member_started]
        runner.on_end += [self.arrays.member_ended, self.dependencies.ended]
        runner.on_forget.append(self.arrays.member_forgotten)
        self.handlers: Dict[str, Handler] = {
            "delete": self.delete,
            "delete_all": self.delete_all,
            "hold": self.hold,
            "release": self.release,
            "rerun": self.rerun,
            "run": self.run,
            "signal": self.signal,
            "move": self.move,
            "alter": self.alter,
            "order": self.order,
        }

    # --- listing ---------------------------------------------------------------------

    def listed(self, members: bool) -> List[Job]:
        """All jobs in their order, arrays as one job each or as their members."""
        jobs = [job for job in self._state.jobs.values() if members or job.array_id is None]
        if not members:
            jobs += [self.arrays.refresh(array) for array in self._state.arrays.values()]
        return sorted(jobs, key=lambda job: job.order)

    def expanded(self, job: Job, wanted: str = "") -> List[Job]:
        """The members of an array (those of an index range), or the job itself."""
        array = self._state.arrays.get(job.job_id)
        if array is None:
            return [job]
        try:
            indexes = arrays.parse(wanted)[0] if wanted else None
        except PbsError:
            raise PbsError(IVALREQ, "Error in specified array range") from None
        return self.arrays.members(array, indexes)

    def shown(self, job: Job, server: str, privileged: bool, brief: bool = False) -> Attributes:
        """A job's attributes; `brief`: those of a plain list."""
        array = self._state.arrays.get(job.job_id)
        if array is not None:
            self.arrays.refresh(array)
        if brief:
            return brief_attributes(job)
        kind = self._state.queues.get(job.queue, {}).get("queue_type", "Execution")
        return job_attributes(job, server, privileged, kind)

    # --- ending ------------------------------------------------------------------------

    def delete(self, uid: int, message: Message, finished: Finished) -> None:
        """`qdel [-p] [-W delay] [-t range]`."""
        if message.get("purge"):
            job = self._rights.job(message)
            if self._rights.rank(uid) == USER:
                raise PbsError(PERM)
            self.arrays.make_no_more(job)
            for member in self.expanded(job):
                self._runner.purge(member)
            finished(None)
            return
        job = self._rights.own_job(uid, message)
        if message.get("reason") and self._rights.rank(uid) == USER:
            raise PbsError(PERM, "must have operator or manager privilege to use -m parameter")
        self._delete(job, uid, message, finished)

    def _delete(self, job: Job, uid: int, message: Message, finished: Finished) -> None:
        by = f"{user_name(uid)}@{socket.gethostname()}"
        delay_s = None if message.get("delay") is None else int(message["delay"])
        if not is_array(job):
            self._runner.delete(job, by, finished, delay_s)
            return
        if not message.get("range"):
            self.arrays.make_no_more(job)
        for member in self.expanded(job, str(message.get("range") or "")):
            if member.state != COMPLETE:
                self._runner.delete(member, by, lambda _error: None, delay_s)
        finished(None)

    def delete_all(self, uid: int, message: Message, finished: Finished) -> None:
        """`qdel all`: every job that is the asker's to delete."""
        denied = False
        for job in self.listed(False):
            if job.state == COMPLETE:
                continue
            if uid != job.uid and self._rights.rank(uid) == USER:
                denied = True
            elif message.get("purge"):
                self.delete(uid, {**message, "id": job.job_id}, lambda _error: None)
            else:
                self._delete(job, uid, message, lambda _error: None)
        finished(PbsError(PERM, "operation not permitted") if denied else None)

    def rerun(self, uid: int, message: Message, finished: Finished) -> None:
        """`qrerun [-f]`."""
        job = self._rights.own_job(uid, message)
        if is_array(job):
            for member in self.expanded(job):
                if member.holds_slots:
                    self._runner.rerun(member, _ignore, bool(message.get("force")))
            finished(None)
            return
        if self._rights.rank(uid) == USER:
            text = "additional permissions required (ATR_DFLAG_MGWR | ATR_DFLAG_OPWR)"
            raise PbsError(PERM, text)
        self._runner.rerun(job, finished, bool(message.get("force")))

    # --- starting ----------------------------------------------------------------------

    def run(self, uid: int, message: Message, finished: Finished) -> None:
        """`qrun [-H hosts]`; a held job loses its holds, as with TORQUE."""
        job = self._rights.job(message)
        if self._rights.rank(uid) == USER:
            raise PbsError(PERM)
        if is_array(job):
            raise PbsError(BADHOST)
        if self._state.queues.get(job.queue, {}).get("started") != "True":
            raise PbsError(IVALREQ, "attempt to start job in non-started queue")
        self._runner.run(job, str(message.get("hosts") or ""))
        finished(None)

    # --- holding, moving, changing ---------------------------------------------------------

    def hold(self, uid: int, message: Message, finished: Finished) -> None:
        """`qhold [-h letters]`."""
        job = self._rights.own_job(uid, message)
        for member in self._each(job, message):
            self.holds.hold(member, str(message["letters"]), self._rights.rank(uid))
        finished(None)

    def release(self, uid: int, message: Message, finished: Finished) -> None:
        """`qrls [-h letters]`; of a range of an array, whatever of it is held."""
        job = self._rights.own_job(uid, message)
        for member in self._each(job, message):
            try:
                self.holds.release(member, str(message["letters"]), self._rights.rank(uid))
            except PbsError as error:
                if error.code != NOTHELD or not message.get("range"):
                    raise
        finished(None)

    def _each(self, job: Job, message: Message) -> List[Job]:
        if not is_array(job):
            return [job]
        members = self.expanded(job, str(message.get("range") or ""))
        return [member for member in members if member.state != COMPLETE]

    def signal(self, uid: int, message: Message, finished: Finished) -> None:
        """`qsig -s signal`."""
        job = self._rights.own_job(uid, message)
        if job.state == COMPLETE:
            raise PbsError(BADSTATE, "invalid state for job - COMPLETE")
        running = [member for member in self.expanded(job) if member.holds_slots]
        if not running:
            raise PbsError(BADSTATE)
        for member in running if is_array(job) else []:
            one_of_them = {**message, "id": member.job_id}
            self.signal(uid, one_of_them, finished if member is running[-1] else _ignore)
        if is_array(job):
            return
        name = str(message["signal"])
        number = number_of(name)
        if number is None:
            raise PbsError(UNKSIG)
        if name in SUSPENDING and self._rights.rank(uid) == USER:
            raise PbsError(PERM)

        def told(answer: Optional[Message]) -> None:
            if answer is not None and name in SUSPENDING:
                self._runner.suspend(job, name == "suspend")
            finished(None if answer is not None else PbsError(NORELYMOM))

        self._runner.tell_mom(job, {"op": "signal", "signal": number}, told)

    def move(self, uid: int, message: Message, finished: Finished) -> None:
        """`qmove queue`."""
        job = self._rights.own_job(uid, message)
        target = str(message["queue"])
        if job.state == COMPLETE:
            raise PbsError(BADSTATE, "invalid state for job - COMPLETE")
        if job.state in (RUNNING, EXITING):
            raise PbsError(BADSTATE)
        if target == job.queue:
            raise PbsError(SAMEQUEUE, f"Job {job.job_id} already in queue {target}")
        if is_array(job):
            raise PbsError(BADSTATE)
        if target not in self._state.queues:
            raise PbsError(UNKQUE)
        asked = queues.without_defaults(self._state, job)
        if self._rights.rank(uid) == USER:
            queues.admit(self._state, target, asked, job.owner, job.group)
        job.resources = asked
        queues.put(self._state, job, target)
        queues.route(self._state, job)
        self.holds.settle(job, "job moved")
        finished(None)

    def alter(self, uid: int, message: Message, finished: Finished) -> None:
        """`qalter`."""
        job = self._rights.own_job(uid, message)
        if job.state == COMPLETE:
            raise PbsError(BADSTATE, "invalid state for job - COMPLETE")
        changes: Message = dict(message["changes"])
        rank = self._rights.rank(uid)
        wanted, percent, slots = str(message.get("range") or "").partition("%")
        array = self._state.arrays.get(job.job_id)
        if percent and array is not None and slots.isdigit():
            self.arrays.set_slots(array, int(slots))
        message = {**message, "range": wanted}
        try:
            for member in self._each(job, message) + ([job] if is_array(job) else []):
                self._alteration.alter(member, changes, rank, uid)
        except PbsError as error:
            raise PbsError(IVALREQ, _PARTLY) if is_array(job) else error from None
        finished(None)

    def order(self, uid: int, message: Message, finished: Finished) -> None:
        """`qorder`: two jobs change places, queues too."""
        one = self._rights.own_job(uid, message)
        other = self._rights.own_job(uid, {"id": message["other"]})
        for job in (one, other):
            if job.holds_slots or job.state == COMPLETE:
                raise PbsError(BADSTATE)
        one.rank, other.rank = other.rank, one.rank
        one.queue, other.queue = other.queue, one.queue
        for job in (one, other):
            if is_array(job):
                self._state.save_array(self._state.arrays[job.job_id])
            else:
                self._state.save_job(job)
        finished(None)

    def selected(self, uid: int, criteria: List[selection.Criterion]) -> List[str]:
        """`qselect`: ids in the order of the queues. Raises `PbsError`."""
        selection.check(self._state, criteria)
        jobs = sorted(self.listed(True), key=lambda job: job.rank)
        may_see = self._rights.may_see
        return [
            job.job_id for job in jobs if may_see(uid, job) and selection.answers(job, criteria)
        ]

    @staticmethod
    def _single(job: Job) -> Job:
        if is_array(job):
            raise PbsError(IVALREQ)
        return job
