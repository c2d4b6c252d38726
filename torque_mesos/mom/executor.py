"""The executor: one worker. Its tasks are grants, which all stand for one mom.

    no mom --first LAUNCH--> starting --mom is ready--> running --last KILL--> ending
                                `------------- mom died, SHUTDOWN --------------^

One thread owns everything here. Messages come from the link's thread and from signal
handlers through the inbox.

A grant's states: TASK_STARTING at once; TASK_RUNNING when the mom is ready;
TASK_KILLED when it was killed (the mom goes with the last one); TASK_FAILED when the
mom cannot be started, does not get ready, hangs without a job, or dies. When no grant is
left the executor ends, as soon as the agent has acknowledged all.

**Without its agent** (checkpointing): mom and jobs go on. Mesos wants an executor to
end itself when the agent is not back within MESOS_RECOVERY_TIMEOUT. By then the master
has told the framework that the worker is lost, so no new job is sent to it; but jobs
that run there are known to the batch server, are well, and would be destroyed. So after
that time the executor ends as soon as there is no job, and not before. An agent that
comes back meanwhile takes it over again; nobody else can be given these resources, for
only that agent could offer them.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Dict, List, Optional, Set

from torque_mesos.mom import pelog
from torque_mesos.mom.driver import (
    Acknowledged,
    AgentLink,
    ChildEnded,
    Disconnected,
    GuardLost,
    Kill,
    Launch,
    LinkEnded,
    Message,
    Shutdown,
    Subscribed,
    Told,
)
from torque_mesos.mom.home import HomeError, make_home
from torque_mesos.mom.names import KnownNames
from torque_mesos.mom.openpbs import mom_of
from torque_mesos.mom.probe import Probe
from torque_mesos.mom.process import Mom, port_holder
from torque_mesos.mom.programs import MomError
from torque_mesos.mom.settings import MomSettings, SettingsError
from torque_mesos.mom.users import AskedUsers, UsersError

POLL_STARTING_S = 0.004
POLL_LATE_S = 0.05
TICK_S = 1.0
FIRST_TASK_TIMEOUT_S = 60.0
PORT_WAIT_S = 1.0
LAST_ACK_TIMEOUT_S = 5.0
LAST_ACK_TIMEOUT_SHUTDOWN_S = 1.0
LOST_CHECK_S = 5.0

log = logging.getLogger(__name__)


class Executor:
    """A worker. `delivery` is the folder with all that came with the executor."""

    def __init__(
        self, link: AgentLink, inbox: SimpleQueue[Message], sandbox: Path, delivery: Path
    ) -> None:
        self._link = link
        self._inbox = inbox
        self._sandbox = sandbox
        self._delivery = delivery
        self._settings: Optional[MomSettings] = None
        self._settings_error = "no settings"
        self._names = KnownNames()
        self._users = AskedUsers()
        self._mom: Optional[Mom] = None
        self._ready = False
        self._probe = Probe()
        self._restarts = 0
        self._grants: Dict[str, str] = {}
        self._known: Set[str] = set()
        self._ending = False
        self._shutdown = False
        self._failed = False
        self._lost_since_s: Optional[float] = None
        self._lost_checked_s = 0.0
        self._begin_s = time.monotonic()

    def run(self) -> int:
        """Serve until no grant is left; the process' exit status."""
        while not self._ending:
            for message in self._messages(self._wait_s()):
                self._handle(message)
                if self._ending:
                    break
            else:
                self._tick(time.monotonic())
        self._wait_for_acknowledgements()
        return int(self._failed)

    # --- messages

    def _messages(self, timeout_s: float) -> List[Message]:
        messages: List[Message] = []
        try:
            messages.append(self._inbox.get(timeout=timeout_s))
            while True:
                messages.append(self._inbox.get_nowait())
        except Empty:
            return messages

    def _wait_s(self) -> float:
        if self._mom is None or self._ready:
            return TICK_S
        fast = time.monotonic() - self._mom.started_s < 1.0
        return POLL_STARTING_S if fast else POLL_LATE_S

    def _handle(self, message: Message) -> None:
        if isinstance(message, Subscribed):
            self._subscribed(message.data)
        elif isinstance(message, Launch):
            self._told(message.data)
            self._launch(message.task_id)
        elif isinstance(message, Told):
            if self._told(message.data):
                self._answer()
        elif isinstance(message, Kill):
            self._kill(message.task_id)
        elif isinstance(message, Shutdown):
            log.info("shutting down: %s", message.reason)
            self._shutdown = True
            self._end("TASK_KILLED", message.reason)
        elif isinstance(message, GuardLost):
            self._guard_lost()
        elif isinstance(message, ChildEnded):
            self._child_ended()
        elif isinstance(message, Disconnected):
            self._disconnected()
        elif isinstance(message, LinkEnded):
            self._link_ended()
        else:
            assert isinstance(message, Acknowledged)

    def _subscribed(self, data: str) -> None:
        if self._lost_since_s is not None:
            log.info("the agent is back after %.1f s", time.monotonic() - self._lost_since_s)
        self._lost_since_s = None
        self._link.send_pending()
        if self._settings is None:
            try:
                self._settings = MomSettings.from_data(data)
            except SettingsError as error:
                self._settings_error = str(error)

    def _told(self, data: str) -> bool:
        """Take what the framework tells; whether it is to be answered."""
        self._names.told(self._settings, data)
        try:
            asked = self._users.told(data)
        except UsersError as error:
            log.error("users: %s", error)
            return False
        self._link.data = self._users.answer
        return asked

    def _answer(self) -> None:
        """Send the state of a grant again, with what has changed."""
        self._link.data = self._users.answer
        for task_id, state in list(self._grants.items())[:1]:
            self._link.update(task_id, state, "users were looked for")

    def _launch(self, task_id: str) -> None:
        if task_id in self._known:
            return  # told again after a reconnect
        self._known.add(task_id)
        self._grants[task_id] = "TASK_STARTING"
        self._link.update(task_id, "TASK_STARTING", "")
        if self._mom is None:
            self._start_mom()
        elif self._ready:
            self._set(task_id, "TASK_RUNNING", f"pbs_mom {self._mom.pid} is ready already")

    def _kill(self, task_id: str) -> None:
        if task_id not in self._grants:
            log.warning("asked to kill %s, which is not here", task_id)
        elif len(self._grants) > 1:
            self._set(task_id, "TASK_KILLED", "the mom goes on with other grants")
            del self._grants[task_id]
        else:
            log.info("the last grant is killed")
            self._end("TASK_KILLED", "")

    def _child_ended(self) -> None:
        if self._mom is None:
            return
        self._mom.reap()
        if self._mom.pid is None:
            self._fail(self._mom.ending())

    def _guard_lost(self) -> None:
        # Not a shutdown: a job that were ended in order would be complete for its server,
        # though nobody asked for its end. So there must be no mom to tell of it.
        self._shutdown = True
        if self._mom is not None:
            self._mom.kill()
        self._fail("the executor's guard was killed")

    def _disconnected(self) -> None:
        if not self._link.checkpoint:
            self._handle(Shutdown("the agent is gone, and checkpointing is off"))
        elif self._lost_since_s is None:
            log.warning("the agent is gone; mom and jobs go on")
            self._lost_since_s = time.monotonic()

    def _link_ended(self) -> None:
        self._disconnected()
        if not self._ending:
            self._link.start()

    # --- the mom

    def _start_mom(self) -> None:
        if self._settings is None:
            self._fail(f"ExecutorInfo.data: {self._settings_error}")
            return
        try:
            home = make_home(self._settings, self._sandbox, self._delivery)
            self._check_ports()
            mom = mom_of(self._settings, home, self._delivery)
            mom.start()
        except (HomeError, MomError) as error:
            self._fail(str(error))
            return
        self._mom = mom
        log.info("started pbs_mom, pid %s: %s", mom.pid, " ".join(mom.command()))

    def _check_ports(self) -> None:
        """There may be one mom of ours on a host. What was there may be just ending."""
        assert self._settings is not None
        deadline_s = time.monotonic() + PORT_WAIT_S
        while True:
            holder = port_holder(self._settings)
            if holder is None:
                return
            if time.monotonic() > deadline_s:
                raise MomError(f"there is a mom on this host already: {holder}")
            time.sleep(0.05)

    def _tick(self, now_s: float) -> None:
        if self._link.has_unsent() and self._lost_since_s is None:
            self._link.send_pending()
        if self._mom is not None and not self._ready:
            self._watch_start(self._mom, now_s)
        elif self._mom is not None and self._probe.hangs(self._mom, now_s):
            self._fail("pbs_mom hangs: it did not answer momctl, and it has no job")
            return
        if self._users.changed(now_s):
            self._answer()
        if self._lost_since_s is not None:
            self._watch_loss(now_s)
        if not self._known and now_s - self._begin_s > FIRST_TASK_TIMEOUT_S:
            log.warning("no task within %g s", FIRST_TASK_TIMEOUT_S)
            self._ending = True

    def _watch_start(self, mom: Mom, now_s: float) -> None:
        assert self._settings is not None
        if mom.is_ready():
            self._ready = True
            text = f"pbs_mom {mom.pid} was ready after {(now_s - mom.started_s) * 1000:.0f} ms"
            log.info("%s", text)
            for task_id in self._grants:
                self._set(task_id, "TASK_RUNNING", text)
            return
        allowed_s = self._settings.ready_timeout_s * 2**self._restarts
        if now_s - mom.started_s < allowed_s or mom.home.jobs():
            return
        if self._restarts == self._settings.ready_restarts:
            text = f"not ready within {allowed_s:g} s, after {self._restarts} restarts"
            self._fail(f"{text}; {mom.ending()}")
            return
        self._restarts += 1
        log.warning("pbs_mom was not ready within %g s: restart %d", allowed_s, self._restarts)
        mom.terminate()
        try:
            mom.start()
        except MomError as error:
            self._fail(str(error))

    def _watch_loss(self, now_s: float) -> None:
        assert self._lost_since_s is not None
        if now_s - self._lost_since_s < self._link.recovery_timeout_s:
            return
        if now_s - self._lost_checked_s < LOST_CHECK_S:
            return
        self._lost_checked_s = now_s
        if self._mom is not None:
            from torque_mesos.mom.jobs import has_jobs

            if has_jobs(self._mom):
                log.info("the agent did not come back, but a job is still there")
                return
        self._shutdown = True
        self._end("TASK_KILLED", "the agent did not come back, and there is no job")

    # --- the end

    def _set(self, task_id: str, state: str, message: str) -> None:
        self._grants[task_id] = state
        self._link.update(task_id, state, message)

    def _fail(self, message: str) -> None:
        log.error("%s", message)
        self._failed = True
        self._end("TASK_FAILED", message)

    def _end(self, state: str, message: str) -> None:
        """End jobs, then the mom, then every grant."""
        self._ending = True
        if self._mom is not None:
            self._end_mom(self._mom)
        self._names.forget()
        for task_id in list(self._grants):
            self._set(task_id, state, message)
        self._grants.clear()

    def _end_mom(self, mom: Mom) -> None:
        # In this order: a mom that is stopped first would leave its jobs alone.
        from torque_mesos.mom.jobs import end_jobs, has_jobs, kill_all

        assert self._settings is not None
        if mom.pid is None:
            # Nobody is left to report them, so they are lost: the truth must not wait.
            kill_all(mom)
        else:
            if has_jobs(mom):
                end_jobs(mom, self._settings.stop_grace_s, log.info)
            mom.stop()
            kill_all(mom)
        pelog.clear(mom.home.path)

    def _wait_for_acknowledgements(self) -> None:
        limit_s = LAST_ACK_TIMEOUT_SHUTDOWN_S if self._shutdown else LAST_ACK_TIMEOUT_S
        connected_s = time.monotonic()
        while self._link.has_pending():
            for message in self._messages(0.05):
                if isinstance(message, Subscribed):
                    connected_s = time.monotonic()
                    self._subscribed(message.data)
                elif isinstance(message, Launch) and message.task_id not in self._known:
                    self._known.add(message.task_id)
                    self._link.update(message.task_id, "TASK_FAILED", "the executor is ending")
                elif isinstance(message, Shutdown):
                    limit_s = LAST_ACK_TIMEOUT_SHUTDOWN_S
                elif isinstance(message, (Disconnected, LinkEnded)):
                    self._late(message)
            now_s = time.monotonic()
            if self._lost_since_s is None:
                self._link.send_pending()
                if now_s - connected_s > limit_s:
                    log.error("ending with updates that the agent did not acknowledge")
                    return
            elif self._shutdown or now_s - self._lost_since_s > self._link.recovery_timeout_s:
                return

    def _late(self, message: Message) -> None:
        if self._link.checkpoint and self._lost_since_s is None:
            self._lost_since_s = time.monotonic()
        if isinstance(message, LinkEnded):
            self._link.start()
