"""What users and operators may ask to be done with jobs: qdel, qhold, qrls, qrun, qmove, ..."""

from __future__ import annotations

from functools import partial
from typing import Callable, Dict, List, Optional

from . import queues, routes, selection
from .alter import Alteration
from .arrays import Arrays
from .deletion import Deletion
from .depend import Dependencies
from .errors import (
    BADHOST,
    BADSTATE,
    NORELYMOM,
    NOTHELD,
    PERM,
    SAMEQUEUE,
    UNKQUE,
    UNKSIG,
    PbsError,
)
from .holds import Holds
from .job_log import JobLog
from .job_shown import brief_attributes, is_array, job_attributes
from .records import COMPLETE, EXITING, HELD, RUNNING, WAITING, Attributes, Job
from .rights import USER, Rights
from .running import Runner
from .signals import SUSPENDING, number_of
from .slices import Finished, in_slices
from .state import State
from .submit import Submission
from .wire import Message

Handler = Callable[[int, Message, Finished], None]


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
        alteration = Alteration(self, state, runner, rights)
        self._deletion = Deletion(state, runner, rights, self.arrays)
        self.log = JobLog(state)
        runner.on_start += [self.log.started]
        runner.on_end += [self.log.ended]
        runner.on_forget += [self.log.forgotten]
        runner.on_start += [self.dependencies.started, self.arrays.member_started]
        runner.on_end += [self.arrays.member_ended, self.dependencies.ended]
        runner.on_forget.append(self.arrays.member_forgotten)
        self.handlers: Dict[str, Handler] = {
            "delete": self._deletion.delete,
            "delete_all": self._deletion.delete_all,
            "hold": self.hold,
            "release": self.release,
            "rerun": self.rerun,
            "run": self.run,
            "signal": self.signal,
            "move": self.move,
            "alter": alteration.request,
            "order": self.order,
        }

    # --- showing ---------------------------------------------------------------------

    def shown(self, job: Job, server: str, privileged: bool, brief: bool = False) -> Attributes:
        """A job's attributes; `brief`: those of a plain list."""
        array = self._state.arrays.get(job.job_id)
        if array is not None:
            self.arrays.refresh(array)
        if brief:
            return brief_attributes(job)
        kind = self._state.queues.get(job.queue, {}).get("queue_type", "Execution")
        return job_attributes(job, server, privileged, kind)

    # --- starting ----------------------------------------------------------------------

    def rerun(self, uid: int, message: Message, finished: Finished) -> None:
        """`qrerun [-f]`."""
        job = self._rights.own_job(uid, message)
        if is_array(job):
            running = (member for member in self.arrays.expanded(job) if member.holds_slots)
            rerun = partial(self._runner.rerun, force=bool(message.get("force")))
            in_slices(self._state.loop, map(rerun, running), finished)
            return
        if job.state in (HELD, WAITING):
            raise PbsError(BADSTATE, f"job {job.job_id} is in a bad state")
        if self._rights.rank(uid) == USER:
            text = "additional permissions required (ATR_DFLAG_MGWR | ATR_DFLAG_OPWR)"
            raise PbsError(PERM, text)
        self._runner.rerun(job, finished, bool(message.get("force")))

    def run(self, uid: int, message: Message, finished: Finished) -> None:
        """`qrun [-H hosts]`; a held job loses its holds, as with TORQUE."""
        job = self._rights.job(message)
        if self._rights.rank(uid) == USER:
            raise PbsError(PERM)
        if is_array(job):
            raise PbsError(BADHOST)
        hosts = str(message.get("hosts") or "")
        queues.may_start(self._state, job, hosts)
        self._runner.run(job, hosts)
        finished(None)

    # --- holding, moving, changing ---------------------------------------------------------

    def hold(self, uid: int, message: Message, finished: Finished) -> None:
        """`qhold [-h letters]`."""
        job = self._rights.own_job(uid, message)
        letters, rank = str(message["letters"]), self._rights.rank(uid)

        def hold(member: Job) -> None:
            self.holds.hold(member, letters, rank)
            self.log.held(member, letters, uid, "set")

        members = self.arrays.each(job, message.get("range"))
        in_slices(self._state.loop, map(hold, members), finished)

    def release(self, uid: int, message: Message, finished: Finished) -> None:
        """`qrls [-h letters]`; of a range of an array, whatever of it is held."""
        job = self._rights.own_job(uid, message)
        letters, rank = str(message["letters"]), self._rights.rank(uid)

        def release(member: Job) -> None:
            try:
                self.holds.release(member, letters, rank)
                self.log.held(member, letters, uid, "released")
            except PbsError as error:
                if error.code != NOTHELD or not message.get("range"):
                    raise

        in_slices(
            self._state.loop,
            map(release, self.arrays.each(job, message.get("range"))),
            finished,
        )

    def signal(self, uid: int, message: Message, finished: Finished) -> None:
        """`qsig -s signal`."""
        job = self._rights.own_job(uid, message)
        if job.state == COMPLETE:
            raise PbsError(BADSTATE, "invalid state for job - COMPLETE")
        running = [member for member in self.arrays.expanded(job) if member.holds_slots]
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
            queues.admit_moved(self._state, target, job, asked)
        job.resources = asked
        routes.put(self._state, job, target)
        routes.route(self._state, job)
        self.holds.settle(job, "job moved")
        finished(None)

    def order(self, uid: int, message: Message, finished: Finished) -> None:
        """`qorder`: two jobs change places, queues too."""
        one = self._rights.own_job(uid, message)
        other = self._rights.own_job(uid, {"id": message["other"]})
        for job in (one, other):
            if job.holds_slots or job.state == COMPLETE:
                raise PbsError(BADSTATE)
        if one.queue != other.queue:
            self._change_queues(one, other)
        one.rank, other.rank = other.rank, one.rank
        for job in (one, other):
            if is_array(job):
                self._state.save_array(self._state.arrays[job.job_id])
            else:
                self._state.save_job(job)
        finished(None)

    def _change_queues(self, one: Job, other: Job) -> None:
        """Put two jobs into each other's queue. Raises `PbsError`."""
        state = self._state
        for job, target in ((one, other.queue), (other, one.queue)):
            queues.admit_ordered(state, target, job)
        for job in (one, other):
            job.resources = queues.without_defaults(state, job)
        one.queue, other.queue = other.queue, one.queue
        for job in (one, other):
            if state.queues[job.queue].get("queue_type") != "Route":
                queues.add_defaults(state, job.queue, job.resources)

    def selected(self, uid: int, criteria: List[selection.Criterion]) -> List[str]:
        """`qselect`: ids in the order of the queues. Raises `PbsError`."""
        selection.check(self._state, criteria)
        jobs = sorted(self.arrays.listed(True), key=lambda job: job.rank)
        may_see = self._rights.may_see
        return [
            job.job_id for job in jobs if may_see(uid, job) and selection.answers(job, criteria)
        ]
