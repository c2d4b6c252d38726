"""The loop: one thread owns all state. Messages in, a snapshot, a plan, its actions."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from torque_mesos.batch.base import BatchServer
from torque_mesos.decide import Memory, Plan, Policy, Snapshot, decide
from torque_mesos.decide.budget import Spending
from torque_mesos.decide.reason import HOPELESS
from torque_mesos.framework.execute import Executor
from torque_mesos.framework.exit import Exit
from torque_mesos.framework.inbox import Deleted, Inbox, Message, QueueChanged, Stop
from torque_mesos.framework.poller import MasterPoller
from torque_mesos.framework.published import Published
from torque_mesos.framework.reader import ServerReader
from torque_mesos.framework.spending import SpendingFile
from torque_mesos.framework.subscription import Subscription
from torque_mesos.framework.unknown_users import UnknownUsers
from torque_mesos.framework.view import View
from torque_mesos.mesos.base import MesosLink, TaskStatus
from torque_mesos.model import TaskState

_log = structlog.get_logger(__name__)
_IDLE_S = 60.0  # a turn at least this often
_NOTHING_NEW = frozenset({TaskState.STAGING, TaskState.STARTING, TaskState.KILLING})
_AGAIN_S = 0.02  # a turn that is due at once comes after this


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds between looks at what nobody tells us of."""

    poll_s: float = 5.0


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
        unknown_users: UnknownUsers | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._reader = ServerReader(server, timing.poll_s, unknown_users)
        self._mesos = Subscription(view, poller, make_link, remember_id, framework_id)
        self._executor = executor
        self._view = view
        self._policy = policy
        self._inbox = inbox
        self._publish = publish
        self._journal = journal
        self._clock = clock
        self._spending = spending
        self._memory = Memory(spending=spending.read() if spending else Spending())
        self._errors: tuple[str, ...] = ()
        self._due_s = float("-inf")
        self._turns = self._turn_errors = 0
        self._last_turn_error: str | None = None
        self._exit: Exit | None = None
        self._hopeless: set[str] = set()  # jobs of which it was told that they can never run

    def run(self) -> Exit:
        """Work until told to stop, or until Mesos ends the framework for good."""
        self.start()
        try:
            while self._exit is None:
                due_s = min(self._due_s, self._reader.due_s, self._mesos.reconcile_due_s)
                self.step(min(_IDLE_S, due_s - self._clock()))
        finally:
            self._keep_spending(now=True)
            self._mesos.link.stop()
            self._executor.close()
        return self._exit

    def start(self) -> None:
        """Connect with the master."""
        self._mesos.link.start()

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

    def _take(self, message: Message) -> None:
        now_s = self._clock()
        if isinstance(message, QueueChanged):
            self._reader.due_s = now_s
        elif isinstance(message, Deleted):
            self._executor.deletion_over(message.name)
            self._reader.due_s = now_s
            if message.error:
                _log.warning("a record was not deleted", node=message.name, error=message.error)
        elif isinstance(message, Stop):
            _log.info("stopping", why=message.why)
            self._exit = Exit.STOPPED
        else:
            ended = self._mesos.take(message, now_s)
            if ended is not None:
                self._exit = ended
            if isinstance(message, TaskStatus) and message.state not in _NOTHING_NEW:
                self._reader.due_s = now_s

    # -- a turn ------------------------------------------------------------------

    def _turn(self) -> None:
        started_s = self._clock()
        self._view.forget_ended(started_s)
        self._mesos.remember()
        self._mesos.look_after(started_s)
        fresh = started_s >= self._reader.due_s or started_s >= self._due_s
        if fresh:
            self._reader.read(self._clock())
        snapshot, plan = self._decide(fresh)
        if plan.wants_fresh and not fresh:
            self._reader.read(self._clock())
            snapshot, plan = self._decide(True)
        self._memory = plan.memory
        self._keep_spending()
        self._carry_out(plan)
        self._mesos.end_strangers()
        self._tell(snapshot, plan, started_s)

    def _keep_spending(self, *, now: bool = False) -> None:
        if self._spending is not None:
            self._spending.keep(self._memory.spending, now=now)

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
            reading=self._reader.reading,
            fresh=fresh and self._reader.reading is not None,
            mesos_ready=self._mesos.ready,
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
        outcome = self._executor.carry_out(plan, self._mesos.link, now_s)
        id_error = self._mesos.id_error
        self._errors = (*((id_error,) if id_error else ()), *outcome.errors)
        if outcome.reconcile:
            self._mesos.reconcile_due_s = now_s
        due = [plan.again_s, self._view.next_due_s(), now_s + 1.0 if id_error else None]
        self._due_s = min((at for at in due if at is not None), default=float("inf"))
        self._reader.acted(self._clock(), changed=outcome.changed)
        if self._due_s <= self._clock():
            self._due_s = self._clock() + _AGAIN_S

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
            server_error=self._reader.error,
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
