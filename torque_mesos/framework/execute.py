"""Carrying out a plan: each action once, in order; what fails is told and left to a later turn."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import structlog

from torque_mesos.batch.base import BatchError, BatchServer, NewNode
from torque_mesos.decide.plan import (
    AcceptInverse,
    Action,
    CreateNode,
    Decline,
    DeleteNode,
    Kill,
    Launch,
    Offline,
    Online,
    Plan,
    Rerun,
    Revive,
    SetNp,
    Suppress,
    Wake,
)
from torque_mesos.decide.worker import ONLINE_NOTE
from torque_mesos.framework.recipe import Recipe
from torque_mesos.framework.told_names import ToldNames
from torque_mesos.framework.view import View
from torque_mesos.mesos.base import MesosError, MesosLink, NotConnected

_log = structlog.get_logger(__name__)
_REMAINDER_REFUSE_S = 1.0  # what a launch leaves of an offer comes back after this
_DELETES_AT_ONCE = 8  # TORQUE's qmgr bears some 25 side by side


@dataclass
class Outcome:
    """What came of a plan. `changed`: nodes or workers were changed, so look again."""

    changed: bool = False
    reconcile: bool = False
    errors: list[str] = field(default_factory=list)
    failed_nodes: set[str] = field(default_factory=set)


class Executor:
    """Carries out plans. Used by the loop's thread only, but for `deleted`."""

    def __init__(
        self,
        server: BatchServer,
        view: View,
        recipe: Recipe,
        mom_ports: tuple[int, int],
        deleted: Callable[[str, str | None], None],
        names: ToldNames | None = None,
    ) -> None:
        self._server = server
        self._view = view
        self._recipe = recipe
        self._mom_ports = mom_ports
        self._deleted = deleted
        self._names = names or ToldNames(lambda: "")
        self._deleting: dict[str, Future[None]] = {}
        self._pool = ThreadPoolExecutor(_DELETES_AT_ONCE, thread_name_prefix="delete")

    def carry_out(self, plan: Plan, link: MesosLink, now_s: float) -> Outcome:
        """Do what the plan says. A node whose action failed is left alone for this turn."""
        outcome = Outcome()
        self._names.tell(self._view, link)
        creations = [action for action in plan.actions if isinstance(action, CreateNode)]
        self._create(creations, outcome)
        for action in plan.actions:
            if isinstance(action, CreateNode) or self._skip(action, outcome):
                continue
            try:
                self._do(action, link, outcome, now_s)
            except (BatchError, MesosError) as error:
                self._failed(action, error, outcome)
        return outcome

    def close(self) -> None:
        """Wait for deletions under way."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _skip(self, action: Action, outcome: Outcome) -> bool:
        name = getattr(action, "name", None)
        return name is not None and (name in outcome.failed_nodes or name in self._deleting)

    def _failed(self, action: Action, error: Exception, outcome: Outcome) -> None:
        kind = type(action).__name__
        outcome.errors.append(f"{kind}: {error}")
        name = getattr(action, "name", None)
        names = getattr(action, "names", (name,) if name else ())
        outcome.failed_nodes.update(names)
        _log.warning("an action failed", action=kind, nodes=list(names), error=str(error))

    def _create(self, creations: list[CreateNode], outcome: Outcome) -> None:
        if not creations:
            return
        service_port, manager_port = self._mom_ports
        nodes = [
            NewNode(
                name=action.name,
                np=action.np,
                properties=action.properties,
                note=action.note,
                mom_service_port=service_port,
                mom_manager_port=manager_port,
            )
            for action in creations
        ]
        try:
            self._server.create_nodes(nodes)
        except BatchError as error:
            for action in creations:
                outcome.failed_nodes.add(action.name)
            outcome.errors.append(f"CreateNode: {error}")
            _log.warning("node records could not be made", error=str(error))
        outcome.changed = True  # those that were not refused are there

    def _do(self, action: Action, link: MesosLink, outcome: Outcome, now_s: float) -> None:
        server = self._server
        if isinstance(action, Launch):
            self._launch(action, link, outcome, now_s)
        elif isinstance(action, Online):
            names = [name for name in action.names if name not in outcome.failed_nodes]
            if names:
                server.set_online(names, ONLINE_NOTE)
                outcome.changed = True  # what no job takes goes again
        elif isinstance(action, Wake):
            server.wake_scheduler()
        elif isinstance(action, SetNp):
            server.set_np(action.name, action.np, action.gpus)
        elif isinstance(action, Offline):
            server.set_offline([action.name], action.note)
            outcome.changed = True
        elif isinstance(action, Rerun):
            server.rerun(action.job_id)
            outcome.changed = True
        elif isinstance(action, DeleteNode):
            self._delete(action.name)
        elif isinstance(action, Kill):
            for task_id in action.task_ids:
                link.kill(task_id, action.agent_id or None)
        elif isinstance(action, Decline):
            for offer_id in action.offer_ids:
                self._view.offers.pop(offer_id, None)
            link.decline(action.offer_ids, action.refuse_s)
        elif isinstance(action, AcceptInverse):
            for offer_id in action.offer_ids:
                self._view.inverse_offers.pop(offer_id, None)
            link.accept_inverse(action.offer_ids)
        elif isinstance(action, Revive):
            if action.silent:
                link.suppress(action.silent)
            link.revive(action.roles)
            self._view.suppressed = False
        elif isinstance(action, Suppress):
            link.suppress()
            self._view.suppressed = True

    def _launch(self, action: Launch, link: MesosLink, outcome: Outcome, now_s: float) -> None:
        for offer_id in action.offer_ids:
            self._view.offers.pop(offer_id, None)
        framework_id = self._view.framework_id or ""
        executor_id, ids, infos = action.executor_id, [], []
        for part in action.parts:
            task_id, info = self._recipe.make(
                action.name,
                action.agent_id,
                part.slots,
                part.resources,
                framework_id,
                executor_id,
            )
            # Known before it is sent: if the answer is lost, reconciliation tells the rest.
            self._view.launched(task_id, action.agent_id, now_s, executor_id)
            executor_id = executor_id or task_id.executor_id
            if data := self._names.at_launch(executor_id):
                info["data"] = data
            ids.append(str(task_id))
            infos.append(info)
        outcome.changed = True  # np is set in the next turn, while the mom starts
        try:
            link.launch(action.offer_ids, infos, _REMAINDER_REFUSE_S)
        except NotConnected:
            for key in ids:
                del self._view.tasks[key]
            raise
        except MesosError:
            outcome.reconcile = True
            raise

    def _delete(self, name: str) -> None:
        """Delete a record on another thread: it takes TORQUE two seconds."""

        def done(future: Future[None]) -> None:
            error = future.exception()
            self._deleted(name, str(error) if error else None)

        future = self._pool.submit(self._server.delete_node, name)
        self._deleting[name] = future
        future.add_done_callback(done)

    def deletion_over(self, name: str) -> None:
        """A deletion is over (told by the loop's thread)."""
        self._deleting.pop(name, None)
