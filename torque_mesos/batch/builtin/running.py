"""Starting jobs on moms, ending them, and what becomes of them afterwards."""

from __future__ import annotations

import time
from typing import Callable, List, Optional

from . import staging
from .errors import BADSTATE, MOMREJECT, NORELYMOM, RESCUNAV, UNKNODEATR, PbsError
from .nodespec import parse, shortage
from .orders import node_spec, start_order
from .pelog import STAGEIN_FAILED
from .queues import may_rerun
from .records import (
    COMPLETE,
    EXITING,
    HELD,
    PRERUN,
    QUEUED,
    RUNNING,
    STARTED,
    SUSPENDED,
    WAITING,
    Job,
)
from .state import State
from .traps import LOST_SLOTS
from .wire import Message

# Exit statuses of a mom that could not start a job: the job goes back to its queue.
RETRY = (-3, -14)

Finished = Callable[[Optional[PbsError]], None]
Told = Callable[[Job], None]


class Runner:
    """Moves jobs between their states."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.on_start: List[Told] = []
        self.on_end: List[Told] = []
        self.on_forget: List[Told] = []
        for job in list(state.jobs.values()):
            if job.state == COMPLETE:
                self._forget_later(job)
            elif job.state == RUNNING and job.substate == PRERUN:
                self.requeue(job)
            elif job.state == WAITING:
                self.wait(job)

    # --- into the queue ------------------------------------------------------------

    def set_state(self, job: Job, state: str, substate: int) -> None:
        """Change a job's state and keep it."""
        job.state, job.substate = state, substate
        if state == WAITING or (state == HELD and job.hold != "l"):
            job.eligible = 0
        job.modified = time.time()
        self._state.save_job(job)

    def wait(self, job: Job, substate: int = 30) -> None:
        """Hold a job of `qsub -a` back until its time has come."""
        self.set_state(job, WAITING, substate)
        self._state.loop.call_later(max(0, job.execute_at - time.time()), lambda: self._due(job))

    def _due(self, job: Job) -> None:
        if job.state == WAITING:
            job.eligible = time.time()
            self.set_state(job, QUEUED, 10)
            self._state.kick("eligible job")

    # --- starting ----------------------------------------------------------------------

    def run(self, job: Job, hosts: str = "") -> None:
        """Give a queued job its slots and send it to its first node. Raises `PbsError`.

        It is `R` from now on; a mom that cannot be reached puts it back.
        """
        if job.holds_slots:
            raise PbsError(BADSTATE, "job already running")
        if job.state == COMPLETE:
            raise PbsError(BADSTATE, "invalid state for job - COMPLETE")
        spec = hosts or node_spec(job)
        if spec is None:
            raise PbsError(UNKNODEATR)
        chunks = parse(spec)
        nodes, choice = self._state.choose(chunks)
        if choice.picked is None:
            raise PbsError(RESCUNAV, shortage(chunks, choice))
        chosen = [(nodes[index], count) for index, count in choice.picked]
        job.hosts = [(node.name, node.take(job.job_id, count)) for node, count in chosen]
        of_gpus = [(nodes[index], count) for index, count in choice.gpus]
        job.gpus = [(node.name, node.take_gpus(job.job_id, count)) for node, count in of_gpus]
        job.start_count += 1
        job.started = time.time()
        job.session = None
        self.set_state(job, RUNNING, PRERUN)
        # The slots are on the disk before the mom knows of the job.
        self._state.keep()
        run = job.start_count
        self._state.ask_mom(
            chosen[0][0],
            True,
            start_order(self._state, job, [node for node, _ in chosen]),
            lambda reply, error: self._sent(job, run, reply, error),
        )

    def _sent(
        self, job: Job, run: int, reply: Optional[Message], error: Optional[Exception]
    ) -> None:
        if job.state != RUNNING or job.start_count != run or job.substate != PRERUN:
            return
        if error is not None or (reply is not None and "error" in reply):
            self._state.log.write(f"unable to run job: {error or reply}", "Job", job.job_id)
            job.start_count -= 1
            self.requeue(job, kick=False)
            return
        self.set_state(job, RUNNING, STARTED)
        if not job.stagein:
            self._begun(job)

    def staged(self, message: Message) -> Message:
        """A mom has copied what a job needs, and goes on with it."""
        job = self._state.jobs.get(str(message.get("job")))
        if job is not None and job.holds_slots and job.start_count == message.get("run"):
            self._begun(job)
        return {}

    def _begun(self, job: Job) -> None:
        self._state.accounting.started(job)
        for told in self.on_start:
            told(job)

    def suspend(self, job: Job, stopped: bool) -> None:
        """A running job has been stopped and gives its slots back, or goes on and takes them."""
        if job.state != RUNNING:
            return
        self._release(job)
        if not stopped:
            for name, slots in job.hosts:
                node = self._state.nodes.get(name)
                if node is not None:
                    node.take_again(job, slots)
        self.set_state(job, RUNNING, SUSPENDED if stopped else STARTED)

    # --- ending --------------------------------------------------------------------------

    def tell_mom(
        self, job: Job, message: Message, done: Callable[[Optional[Message]], None]
    ) -> None:
        """Ask the mom of a job's first node; `done` gets its answer, None if there is none."""
        node = self._state.nodes.get(job.hosts[0][0]) if job.hosts else None
        message = {**message, "job": job.job_id, "run": job.start_count}
        if node is None:
            self._state.loop.call_later(0, lambda: done(None))
        else:
            self._state.ask_mom(node, True, message, lambda reply, _error: done(reply))

    def kill(
        self,
        job: Job,
        finished: Finished = lambda _error: None,
        delay_s: Optional[int] = None,
    ) -> None:
        """End a running job; its obituary will complete it."""

        def told(answer: Optional[Message]) -> None:
            if answer is not None and job.holds_slots:
                if answer.get("unknown"):
                    # Its mom was started anew and has lost it.
                    job.exit_status = 271
                    self.complete(job)
                else:
                    self.set_state(job, EXITING, 50)
            finished(None if answer is not None else PbsError(NORELYMOM))

        delay = int(job.others.get("user_kill_delay") or self._state.number("kill_delay", 2))
        message: Message = {"op": "kill", "delay": delay if delay_s is None else delay_s}
        self.tell_mom(job, message, told)

    def delete(self, job: Job, by: str, finished: Finished, delay_s: Optional[int] = None) -> None:
        """`qdel`. Raises `PbsError` (BADSTATE)."""
        if job.state == COMPLETE:
            raise PbsError(BADSTATE, "invalid state for job - COMPLETE")
        self._state.accounting.write("D", job.job_id, f"requestor={by}")
        self._state.mail.deleted(job, by)
        if job.holds_slots:
            self.kill(job, finished, delay_s)
            return
        self.complete(job)
        finished(None)

    def rerun(
        self, job: Job, finished: Finished = lambda _error: None, force: bool = False
    ) -> None:
        """`qrerun [-f]`; nothing to do for a queued job. Raises `PbsError`."""
        may_rerun(job)
        if job.state == COMPLETE:
            # Seen on TORQUE: it runs once more.
            job.substate = STARTED
            self.requeue(job)
        if not job.holds_slots:
            finished(None)
            return
        if force:
            self.tell_mom(job, {"op": "purge"}, lambda _answer: None)
            self.requeue(job)
            finished(None)
            return

        def told(answer: Optional[Message]) -> None:
            taken = answer is not None and not answer.get("unknown")
            finished(None if taken else PbsError(MOMREJECT, "Rejected by mom"))

        self.tell_mom(job, {"op": "rerun", "delay": self._state.number("kill_delay", 2)}, told)

    def obituary(self, message: Message) -> Message:
        """A mom says that a job has ended. The answer tells it to forget the job."""
        job = self._state.jobs.get(str(message.get("job")))
        if job is None or not job.holds_slots or job.start_count != message.get("run"):
            return {}
        job.used = {str(key): str(value) for key, value in dict(message["used"]).items()}
        job.session = message["session"] or job.session
        job.exit_status = 0 if message.get("rerun") else int(message["exit_status"])
        job.comment = str(message.get("reason") or job.comment)
        if job.exit_status in RETRY:
            job.substate = PRERUN  # as if it had not been started, also with `-r n`
            self.requeue(job, session=0)
        elif message.get("rerun"):
            self.requeue(job)
        elif job.exit_status == STAGEIN_FAILED:
            self._release(job)
            staging.stagein_failed(self, job, self._state.scale)
        elif message.get("staged_out", True):
            self.complete(job)
        else:
            staging.not_copied(job)
            self.complete(job)
        return {}

    def requeue(self, job: Job, kick: bool = True, session: Optional[int] = None) -> None:
        """Take a job off its nodes and put it back into its queue."""
        self._release(job)
        if job.substate == STARTED and not job.rerunable:
            self.complete(job)
            return
        if job.substate == STARTED:
            self._state.accounting.write("R", job.job_id)
        job.hosts, job.gpus, job.session, job.used = [], [], session, {}
        self.set_state(job, *((HELD, 20) if job.hold != "n" else (QUEUED, 10)))
        if kick:
            self._state.kick("job requeued")

    def _release(self, job: Job) -> None:
        for node in filter(None, (self._state.nodes.get(name) for name, _ in job.hosts)):
            lost = node.loses(job.job_id) and self._state.traps.strikes(LOST_SLOTS)
            node.release(job.job_id, lost)

    def complete(self, job: Job, substate: int = 59) -> None:
        """A job is over; it is shown for `keep_completed` seconds more."""
        ran = job.holds_slots
        self._release(job)
        job.completed = time.time()
        self.set_state(job, COMPLETE, substate)
        if ran and job.exit_status is not None:
            self._state.loop.guard(lambda: self._state.accounting.ended(job))
        self._forget_later(job)
        for told in self.on_end:
            told(job)
        if ran:
            self._state.kick("job ended")

    def _forget_later(self, job: Job) -> None:
        queue = self._state.queues.get(job.queue, {})
        keep = int(queue.get("keep_completed", self._state.number("keep_completed")))
        if keep <= 0:
            self._forget(job)
            return
        left = max(0.0, job.completed + keep - time.time())
        self._state.loop.call_later(left, lambda: self._forget(job))

    def _forget(self, job: Job) -> None:
        if job.state == COMPLETE and self._state.jobs.get(job.job_id) is job:
            del self._state.jobs[job.job_id]
            self._state.save_job(job)
            for told in self.on_forget:
                told(job)

    def purge(self, job: Job) -> None:
        """Forget a job at once, whatever its mom says."""
        if job.holds_slots:
            self.tell_mom(job, {"op": "purge"}, lambda _answer: None)
        self._release(job)
        self.set_state(job, COMPLETE, job.substate)
        for told in self.on_end:
            told(job)
        self._forget(job)
        self._state.kick("job removed")
