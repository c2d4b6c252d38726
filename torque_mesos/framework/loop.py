"""The loop: one thread owns all state. Messages in, a snapshot, a plan, its actions."""

from __future__ import annotations

import enum
import functools
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from torque_mesos.batch.base import BatchError, BatchServer
from torque_mesos.decide import Memory, Plan, Policy, Snapshot, decide
from torque_mesos.decide.budget import Spending
from torque_mesos.decide.reason import HOPELESS
from torque_mesos.framework.execute import Executor
from torque_mesos.framework.false_starts import FalseStarts, Holder
from torque_mesos.framework.inbox import Deleted, Inbox, MasterRead, Message, QueueChanged, Stop
from torque_mesos.framework.poller import MasterPoller
from torque_mesos.framework.spending import SpendingFile
from torque_mesos.framework.view import View
from torque_mesos.mesos import base as mesos
from torque_mesos.mesos.base import MesosError, MesosLink
from torque_mesos.model import Reading, TaskState

_log = structlog.get_logger(__name__)
_IDLE_S = 60.0  # a turn at least this often
_RECONCILE_S = 300.0
_UNRECONCILED_S = 10.0  # while tasks are not heard of, ask again so often
_NOTHING_NEW = frozenset({TaskState.STAGING, TaskState.STARTING, TaskState.KILLING})
_HURRY_S = 0.02  # after a change of ours, look again so soon ...
_HURRIES = 25  # ... so many times in a row, then once a second


class Exit(enum.IntEnum):
    """How a service ends; also the exit code of `torque-mesos run`."""

    STOPPED = 0
    REMOVED = 5
    TAKEN_OVER = 6
    REJECTED = 7


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds between looks at what nobody tells us of."""

    poll_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Published:
    """What a turn leaves for readers. Immutable."""

    at_s: float
    wall_s: float
    snapshot: Snapshot
    plan: Plan
    framework_id: str | None
    master: str | None
    connected: bool
    server_error: str | None
    action_errors: tuple[str, ...]
    turns: int
    turn_errors: int
    last_turn_error: str | None
    turn_s: float


class Loop:
    """The running service's thread. `run` is its life."""

    def __init__(
        self,
        *,
        server: BatchServer,
        make_link: Callable[[str | None], MesosLink],
        remember_id: Callable[[str | None], None],
        framework_id: str | None,
        executor: Executor,
        view: View,
        policy: Policy,
        inbox: Inbox,
        poller: MasterPoller,
        publish: Callable[[Published], None],
        journal: Callable[[Published], None],
        timing: Timing,
        spending: SpendingFile | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._server = server
        self._make_link = make_link
        self._remember_id = remember_id
        self._link = make_link(framework_id)
        self._executor = executor
        self._view = view
        self._policy = policy
        self._inbox = inbox
        self._poller = poller
        self._publish = publish
        self._journal = journal
        self._timing = timing
        self._clock = clock
        self._spending = spending
        self._memory = Memory(spending=spending.read() if spending else Spending())
        self._reading: Reading | None = None
        self._server_error: str | None = None
        self._errors: tuple[str, ...] = ()
        self._read_due_s = float("-inf")
        self._due_s = float("-inf")
        self._reconcile_due_s = float("inf")
        self._hurries = 0
        self._turns = self._turn_errors = 0
        self._last_turn_error: str | None = None
        self._exit: Exit | None = None
        self._removed_s: list[float] = []
        self._unremembered: str | None = None
        self._id_error: str | None = None
        self._false_starts = FalseStarts(server) if isinstance(server, Holder) else None
        self._hopeless: set[str] = set()  # jobs of which it was told that they can never run

    def run(self) -> Exit:
        """Work until told to stop, or until Mesos ends the framework for good."""
        self.start()
        try:
            while self._exit is None:
                due_s = min(self._due_s, self._read_due_s, self._reconcile_due_s)
                self.step(min(_IDLE_S, due_s - self._clock()))
        finally:
            self._keep_spending(now=True)
            self._link.stop()
            self._executor.close()
        return self._exit

    def start(self) -> None:
        """Connect with the master."""
        self._link.start()

    def step(self, timeout_s: float = 0.0) -> None:
        """Wait for messages up to `timeout_s`, then a turn. An error in it is logged and
        counted; the loop lives on."""
        messages = self._inbox.drain(timeout_s)
        self._turns += 1
        for message in messages:
            self._survive(functools.partial(self._take, message))
        if self._exit is None:
            self._survive(self._turn)

    def _survive(self, step: Callable[[], None]) -> None:
        """Do something; an error in it is logged and counted."""
        try:
            step()
        except Exception as error:  # noqa: BLE001
            self._turn_errors += 1
            self._last_turn_error = f"{type(error).__name__}: {error}"
            self._due_s = self._clock() + 1.0
            _log.exception("a turn failed")

    # -- messages --------------------------------------------------------------

    def _take(self, message: Message) -> None:
        now_s = self._clock()
        view = self._view
        if isinstance(message, mesos.Offers):
            view.offers.update({offer.offer_id: offer for offer in message.offers})
        elif isinstance(message, mesos.Rescinded):
            view.offers.pop(message.offer_id, None)
        elif isinstance(message, mesos.InverseOffers):
            view.inverse_offers.update({each.offer_id: each for each in message.offers})
        elif isinstance(message, mesos.InverseRescinded):
            view.inverse_offers.pop(message.offer_id, None)
        elif isinstance(message, mesos.TaskStatus):
            _log.info(
                "task",
                task=message.task_id,
                state=message.state.name,
                reason=message.reason,
                message=message.message,
            )
            view.status(message, now_s)
            if message.state not in _NOTHING_NEW:
                self._read_due_s = now_s
        elif isinstance(message, mesos.ExecutorLost):
            view.executor_lost(message.executor_id, message.agent_id)
        elif isinstance(message, MasterRead):
            view.agents = message.agents
            if message.task_ids is not None:
                view.await_tasks(message.task_ids)
                self._reconcile(now_s)
        elif isinstance(message, QueueChanged):
            self._read_due_s = now_s
        elif isinstance(message, mesos.Subscribed):
            self._subscribed(message, now_s)
        elif isinstance(message, mesos.Disconnected):
            _log.warning("disconnected from the master", reason=message.reason)
            view.disconnected()
        elif isinstance(message, mesos.AgentLost):
            _log.warning("an agent is lost", agent=message.agent_id)
            self._poller.poke(self._link, None)
        elif isinstance(message, mesos.Ended):
            self._ended(message, now_s)
        elif isinstance(message, mesos.Malformed):
            _log.error("an event could not be read", error=message.message)
        elif isinstance(message, Deleted):
            self._executor.deletion_over(message.name)
            self._read_due_s = now_s
            if message.error:
                _log.warning("a record was not deleted", node=message.name, error=message.error)
        elif isinstance(message, Stop):
            _log.info("stopping", why=message.why)
            self._exit = Exit.STOPPED

    def _subscribed(self, event: mesos.Subscribed, now_s: float) -> None:
        _log.info("subscribed", framework=event.framework_id, master=event.master)
        self._view.subscribed(event)
        self._unremembered = event.framework_id
        self._poller.poke(self._link, event.framework_id)
        self._reconcile_due_s = now_s + _UNRECONCILED_S

    def _reconcile(self, now_s: float) -> None:
        """Ask for all tasks that the master has, and for each that we think it has."""
        ready = self._view.reconciled
        self._reconcile_due_s = now_s + (_RECONCILE_S if ready else _UNRECONCILED_S)
        try:
            self._link.reconcile()
            if tasks := [(key, task.agent_id or None) for key, task in self._view.tasks.items()]:
                self._link.reconcile(tasks)
        except MesosError as error:
            _log.warning("no reconciliation", error=str(error))

    def _ended(self, event: mesos.Ended, now_s: float) -> None:
        _log.error("Mesos has ended the framework", cause=event.cause.value, error=event.message)
        self._view.disconnected()
        if event.cause is mesos.EndCause.TAKEN_OVER:
            self._exit = Exit.TAKEN_OVER
            return
        if event.cause is mesos.EndCause.REJECTED:
            self._exit = Exit.REJECTED
            return
        # The id is void and its tasks are gone: become a new framework, but not for ever.
        self._remember_id(None)
        self._removed_s = [at for at in self._removed_s if now_s - at < 3600.0] + [now_s]
        if len(self._removed_s) > 3:
            self._exit = Exit.REMOVED
            return
        self._view.tasks.clear()
        self._link.stop()
        self._link = self._make_link(None)
        self._link.start()

    # -- a turn ------------------------------------------------------------------

    def _turn(self) -> None:
        started_s = self._clock()
        self._view.forget_ended(started_s)
        self._remember()
        if started_s >= self._reconcile_due_s and self._view.connected:
            self._reconcile_due_s = started_s + _UNRECONCILED_S
            self._poller.poke(self._link, self._view.framework_id)
        fresh = started_s >= self._read_due_s or started_s >= self._due_s
        if fresh:
            self._read()
        snapshot, plan = self._decide(fresh)
        if plan.wants_fresh and not fresh:
            self._read()
            snapshot, plan = self._decide(True)
        self._memory = plan.memory
        self._keep_spending()
        self._carry_out(plan)
        self._tidy_strangers()
        self._tell(snapshot, plan, started_s)

    def _keep_spending(self, *, now: bool = False) -> None:
        if self._spending is not None:
            self._spending.keep(self._memory.spending, now=now)

    def _remember(self) -> None:
        """Write the framework's id down. Until that is done, nothing is changed."""
        if self._unremembered is None:
            return
        try:
            self._remember_id(self._unremembered)
        except OSError as error:
            if self._id_error is None:
                _log.error("the framework id cannot be written", error=str(error))
            self._id_error = f"the framework id cannot be written: {error}"
            return
        self._unremembered = self._id_error = None

    def _read(self) -> None:
        now_s = self._clock()
        try:
            self._reading = self._server.read()
        except BatchError as error:
            if self._server_error is None:
                _log.error("the batch server cannot be read", error=str(error))
            self._reading, self._server_error = None, str(error)
            self._read_due_s = now_s + 1.0
            return
        if self._server_error is not None:
            _log.info("the batch server can be read again")
        for problem in self._reading.problems:
            _log.warning("a record was left out", problem=problem)
        self._server_error = None
        self._read_due_s = now_s + self._timing.poll_s
        if self._false_starts is not None:
            self._false_starts.look(self._reading.jobs, now_s)

    def _decide(self, fresh: bool) -> tuple[Snapshot, Plan]:
        now_s = self._clock()
        workers, extra = self._view.workers()
        for task in extra:
            _log.error("a second mom on one host", task=str(task.id), state=task.state.name)
        for agent_id, message in self._view.failed:
            _log.warning("a mom failed", agent=agent_id, message=message)
            self._memory = self._memory.with_failure(agent_id, now_s, message)
        self._view.failed.clear()
        snapshot = Snapshot(
            now_s=now_s,
            reading=self._reading,
            fresh=fresh and self._reading is not None,
            mesos_ready=self._view.reconciled and self._unremembered is None,
            agents=self._view.agents,
            offers=tuple(self._view.offers.values()),
            inverse_offers=tuple(self._view.inverse_offers.values()),
            workers=workers,
            suppressed=self._view.suppressed,
            memory=self._memory,
            wall_s=time.time(),
            offset_s=float(time.localtime().tm_gmtoff),
        )
        return snapshot, decide(snapshot, self._policy)

    def _carry_out(self, plan: Plan) -> None:
        now_s = self._clock()
        for action in plan.actions:
            _log.info("plan", action=type(action).__name__, **_fields(action))
        outcome = self._executor.carry_out(plan, self._link, now_s)
        self._errors = (*((self._id_error,) if self._id_error else ()), *outcome.errors)
        if outcome.reconcile:
            self._reconcile_due_s = now_s
        due = [plan.again_s, self._view.next_due_s()]
        if self._id_error is not None:
            due.append(now_s + 1.0)
        self._due_s = min((at for at in due if at is not None), default=float("inf"))
        if outcome.changed:
            self._hurries += 1
            pause_s = _HURRY_S if self._hurries < _HURRIES else 1.0
            self._read_due_s = min(self._read_due_s, self._clock() + pause_s)
        else:
            self._hurries = 0
        if self._due_s <= self._clock():
            self._due_s = self._clock() + _HURRY_S

    def _tidy_strangers(self) -> None:
        """End tasks of our framework that no version of this software can have made."""
        while self._view.strangers:
            task_id, agent_id = self._view.strangers.pop()
            try:
                self._link.kill(task_id, agent_id)
            except MesosError as error:
                _log.warning("a stray task was not ended", task=task_id, error=str(error))

    def _tell_hopeless(self, plan: Plan) -> None:
        """Say once of each job that can never run that it is so."""
        found = {job for job, reason in plan.jobs.items() if reason.code in HOPELESS}
        for job in sorted(found - self._hopeless):
            _log.warning("a job can never run", job=job, reason=str(plan.jobs[job]))
        self._hopeless = (self._hopeless & plan.jobs.keys()) | found

    def _tell(self, snapshot: Snapshot, plan: Plan, started_s: float) -> None:
        self._tell_hopeless(plan)
        published = Published(
            at_s=snapshot.now_s,
            wall_s=time.time(),
            snapshot=snapshot,
            plan=plan,
            framework_id=self._view.framework_id,
            master=self._view.master,
            connected=self._view.connected,
            server_error=self._server_error,
            action_errors=self._errors,
            turns=self._turns,
            turn_errors=self._turn_errors,
            last_turn_error=self._last_turn_error,
            turn_s=self._clock() - started_s,
        )
        self._publish(published)
        if plan.actions:
            self._journal(published)


def _fields(action: object) -> dict[str, object]:
    """An action's fields for the log."""
    names = getattr(type(action), "__slots__", ())
    return {
        name: str(value) if name == "reason" else value
        for name in names
        if name not in ("properties", "resources", "task_ids", "offer_ids")
        for value in [getattr(action, name)]
    }
