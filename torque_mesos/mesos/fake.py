"""A link to a Mesos that is not there, for tests and trials of what stands on a link.

It keeps account of agents, offers and tasks as a master does, and does nothing by
itself: `offer`, `update`, `disconnect` and the like make things happen, and the sink is
called before they return.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from torque_mesos.mesos.base import (
    AgentLost,
    Disconnected,
    EndCause,
    Ended,
    Event,
    ExecutorLost,
    NotConnected,
    Offers,
    Rescinded,
    Subscribed,
    TaskStatus,
)
from torque_mesos.model import Agent, Offer, Resources, TaskState, frozen_map


def _resources(entries: Sequence[Mapping[str, Any]]) -> Resources:
    amounts = {"cpus": 0.0, "mem": 0.0, "gpus": 0.0}
    for entry in entries:
        if entry["name"] in amounts:
            amounts[entry["name"]] += entry["scalar"]["value"]
    return Resources(amounts["cpus"], amounts["mem"], int(amounts["gpus"]))


@dataclass(slots=True)
class FakeTask:
    """A task that was launched. `info` is its TaskInfo."""

    info: Mapping[str, Any]
    agent_id: str
    executor_id: str | None
    resources: Resources
    state: TaskState = TaskState.STAGING


@dataclass(slots=True)
class _Host:
    agent: Agent
    executors: dict[str, Resources] = field(default_factory=dict)
    refused_until_s: float = 0.0


class FakeLink:
    """A `MesosLink` with agents, offers and tasks of its own.

    `tasks` holds every task that was launched, ended ones too; `offers` those that are
    out now; `calls` every call with its arguments, refused ones too.
    """

    def __init__(
        self,
        sink: Callable[[Event], None],
        clock: Callable[[], float] = time.monotonic,
        framework_id: str | None = None,
    ) -> None:
        self._sink = sink
        self._clock = clock
        self._known_id = framework_id
        self._numbers = itertools.count()
        self._hosts: dict[str, _Host] = {}
        self.tasks: dict[str, FakeTask] = {}
        self.offers: dict[str, Offer] = {}
        self.calls: list[tuple[Any, ...]] = []
        self.connected = False
        self.suppressed = False

    # --- what a test makes happen -----------------------------------------------------

    def add_agent(
        self, hostname: str, total: Resources, attributes: Mapping[str, str] | None = None
    ) -> str:
        """An agent registers. Gives its id."""
        agent_id = f"S{next(self._numbers)}"
        agent = Agent(agent_id, hostname, total, frozen_map(attributes))
        self._hosts[agent_id] = _Host(agent)
        return agent_id

    def offer(self) -> tuple[Offer, ...]:
        """Offer what is free and neither offered nor refused, as an allocation would."""
        made = []
        for agent_id, host in self._hosts.items():
            free = self.free(agent_id)
            if (
                self.connected
                and not self.suppressed
                and host.agent.active
                and self._clock() >= host.refused_until_s
                and free != Resources()
            ):
                agent = host.agent
                offer_id = f"O{next(self._numbers)}"
                made.append(
                    Offer(offer_id, agent_id, agent.hostname, free, agent.attributes, self._clock())
                )
        self.offers |= {offer.offer_id: offer for offer in made}
        if made:
            self._sink(Offers(tuple(made)))
        return tuple(made)

    def rescind(self, offer_id: str) -> None:
        """The master takes an offer back."""
        del self.offers[offer_id]
        self._sink(Rescinded(offer_id))

    def update(
        self,
        task_id: str,
        state: TaskState,
        *,
        message: str = "",
        reason: str = "",
        source: str = "SOURCE_EXECUTOR",
    ) -> None:
        """A task's state changes; what an ended one held is free."""
        task = self.tasks[task_id]
        task.state = state
        if task.executor_id is not None and not self._running(task.agent_id, task.executor_id):
            self._hosts[task.agent_id].executors.pop(task.executor_id, None)
        executor_id = task.executor_id if source != "SOURCE_EXECUTOR" else None
        self._sink(TaskStatus(task_id, state, task.agent_id, executor_id, reason, message, source))

    def end_executor(self, executor_id: str, status: int = 9) -> None:
        """An executor ends with a raw wait status, and its tasks fail."""
        agent_id = next(id_ for id_, host in self._hosts.items() if executor_id in host.executors)
        self._sink(ExecutorLost(executor_id, agent_id, status))
        for task_id in self._running(agent_id, executor_id):
            self.update(
                task_id,
                TaskState.FAILED,
                message="Executor terminated",
                reason="REASON_EXECUTOR_TERMINATED",
                source="SOURCE_AGENT",
            )

    def lose_agent(self, agent_id: str, state: TaskState = TaskState.UNREACHABLE) -> None:
        """An agent is removed: its offers are rescinded, its tasks get `state`."""
        for offer_id in [o.offer_id for o in self.offers.values() if o.agent_id == agent_id]:
            self.rescind(offer_id)
        for task_id in self._running(agent_id):
            self.update(task_id, state, reason="REASON_AGENT_REMOVED", source="SOURCE_MASTER")
        host = self._hosts[agent_id]
        host.agent = replace(host.agent, active=False)
        self._sink(AgentLost(agent_id))

    def connect(self) -> None:
        """The subscription comes (back)."""
        again = self._known_id is not None
        self._known_id = self._known_id or f"F{next(self._numbers)}"
        self.connected = True
        self.suppressed = False
        self._sink(Subscribed(self._known_id, "fake:5050", again))

    def disconnect(self, reason: str = "the master closed the connection") -> None:
        """The subscription is lost, and all offers with it."""
        self._drop()
        self._sink(Disconnected(reason))

    def end(self, cause: EndCause, message: str = "") -> None:
        """The link ends for good."""
        self._drop()
        self._sink(Ended(cause, message or cause.value))

    def free(self, agent_id: str) -> Resources:
        """What of an agent is neither held nor offered."""
        host = self._hosts[agent_id]
        held = [self.tasks[task_id].resources for task_id in self._running(agent_id)]
        offered = [o.resources for o in self.offers.values() if o.agent_id == agent_id]
        taken = sum([*held, *host.executors.values(), *offered], Resources())
        return host.agent.total - taken

    # --- the link -----------------------------------------------------------------------

    def start(self) -> None:
        """Connect."""
        self.connect()

    def stop(self) -> None:
        """Disconnect; tasks go on."""
        self._drop()

    def teardown(self) -> None:
        """End the framework: its tasks are killed."""
        self._call("teardown")
        for task in self.tasks.values():
            task.state = task.state if task.state.terminal else TaskState.KILLED
        self._drop()

    def launch(
        self, offer_ids: Sequence[str], tasks: Sequence[Mapping[str, Any]], refuse_s: float
    ) -> None:
        """Accept offers. Tasks of offers that are gone are dropped, those that do not fit fail."""
        self._call("launch", tuple(offer_ids), tuple(tasks), refuse_s)
        offers = [self.offers.pop(each) for each in offer_ids if each in self.offers]
        agents = {offer.agent_id for offer in offers}
        valid = len(offers) == len(offer_ids) and len(agents) == 1
        for agent_id in agents:
            self._hosts[agent_id].refused_until_s = self._clock() + refuse_s
        offered = sum((offer.resources for offer in offers), Resources())
        for info in tasks:
            offered = self._launch_one(info, offered, valid)

    def decline(self, offer_ids: Sequence[str], refuse_s: float) -> None:
        """Decline offers."""
        self._call("decline", tuple(offer_ids), refuse_s)
        for offer_id in offer_ids:
            if (offer := self.offers.pop(offer_id, None)) is not None:
                self._hosts[offer.agent_id].refused_until_s = self._clock() + refuse_s

    def accept_inverse(self, offer_ids: Sequence[str]) -> None:
        """Accept inverse offers."""
        self._call("accept_inverse", tuple(offer_ids))

    def message(self, agent_id: str, executor_id: str, data: str) -> None:
        """Send to an executor, which does not hear it."""
        self._call("message", agent_id, executor_id, data)

    def suppress(self, roles: Sequence[str] = ()) -> None:
        """Want no offers. (Its offers are made to no role: only all can be suppressed.)"""
        self._call("suppress", *roles)
        self.suppressed = not roles

    def revive(self, roles: Sequence[str] = ()) -> None:
        """Want offers, and forget earlier refusals."""
        self._call("revive", *roles)
        self.suppressed = False
        for host in self._hosts.values():
            host.refused_until_s = 0.0

    def kill(self, task_id: str, agent_id: str | None) -> None:
        """Ask for a task's end: `update` it when it ends. One that is not known is told so."""
        self._call("kill", task_id, agent_id)
        if task_id not in self.tasks:
            self._tell_unknown(task_id, agent_id)

    def reconcile(self, tasks: Sequence[tuple[str, str | None]] = ()) -> None:
        """Tell the state of the tasks, or of all that have not ended."""
        self._call("reconcile", tuple(tasks))
        live = [(id_, None) for id_, task in self.tasks.items() if not task.state.terminal]
        for task_id, agent_id in tasks or live:
            task = self.tasks.get(task_id)
            if task is None or task.state.terminal:
                self._tell_unknown(task_id, agent_id)
            else:
                reason = "REASON_RECONCILIATION"
                self.update(task_id, task.state, reason=reason, source="SOURCE_MASTER")

    def agents(self) -> tuple[Agent, ...]:
        """All agents that have not been lost."""
        self._call("agents")
        return tuple(host.agent for host in self._hosts.values() if host.agent.active)

    def live_tasks(self, framework_id: str) -> tuple[str, ...]:
        """The ids of the tasks that have not ended."""
        self._call("live_tasks", framework_id)
        return tuple(id_ for id_, task in self.tasks.items() if not task.state.terminal)

    # --- inside -------------------------------------------------------------------------

    def _call(self, *call: Any) -> None:
        self.calls.append(call)
        if not self.connected:
            raise NotConnected("there is no subscription with a master now")

    def _drop(self) -> None:
        self.connected = False
        self.offers.clear()

    def _running(self, agent_id: str, executor_id: str | None = None) -> list[str]:
        return [
            task_id
            for task_id, task in self.tasks.items()
            if task.agent_id == agent_id
            and (executor_id is None or task.executor_id == executor_id)
            and not task.state.terminal
        ]

    def _launch_one(self, info: Mapping[str, Any], offered: Resources, valid: bool) -> Resources:
        task_id, agent_id = info["task_id"]["value"], info["agent_id"]["value"]
        if task_id in self._running(agent_id):
            text = f"Task has duplicate ID: {task_id}"
            reason, source = "REASON_TASK_INVALID", "SOURCE_MASTER"
            self._sink(TaskStatus(task_id, TaskState.ERROR, agent_id, None, reason, text, source))
            return offered
        executor = info.get("executor")
        executor_id = executor["executor_id"]["value"] if executor else None
        wanted = _resources(info["resources"])
        self.tasks[task_id] = FakeTask(info, agent_id, executor_id, wanted)
        running = self._hosts[agent_id].executors if agent_id in self._hosts else {}
        own = Resources()
        if executor and executor_id not in running:
            own = _resources(executor.get("resources", ()))
        if not valid:
            reason = "REASON_INVALID_OFFERS"
            self.update(task_id, TaskState.DROPPED, reason=reason, source="SOURCE_MASTER")
            return offered
        if not offered.holds(wanted + own):
            self.update(
                task_id,
                TaskState.ERROR,
                message=f"{wanted + own} is more than the offered {offered}",
                reason="REASON_TASK_INVALID",
                source="SOURCE_MASTER",
            )
            return offered
        if executor_id is not None and executor_id not in running:
            running[executor_id] = own
        return offered - wanted - own

    def _tell_unknown(self, task_id: str, agent_id: str | None) -> None:
        self._sink(
            TaskStatus(
                task_id,
                TaskState.UNKNOWN if agent_id is None else TaskState.GONE,
                agent_id,
                reason="REASON_RECONCILIATION",
                message="Reconciliation: Task is unknown",
                source="SOURCE_MASTER",
            )
        )
