"""Our side of the subscription with Mesos: its events, the framework's id, reconciliation."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from torque_mesos.framework.exit import Exit
from torque_mesos.framework.inbox import MasterRead
from torque_mesos.framework.poller import MasterPoller
from torque_mesos.framework.view import View
from torque_mesos.mesos import base as mesos
from torque_mesos.mesos.base import MesosError, MesosLink

_log = structlog.get_logger(__name__)
_RECONCILE_S = 300.0
_UNRECONCILED_S = 10.0  # while tasks are not heard of, ask again so often
_NEW_FRAMEWORKS = 3  # so many in an hour at most


class Subscription:
    """The link with the master, and what its events change in the view. For the loop's thread.

    `id_error`: why the framework's id could not be written down, None where it is.
    """

    def __init__(
        self,
        view: View,
        poller: MasterPoller,
        make_link: Callable[[str | None], MesosLink],
        remember_id: Callable[[str | None], None],
        framework_id: str | None,
    ) -> None:
        self._view = view
        self._poller = poller
        self._make_link = make_link
        self._remember_id = remember_id
        self._unremembered: str | None = None
        self._removed_s: list[float] = []
        self.link = make_link(framework_id)
        self.id_error: str | None = None
        self.reconcile_due_s = float("inf")

    @property
    def ready(self) -> bool:
        """Whether all tasks of ours are known, and the framework's id is written down."""
        return self._view.reconciled and self._unremembered is None

    def take(self, event: mesos.Event | MasterRead, now_s: float) -> Exit | None:
        """Bring the view up to date; tells whether, and how, that ends the service."""
        view = self._view
        if isinstance(event, mesos.Offers):
            view.offers.update({offer.offer_id: offer for offer in event.offers})
        elif isinstance(event, mesos.Rescinded):
            view.offers.pop(event.offer_id, None)
        elif isinstance(event, mesos.InverseOffers):
            view.inverse_offers.update({each.offer_id: each for each in event.offers})
        elif isinstance(event, mesos.InverseRescinded):
            view.inverse_offers.pop(event.offer_id, None)
        elif isinstance(event, mesos.TaskStatus):
            _log.info(
                "task",
                task=event.task_id,
                state=event.state.name,
                reason=event.reason,
                message=event.message,
            )
            view.status(event, now_s)
        elif isinstance(event, mesos.ExecutorLost):
            view.executor_lost(event.executor_id, event.agent_id)
        elif isinstance(event, MasterRead):
            view.agents = event.agents
            if event.task_ids is not None:
                view.await_tasks(event.task_ids)
                self._reconcile(now_s)
        elif isinstance(event, mesos.Subscribed):
            self._subscribed(event, now_s)
        elif isinstance(event, mesos.Disconnected):
            _log.warning("disconnected from the master", reason=event.reason)
            view.disconnected()
        elif isinstance(event, mesos.AgentLost):
            _log.warning("an agent is lost", agent=event.agent_id)
            self._poller.poke(self.link, None)
        elif isinstance(event, mesos.Ended):
            return self._ended(event, now_s)
        elif isinstance(event, mesos.Malformed):
            _log.error("an event could not be read", error=event.message)
        return None

    def _subscribed(self, event: mesos.Subscribed, now_s: float) -> None:
        _log.info("subscribed", framework=event.framework_id, master=event.master)
        self._view.subscribed(event)
        self._unremembered = event.framework_id
        self._poller.poke(self.link, event.framework_id)
        self.reconcile_due_s = now_s + _UNRECONCILED_S

    def _reconcile(self, now_s: float) -> None:
        """Ask for all tasks that the master has, and for each that we think it has."""
        ready = self._view.reconciled
        self.reconcile_due_s = now_s + (_RECONCILE_S if ready else _UNRECONCILED_S)
        try:
            self.link.reconcile()
            if tasks := [(key, task.agent_id or None) for key, task in self._view.tasks.items()]:
                self.link.reconcile(tasks)
        except MesosError as error:
            _log.warning("no reconciliation", error=str(error))

    def _ended(self, event: mesos.Ended, now_s: float) -> Exit | None:
        _log.error("Mesos has ended the framework", cause=event.cause.value, error=event.message)
        self._view.disconnected()
        if event.cause is mesos.EndCause.TAKEN_OVER:
            return Exit.TAKEN_OVER
        if event.cause is mesos.EndCause.REJECTED:
            return Exit.REJECTED
        # The id is void and its tasks are gone: become a new framework, but not for ever.
        self._remember_id(None)
        self._removed_s = [at for at in self._removed_s if now_s - at < 3600.0] + [now_s]
        if len(self._removed_s) > _NEW_FRAMEWORKS:
            return Exit.REMOVED
        self._view.tasks.clear()
        self.link.stop()
        self.link = self._make_link(None)
        self.link.start()
        return None

    def remember(self) -> None:
        """Write the framework's id down. Until that is done, nothing is changed."""
        if self._unremembered is None:
            return
        try:
            self._remember_id(self._unremembered)
        except OSError as error:
            if self.id_error is None:
                _log.error("the framework id cannot be written", error=str(error))
            self.id_error = f"the framework id cannot be written: {error}"
            return
        self._unremembered = self.id_error = None

    def look_after(self, now_s: float) -> None:
        """Have the master's lists read where it is time to reconcile."""
        if now_s >= self.reconcile_due_s and self._view.connected:
            self.reconcile_due_s = now_s + _UNRECONCILED_S
            self._poller.poke(self.link, self._view.framework_id)

    def end_strangers(self) -> None:
        """End tasks of our framework that no version of this software can have made."""
        while self._view.strangers:
            task_id, agent_id = self._view.strangers.pop()
            try:
                self.link.kill(task_id, agent_id)
            except MesosError as error:
                _log.warning("a stray task was not ended", task=task_id, error=str(error))
