"""One job on its first host: joined sisters, prologue, shell, epilogue, delivery, obituary."""

from __future__ import annotations

import json
import os
import signal
import time
from functools import partial
from typing import TYPE_CHECKING, Callable, Dict, List, Optional, Tuple

from . import launch, mom_delivery, mom_pelog, pelog
from .home import clock, write_file
from .loop import Timer
from .processes import kill_session, of_session, signal_session
from .wire import Message

if TYPE_CHECKING:
    from .mom import Mom

JOIN_AGAIN_S = 300.0
JOIN_LIMIT_S = 600.0
OBITUARY_AGAIN_S = 2.0
NO_ACCOUNT = -1
OVER_WALLTIME = -11
POLL_S = 0.5

Step = Callable[[], None]


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
        self._cpu_s, self._memory_kb = 0.0, 0
        self._kill_asked = False
        self._overrun = False
        self._joining: Dict[str, Tuple[str, int]] = {}
        self._timers: List[Timer] = []
        home = mom.home
        self._node_file = home.join("aux", self.job_id)
        self._script = home.join("mom_priv", "jobs", f"{self.job_id}.SC")
        self._record = home.join("mom_priv", "jobs", f"{self.job_id}.JB")
        self._spooled = [home.join("spool", f"{self.job_id}.{end}") for end in ("OU", "ER")]

    # --- starting -------------------------------------------------------------------

    def start(self) -> None:
        """Join the sisters, then go on."""
        self._keep()
        for name, _, address, port in self.order["hosts"][1:]:
            self._joining[name] = (address, port)
        if not self._joining:
            self._joined()
            return
        self._join()
        limit = self.mom.scaled(JOIN_LIMIT_S)
        self._timers.append(self.mom.loop.call_later(limit, self._join_failed))

    def _join(self) -> None:
        for name, address in list(self._joining.items()):
            folder = self.order["variables"].get("PBS_O_WORKDIR", "")
            order = {**self.order, "script": "", "variables": {"PBS_O_WORKDIR": folder}}
            message = {"op": "join", "job": self.job_id, "order": order}
            self.mom.ask(address, message, partial(self._sister_joined, name), timeout_s=3600)
        again = self.mom.loop.call_later(self.mom.scaled(JOIN_AGAIN_S), self._join)
        self._timers.append(again)

    def _sister_joined(
        self, name: str, reply: Optional[Message], error: Optional[Exception]
    ) -> None:
        if reply is None:
            # TORQUE waits on; the join is asked again, and in the end the job fails.
            self.mom.log.write(f"no answer to JOIN from {name}: {error}", "Job", self.job_id)
            return
        if name not in self._joining or self.exit_status is not None:
            return
        del self._joining[name]
        if reply.get("failed"):
            self._failed(pelog.SISTER_RETRY)
        elif not self._joining:
            self._joined()

    def _join_failed(self) -> None:
        if self._joining and self.exit_status is None:
            self._failed(pelog.SISTER_RETRY)

    def _joined(self) -> None:
        self._cancel_timers()
        try:
            account = launch.account_of(self.order["user"])
        except KeyError:
            self.mom.log.write(f"no account {self.order['user']}", "Job", self.job_id)
            self._failed(NO_ACCOUNT)
            return
        lines = [name for name, count, _, _ in self.order["hosts"] for _ in range(count)]
        write_file(self._node_file, "".join(f"{name}\n" for name in lines), 0o644)
        write_file(self._script, self.order["script"], 0o700)
        if os.geteuid() == 0:
            os.chown(self._script, account.pw_uid, account.pw_gid)
        self._prologue("prologue", lambda: self._prologue("prologue.user", self._launch))

    def _prologue(self, name: str, then: Step) -> None:
        def ended(verdict: int) -> None:
            if self._kill_asked:
                self._failed(256 + signal.SIGTERM)
            elif verdict == pelog.FINE:
                then()
            else:
                self._failed(verdict)

        arguments = pelog.prologue_arguments(self.order, self._script)
        mom_pelog.run(self.mom, name, self.order, 0, arguments, self._spooled[0], ended)

    def _launch(self) -> None:
        account = launch.account_of(self.order["user"])
        environ = launch.environment(
            self.order, account, self._node_file, self.mom.manager_port, self.mom.job_path
        )
        body = partial(
            launch.start_shell, self.order, account, environ, self._script, *self._spooled
        )
        self.started = time.time()
        self.session = self.mom.children.fork(body, self._shell_ended)
        self.mom.log.write(f"job {self.job_id} started, pid = {self.session}", "Job", self.job_id)
        self._watch_walltime()
        self._keep()

    def _watch_walltime(self) -> None:
        limit = self.order["walltime"]
        if limit is not None:
            left = self.started + limit - time.time()
            self._timers.append(self.mom.loop.call_later(max(0.0, left), self._over_walltime))

    def _over_walltime(self) -> None:
        used = f"walltime {int(time.time() - self.started)}"
        text = f"=>> PBS: job killed: {used} exceeded limit {self.order['walltime']}\n"
        mom_delivery.add_error(self.mom, self.order, self._spooled, text)
        self._overrun = True
        self.kill(5)

    # --- ending ----------------------------------------------------------------------

    def kill(self, delay_s: float, rerun: bool = False) -> None:
        """End the job: SIGTERM, and after `delay_s` SIGKILL."""
        self.rerun = self.rerun or rerun
        self._kill_asked = True
        if self.session and self.exit_status is None:
            signal_session(self.session, signal.SIGTERM)
            session = self.session
            timer = self.mom.loop.call_later(delay_s, lambda: kill_session(session))
            self._timers.append(timer)
        elif self._joining:
            self._joining = {}
            self._failed(256 + signal.SIGTERM)

    def signal(self, number: int) -> None:
        """Send a signal to all processes of the job here."""
        if self.session:
            signal_session(self.session, number)

    def purge(self) -> None:
        """Kill the job without a word to the server."""
        self.purged = True
        self._cancel_timers()
        if self.session:
            kill_session(self.session)
        self._tell_sisters()
        self._clean()

    def used(self) -> Dict[str, str]:
        """What the job has used, as TORQUE tells it."""
        wall = int(time.time() - self.started) if self.session else 0
        return {
            "cput": clock(int(self._cpu_s)),
            "vmem": "0kb",
            "walltime": clock(wall),
            "mem": f"{self._memory_kb}kb",
            "energy_used": "0",
        }

    def _shell_ended(self, status: int, cpu_s: float, memory_kb: int) -> None:
        if self.purged:
            return
        status = OVER_WALLTIME if self._overrun else status
        self.exit_status = status
        self._cpu_s, self._memory_kb = cpu_s, memory_kb
        self._cancel_timers()
        # What the script left running belongs to the job, and ends with it.
        kill_session(self.session)
        self.mom.log.write("job was terminated", "Job", self.job_id)
        self._tell_sisters()
        used = self.used()

        def epilogue(name: str, then: Step) -> None:
            arguments = pelog.epilogue_arguments(
                self.order, self._script, self.session, used, status
            )
            output = self._spooled[0]
            mom_pelog.run(self.mom, name, self.order, 0, arguments, output, lambda _: then())

        epilogue("epilogue.user", lambda: epilogue("epilogue", lambda: self._deliver(used)))

    def _failed(self, status: int) -> None:
        """The job could not be started."""
        if self.exit_status is None and not self.purged:
            self.exit_status = status
            self._cancel_timers()
            self._tell_sisters()
            self._bury(self.used())

    def _tell_sisters(self) -> None:
        for _, _, address, port in self.order["hosts"][1:]:
            message = {"op": "end", "job": self.job_id, "status": self.exit_status or 0}
            self.mom.ask((address, port), message, lambda _reply, _error: None)

    def _deliver(self, used: Dict[str, str]) -> None:
        def delivered() -> None:
            self._bury(used)

        if self.rerun:
            delivered()
        else:
            mom_delivery.deliver(self.mom, self.order, self._spooled, delivered)

    def _bury(self, used: Dict[str, str]) -> None:
        self.obituary = {
            "op": "obit",
            "job": self.job_id,
            "run": self.order["run"],
            "exit_status": self.exit_status,
            "session": self.session,
            "used": used,
            "rerun": self.rerun,
        }
        self._keep()
        self.send_obituary()

    def send_obituary(self) -> None:
        """Tell the server that the job has ended, until it has heard it."""
        if self.obituary is not None and not self.purged:
            self.mom.tell_server(self.obituary, self._obituary_sent)

    def _obituary_sent(self, reply: Optional[Message], _: Optional[Exception]) -> None:
        if reply is None or "error" in reply:
            self.mom.loop.call_later(OBITUARY_AGAIN_S, self.send_obituary)
        else:
            self._clean()

    # --- files ------------------------------------------------------------------------

    def _keep(self) -> None:
        record = {
            "order": self.order,
            "session": self.session,
            "started": self.started,
            "obituary": self.obituary,
        }
        write_file(self._record, json.dumps(record), 0o600)

    def recover(self, record: Message) -> None:
        """Go on with a job of a mom that was here before."""
        self.session, self.started = record["session"], record["started"]
        self.obituary = record["obituary"]
        if self.obituary is not None:
            self.exit_status = self.obituary["exit_status"]
            self.send_obituary()
        elif self.session == 0:
            self._failed(pelog.SISTER_RETRY)
        else:
            self._watch_walltime()
            self._poll()

    def _poll(self) -> None:
        if of_session(self.session):
            self.mom.loop.call_later(POLL_S, self._poll)
        else:
            # It ended while no mom was there to see its exit status; TORQUE says 0 as well.
            self._shell_ended(256 + signal.SIGTERM if self._kill_asked else 0, 0.0, 0)

    def _cancel_timers(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def _clean(self) -> None:
        self._cancel_timers()
        self.mom.jobs.pop(self.job_id, None)
        for path in (self._node_file, self._script, self._record, *self._spooled):
            if os.path.lexists(path):
                os.unlink(path)
