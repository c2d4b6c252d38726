"""What torque-mesos needs of Mesos: the calls, and the events that come back."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from torque_mesos.model import Agent, InverseOffer, Offer, TaskState


class MesosError(Exception):
    """A call did not reach the master, or the master refused it."""


class NotConnected(MesosError):
    """There is no subscription now: the call was not sent (never silently dropped)."""


@dataclass(frozen=True, slots=True)
class Subscribed:
    """Subscribed with the master. `again` is False for a new framework id."""

    framework_id: str
    master: str
    again: bool


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The subscription is gone; offers known until now are void. It will be retried."""

    reason: str


@dataclass(frozen=True, slots=True)
class Offers:
    """New offers."""

    offers: tuple[Offer, ...]


@dataclass(frozen=True, slots=True)
class Rescinded:
    """An offer is no longer valid."""

    offer_id: str


@dataclass(frozen=True, slots=True)
class InverseOffers:
    """New inverse offers."""

    offers: tuple[InverseOffer, ...]


@dataclass(frozen=True, slots=True)
class InverseRescinded:
    """An inverse offer is no longer valid."""

    offer_id: str


@dataclass(frozen=True, slots=True)
class TaskStatus:
    """A task's state, from its executor, its agent, or the master (`source`).

    `data`: of the executor's, base64.
    """

    task_id: str
    state: TaskState
    agent_id: str | None = None
    executor_id: str | None = None
    reason: str = ""
    message: str = ""
    source: str = ""
    data: str = ""


@dataclass(frozen=True, slots=True)
class ExecutorLost:
    """An executor ended. `status` is the raw wait status."""

    executor_id: str
    agent_id: str
    status: int


@dataclass(frozen=True, slots=True)
class AgentLost:
    """An agent was removed by the master."""

    agent_id: str


class EndCause(enum.Enum):
    """Why the link has ended for good."""

    REMOVED = "the framework id was removed by the master"
    TAKEN_OVER = "another scheduler subscribed with the same framework id"
    REJECTED = "the master rejected the subscription"


@dataclass(frozen=True, slots=True)
class Ended:
    """The link will not come back by itself."""

    cause: EndCause
    message: str


@dataclass(frozen=True, slots=True)
class Malformed:
    """An event, or one part of it, that was skipped because it cannot be read."""

    message: str


Event = (
    Subscribed
    | Disconnected
    | Offers
    | Rescinded
    | InverseOffers
    | InverseRescinded
    | TaskStatus
    | ExecutorLost
    | AgentLost
    | Ended
    | Malformed
)


class MesosLink(Protocol):
    """A connection with the master. Events go to the sink given when it was made,
    from another thread. Calls raise `NotConnected` or `MesosError`."""

    def start(self) -> None:
        """Connect; `Subscribed` follows."""

    def stop(self) -> None:
        """Disconnect. Tasks go on; the master keeps them for `failover_timeout`."""

    def teardown(self) -> None:
        """Tell the master to end the framework and every task of it."""

    def launch(
        self, offer_ids: Sequence[str], tasks: Sequence[Mapping[str, Any]], refuse_s: float
    ) -> None:
        """Accept offers of one agent with LAUNCH of `tasks` (TaskInfo in JSON form)."""

    def decline(self, offer_ids: Sequence[str], refuse_s: float) -> None:
        """Decline offers; the same resources do not come back for `refuse_s`."""

    def accept_inverse(self, offer_ids: Sequence[str]) -> None:
        """Accept inverse offers."""

    def message(self, agent_id: str, executor_id: str, data: str) -> None:
        """Send base64 `data` to an executor of ours. It may get lost on its way."""

    def suppress(self, roles: Sequence[str] = ()) -> None:
        """Want no offers to `roles` (none named: to all)."""

    def revive(self, roles: Sequence[str] = ()) -> None:
        """Want offers to `roles` (none named: to all), and forget their earlier refusals."""

    def kill(self, task_id: str, agent_id: str | None) -> None:
        """Ask for a task's end."""

    def reconcile(self, tasks: Sequence[tuple[str, str | None]] = ()) -> None:
        """Ask for the state of tasks (id, agent id); of all that the master knows if empty."""

    def agents(self) -> tuple[Agent, ...]:
        """Read the master's list of agents (one HTTP request)."""

    def live_tasks(self, framework_id: str) -> tuple[str, ...]:
        """Read the ids of a framework's tasks that have not ended (one HTTP request)."""
