"""One job on its first host: joined sisters, prologue, shell, epilogue, delivery, obituary."""

from __future__ import annotations

import os
import signal
import time
from functools import partial
from typing import TYPE_CHECKING, Dict, List, Optional

from . import launch, mom_delivery, mom_end, mom_leave, mom_pelog, pelog
from .loop import Timer
from .mom_join import Joining
from .mom_tasks import kept_sessions
from .mom_use import JobUse
from .mom_watch import Watch
from .processes import kill_session, of_session, signal_session
from .wire import Message

if TYPE_CHECKING:
    from .mom import Mom

OBITUARY_AGAIN_S = 2.0
POLL_S = 0.5


class MomJob:
    """A job whose first host is this mom's. Every step calls the next when it is done."""

    def __init__(self, mom: Mom, order: Message) -> None:
        self.mom = mom
        self.order = order
        self.job_id: str = order["job"]
        self.session = 0
        self.started = time.time()
        self.exit_status: Optional[int] = None
        self.obituary: Optional[Message] = None
        self.rerun = False
        self.purged = False
        self.reason = ""  # why it could not begin, for its comment
        self.tasks: List[int] = []
        self.use = JobUse(mom, order)
        self.task_number = 1
        self._kill_asked = False
        self.watch = Watch(self)
        self._joining: Optional[Joining] = None
        self.timers: List[Timer] = []
        home = mom.home
        self._node_file = home.join("aux", self.job_id)
        self._script = home.join("mom_priv", "jobs", f"{self.job_id}.SC")
        self._record = home.join("mom_priv", "jobs", f"{self.job_id}.JB")
        self.spooled = [home.join("spool", f"{self.job_id}.{end}") for end in ("OU", "ER")]

    # --- starting -------------------------------------------------------------------

    def start(self) -> None:
        """Bring its files and join the sisters, then go on."""
        self.keep()
        self._joining = Joining(self.mom, self.order, self._joined, self._failed)
        self._joining.start()

    def _joined(self) -> None:
        self._cancel_timers()
        try:
            launch.write_files(self.order, self._node_file, self._script)
        except KeyError:
            self.reason = f"no password entry for user {self.order['user']} on {self.mom.name}"
            self.mom.log.write(f"no account {self.order['user']}", "Job", self.job_id)
            self._failed(pelog.NO_ACCOUNT)
            return
        except OSError as error:
            self.mom.log.write(f"cannot write its files: {error}", "Job", self.job_id)
            self._failed(pelog.SISTER_RETRY)
            return
        arguments = pelog.prologue_arguments(self.order, self._script)
        names, output = pelog.PROLOGUES, self.spooled[0]
        mom_pelog.run_all(self.mom, names, self.order, 0, arguments, self._prologues_ended, output)

    def _prologues_ended(self, verdict: int) -> None:
        if self._kill_asked:
            self._failed(256 + signal.SIGTERM)
        elif verdict == pelog.FINE:
            self._launch()
        else:
            self._failed(verdict)

    def _launch(self) -> None:
        account = launch.account_of(self.order["user"])
        environ = launch.environment(
            self.order, account, self._node_file, self.mom.manager_port, self.mom.job_path
        )
        environ["PBS_TM_SOCKET"] = self.mom.tasks.path
        words = (self._script, *self.spooled, self.mom.commands, self.mom.job_starter)
        body = partial(launch.start_shell, self.order, account, environ, *words)
        self.started = time.time()
        self.session = self.mom.children.fork(body, self._shell_ended)
        text = f"job {self.job_id} started, pid = {self.session}"
        self.mom.log.write(text, "Job", "TMomFinalizeJob3", 1)
        self.watch.start()
        self.keep()

    def sessions(self) -> List[int]:
        """Its shell's session, and those of its tasks here."""
        return [session for session in (self.session, *self.tasks) if session]

    def stream(self, number: int) -> str:
        """The file of the job's output (1) or errors (2), which may be joined."""
        joined = {"oe": 0, "eo": 1}.get(self.order["join"], number - 1)
        return self.spooled[joined]

    # --- ending ----------------------------------------------------------------------

    def kill(self, delay_s: float, rerun: bool = False) -> None:
        """End the job: SIGTERM, and after `delay_s` SIGKILL."""
        self.rerun = self.rerun or rerun
        self._kill_asked = True
        if self.running:
            mom_end.terminate(self, delay_s)
        elif self._joining is not None and self._joining.waiting:
            self._failed(256 + signal.SIGTERM)

    def signal(self, number: int) -> None:
        """Send a signal to all processes of the job here."""
        if number == signal.SIGTERM and self.running:
            mom_end.terminate(self, None)
        else:
            self.signal_now(number)

    @property
    def running(self) -> bool:
        """Whether its shell has been started and has not ended."""
        return bool(self.session) and self.exit_status is None and not self.purged

    def signal_now(self, number: int, how: str = "") -> None:
        """Send a signal, whatever it is, with nothing before it."""
        for session in self.sessions():
            for pid in of_session(session):
                text = f"kill_task: killing pid {pid} task 1 {how}with sig {number}"
                self.mom.log.write(text, "Job", self.job_id, 8)
            signal_session(session, number)

    def epilogue_arguments(self, used: Dict[str, str], status: int) -> List[str]:
        """The words after the name of an epilogue."""
        return pelog.epilogue_arguments(self.order, self._script, self.session, used, status)

    def purge(self) -> None:
        """Kill the job without a word to the server."""
        self.purged = True
        self._cancel_timers()
        self.kill_now()
        mom_leave.tell(self.mom, self.order, self.exit_status or 0)
        self._clean()

    def kill_now(self) -> None:
        """Kill all processes of the job here."""
        for session in self.sessions():
            kill_session(session)

    def used(self) -> Dict[str, str]:
        """What the job has used, as TORQUE tells it."""
        wall = int(time.time() - self.started) if self.session else 0
        return self.use.total().told(wall)

    def _shell_ended(self, status: int, cpu_s: float, memory_kb: int) -> None:
        if self.purged:
            return
        status = self.watch.overrun or status
        self.exit_status = status
        self.use.shell_ended(cpu_s, memory_kb)
        self._cancel_timers()
        # What the script left running belongs to the job, and ends with it.
        self.kill_now()
        text = f"scan_for_terminated: job {self.job_id} task 1 terminated, sid={self.session}"
        self.mom.log.write(text, "Job", self.job_id, 128)
        self.mom.log.write("job was terminated", "Job", self.job_id, 8)
        used = self.used()

        def left() -> None:
            if not self.purged:
                self._epilogues(list(pelog.EPILOGUES), used)

        # As with TORQUE: the other hosts' epilogues are over before the first of ours.
        mom_leave.tell(self.mom, self.order, status, left)

    def _epilogues(self, names: List[str], used: Dict[str, str]) -> None:
        if not names:
            self._deliver(used)
            return
        arguments = self.epilogue_arguments(used, self.exit_status or 0)
        output = self.spooled[0]

        def ended(_verdict: int) -> None:
            self._epilogues(names[1:], used)

        mom_pelog.run(self.mom, names[0], self.order, 0, arguments, output, ended)

    def _failed(self, status: int) -> None:
        """The job could not be started."""
        if self.exit_status is None and not self.purged:
            self.exit_status = status
            self._cancel_timers()
            mom_leave.tell(self.mom, self.order, self.exit_status or 0)
            self._bury(self.used())

    def _deliver(self, used: Dict[str, str]) -> None:
        if self.rerun:
            self._bury(used)
        else:
            mom_delivery.deliver(self.mom, self.order, self.spooled, partial(self._bury, used))

    def _bury(self, used: Dict[str, str], staged_out: bool = True) -> None:
        self.obituary = {
            "op": "obit",
            "job": self.job_id,
            "run": self.order["run"],
            "exit_status": self.exit_status,
            "session": self.session,
            "used": used,
            "rerun": self.rerun,
            "staged_out": staged_out,
            "reason": self.reason or (self._joining.reason if self._joining else ""),
        }
        self.keep()
        self.send_obituary()

    def send_obituary(self) -> None:
        """Tell the server that the job has ended, until it has heard it."""
        if self.obituary is not None and not self.purged:
            self.mom.tell_server(self.obituary, self._obituary_sent)

    def _obituary_sent(self, reply: Optional[Message], _: Optional[Exception]) -> None:
        if reply is None or "error" in reply:
            self.mom.loop.call_later(OBITUARY_AGAIN_S, self.send_obituary)
        else:
            self.mom.log.write("obit sent to server", "Job", self.job_id, 128)
            self._clean()
            self.mom.log.write("removed job script", "Job", self.job_id, 128)

    # --- files ------------------------------------------------------------------------

    def keep(self) -> None:
        """Write down what a mom that comes after must know."""
        record = {
            "order": self.order,
            "session": self.session,
            "tasks": self.tasks,
            "started": self.started,
            "obituary": self.obituary,
        }
        self.mom.keep_file(self._record, record)

    def recover(self, record: Message) -> None:
        """Go on with a job of a mom that was here before."""
        self.session, self.started = record["session"], record["started"]
        self.tasks = kept_sessions(record)
        self.obituary = record["obituary"]
        if self.obituary is not None:
            self.exit_status = self.obituary["exit_status"]
            self.send_obituary()
        elif self.session == 0:
            self._failed(pelog.SISTER_RETRY)
        else:
            self.watch.start()
            self._poll()

    def _poll(self) -> None:
        if of_session(self.session):
            self.mom.loop.call_later(POLL_S, self._poll)
        else:
            # It ended while no mom was there to see its exit status; TORQUE says 0 as well.
            self._shell_ended(256 + signal.SIGTERM if self._kill_asked else 0, 0.0, 0)

    def _cancel_timers(self) -> None:
        for timer in self.timers:
            timer.cancel()
        self.timers.clear()
        self.watch.stop()
        if self._joining is not None:
            self._joining.stop()

    def _clean(self) -> None:
        self._cancel_timers()
        self.mom.jobs.pop(self.job_id, None)
        node_files = (self._node_file, f"{self._node_file}gpu")
        for path in (*node_files, self._script, self._record, *self.spooled):
            if os.path.lexists(path):
                os.unlink(path)
