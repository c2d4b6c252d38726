"""What is known of Mesos' side: agents, offers, tasks. Owned by the loop's thread."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import structlog

from torque_mesos.framework.tasks import TaskId, TaskIdError
from torque_mesos.mesos import base as mesos
from torque_mesos.model import Agent, Grant, InverseOffer, Offer, TaskState, Worker
from torque_mesos.mom.users import UsersError, decode_lacks

_log = structlog.get_logger(__name__)
FROM_EXECUTOR = "SOURCE_EXECUTOR"
LINGER_S = 5.0  # an executor whose task was killed is given so long to be gone


@dataclass(frozen=True, slots=True)
class Task:
    """One task of ours. `ended_s`: when it was killed, while its executor may still live."""

    id: TaskId
    agent_id: str
    executor_id: str
    state: TaskState
    since_s: float
    ended_s: float | None = None


class View:
    """Mesos' side as its events tell it."""

    def __init__(self) -> None:
        self.connected = False
        self.framework_id: str | None = None
        self.master: str | None = None
        self.agents: tuple[Agent, ...] = ()
        self.offers: dict[str, Offer] = {}
        self.inverse_offers: dict[str, InverseOffer] = {}
        self.tasks: dict[str, Task] = {}
        self.suppressed = False
        self.failed: list[tuple[str, str]] = []  # (agent id, message) of failed starts
        self.strangers: list[tuple[str, str | None]] = []  # live tasks that are not ours to read
        self._lacking: dict[str, frozenset[str]] = {}  # users, by executor
        self._awaited: set[str] | None = set()  # tasks to hear of; None: not asked yet

    @property
    def reconciled(self) -> bool:
        """Whether every task that the master has of us is known here."""
        return self.connected and self._awaited is not None and not self._awaited

    def subscribed(self, event: mesos.Subscribed) -> None:
        """A new subscription: offers of before are void, and no call of before counts."""
        self.connected, self.framework_id, self.master = True, event.framework_id, event.master
        self.offers.clear()
        self.inverse_offers.clear()
        self.suppressed = False
        self._awaited = None if event.again or self.tasks else set()

    def await_tasks(self, task_ids: Iterable[str]) -> None:
        """The master has these tasks of ours: the view is complete when all were heard of."""
        self._awaited = {task_id for task_id in task_ids if task_id not in self.tasks}

    def disconnected(self) -> None:
        """The subscription is gone."""
        self.connected = False
        self.offers.clear()
        self.inverse_offers.clear()

    def status(self, event: mesos.TaskStatus, now_s: float) -> None:
        """A task's new state."""
        if self._awaited is not None:
            self._awaited.discard(event.task_id)
        known = self.tasks.get(event.task_id)
        if known is not None and event.source == FROM_EXECUTOR:
            self._answered(known.executor_id, event)
        if known is None:
            if not event.state.terminal:
                self._adopt(event, now_s)
            return
        if not event.state.terminal:
            if event.state is not known.state:
                since_s = now_s if event.state is not TaskState.KILLING else known.since_s
                self.tasks[event.task_id] = replace(known, state=event.state, since_s=since_s)
        elif event.state is TaskState.KILLED and not self._others(event.task_id, known):
            self.tasks[event.task_id] = replace(known, state=event.state, ended_s=now_s)
        else:
            del self.tasks[event.task_id]
            if event.state in (TaskState.FAILED, TaskState.ERROR, TaskState.DROPPED):
                self.failed.append((known.agent_id, _cause(event)))

    def _answered(self, executor_id: str, event: mesos.TaskStatus) -> None:
        try:
            self._lacking[executor_id] = decode_lacks(event.data)
        except UsersError as error:
            _log.error("an executor's answer cannot be read", task=event.task_id, error=str(error))

    def lacking(self) -> dict[str, frozenset[str]]:
        """The users, of those who were asked for, that agents do not know: by node."""
        alive = {task.executor_id: task.id.node for task in self.tasks.values() if not task.ended_s}
        self._lacking = {key: users for key, users in self._lacking.items() if key in alive}
        return {alive[key]: users for key, users in self._lacking.items()}

    def _others(self, key: str, ended: Task) -> bool:
        """Whether the executor of a task that ended has other tasks, so that it goes on."""
        return any(
            task.executor_id == ended.executor_id and task.ended_s is None
            for other, task in self.tasks.items()
            if other != key
        )

    def _adopt(self, event: mesos.TaskStatus, now_s: float) -> None:
        try:
            task_id = TaskId.parse(event.task_id)
        except TaskIdError as error:
            _log.error("a task that is not ours to read", error=str(error))
            self.strangers.append((event.task_id, event.agent_id))
            return
        self.tasks[event.task_id] = Task(
            id=task_id,
            agent_id=event.agent_id or "",
            executor_id=event.executor_id or task_id.executor_id,
            state=event.state,
            since_s=now_s,
        )
        _log.info("adopted a task", task=event.task_id, state=event.state.name)

    def launched(
        self, task_id: TaskId, agent_id: str, now_s: float, executor_id: str | None = None
    ) -> None:
        """A task was sent to the master. `executor_id`: of the executor that runs already."""
        executor_id = executor_id or task_id.executor_id
        self.tasks[str(task_id)] = Task(task_id, agent_id, executor_id, TaskState.STAGING, now_s)

    def executor_lost(self, executor_id: str, agent_id: str) -> None:
        """An executor has ended: its killed tasks are over for good."""
        for key, task in list(self.tasks.items()):
            if (
                task.ended_s is not None
                and task.executor_id == executor_id
                and task.agent_id == agent_id
            ):
                del self.tasks[key]

    def forget_ended(self, now_s: float) -> None:
        """Drop killed tasks whose executor was not heard of again."""
        for key, task in list(self.tasks.items()):
            if task.ended_s is not None and now_s - task.ended_s >= LINGER_S:
                del self.tasks[key]

    def next_due_s(self) -> float | None:
        """When `forget_ended` has something to do."""
        ended = (task.ended_s + LINGER_S for task in self.tasks.values() if task.ended_s)
        return min(ended, default=None)

    def workers(self) -> tuple[tuple[Worker, ...], tuple[Task, ...]]:
        """Our workers, one a node; and the tasks of further moms on the same node."""
        moms: dict[tuple[str, str], list[Task]] = {}
        for task in self.tasks.values():
            moms.setdefault((task.id.node, task.executor_id), []).append(task)
        workers: dict[str, Worker] = {}
        extra: list[Task] = []
        # A mom that runs comes before one that starts, an older one before a newer one.
        for (node, executor_id), tasks in sorted(
            moms.items(), key=lambda item: (not _runs(item[1]), min(t.since_s for t in item[1]))
        ):
            if node in workers:
                extra += tasks
                continue
            workers[node] = Worker(
                node=node,
                agent_id=tasks[0].agent_id,
                executor_id=executor_id,
                generation=tasks[0].id.generation,
                # The one that holds the executor's own share comes first.
                grants=tuple(
                    Grant(str(task.id), task.id.slots, task.id.resources, task.state, task.since_s)
                    for task in sorted(tasks, key=lambda t: t.id.executor_id != executor_id)
                ),
            )
        return tuple(workers.values()), tuple(extra)


def _runs(tasks: list[Task]) -> bool:
    return any(task.state is TaskState.RUNNING for task in tasks)


def _cause(event: mesos.TaskStatus) -> str:
    """Why a task failed. Of an executor that never spoke Mesos tells no more than its end."""
    text = event.message or event.reason
    if event.reason == "REASON_EXECUTOR_TERMINATED":
        return f"{text}; stderr in its sandbox on the agent has what it said"
    return text
