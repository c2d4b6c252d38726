"""The link to a Mesos master, on pymesos."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from torque_mesos.mesos import convert
from torque_mesos.mesos.backoff import Backoff
from torque_mesos.mesos.base import Event, MesosError
from torque_mesos.mesos.driver import Driver
from torque_mesos.mesos.settings import LinkSettings
from torque_mesos.model import Agent, TaskState

# The master lists 100 tasks unless it is told another number.
_ALL_TASKS = 1_000_000
_LIVE = frozenset(f"TASK_{state.name}" for state in TaskState if not state.terminal)
_log = logging.getLogger(__name__)


def _value(text: str) -> dict[str, str]:
    return {"value": text}


class PymesosLink:
    """A `MesosLink` to a real master.

    `sink` is called from the link's own thread with every event, in the order in which
    the master sent them; a sink that blocks delays what follows. Made but not started,
    it does nothing. Raises ValueError for a master that cannot be an address.
    """

    def __init__(
        self,
        settings: LinkSettings,
        sink: Callable[[Event], None],
        clock: Callable[[], float] = time.monotonic,
        backoff: Backoff | None = None,
    ) -> None:
        self._roles = convert.usable_roles(*settings.roles)
        self._driver = Driver(settings, sink, clock, backoff or Backoff())

    @property
    def connected(self) -> bool:
        """Whether there is a subscription now, so that calls can be sent."""
        return self._driver.connected

    def start(self) -> None:
        """Connect; `Subscribed` follows. To be called once."""
        self._driver.start()

    def stop(self) -> None:
        """Disconnect, within some 2 s. Tasks go on; no event comes any more."""
        self._driver.stop()

    def teardown(self) -> None:
        """Tell the master to end the framework and every task of it, and stop."""
        self._driver.teardown()
        self._driver.stop()

    def launch(
        self, offer_ids: Sequence[str], tasks: Sequence[Mapping[str, Any]], refuse_s: float
    ) -> None:
        """Accept offers of one agent with LAUNCH of `tasks` (TaskInfo in JSON form).

        Their cpus and mem are given plainly; where some are reserved for our role, those
        are used first.
        """
        paid = self._driver.reservations.pay(offer_ids, tasks)
        self._driver.reservations.forget(offer_ids)
        operation = {"type": "LAUNCH", "launch": {"task_infos": list(paid)}}
        self._driver.call(
            "ACCEPT",
            accept={
                "offer_ids": [_value(each) for each in offer_ids],
                "operations": [operation],
                "filters": {"refuse_seconds": refuse_s},
            },
        )

    def decline(self, offer_ids: Sequence[str], refuse_s: float) -> None:
        """Decline offers; the same resources do not come back for `refuse_s`."""
        self._driver.reservations.forget(offer_ids)
        self._driver.call(
            "DECLINE",
            decline={
                "offer_ids": [_value(each) for each in offer_ids],
                "filters": {"refuse_seconds": refuse_s},
            },
        )

    def accept_inverse(self, offer_ids: Sequence[str]) -> None:
        """Accept inverse offers."""
        ids = [_value(each) for each in offer_ids]
        self._driver.call("ACCEPT_INVERSE_OFFERS", accept_inverse_offers={"inverse_offer_ids": ids})

    def message(self, agent_id: str, executor_id: str, data: str) -> None:
        """Send base64 `data` to an executor of ours. It may get lost on its way."""
        to = {"agent_id": _value(agent_id), "executor_id": _value(executor_id), "data": data}
        self._driver.call("MESSAGE", message=to)

    def suppress(self, roles: Sequence[str] = ()) -> None:
        """Want no offers to `roles` (none named: to all)."""
        self._driver.call("SUPPRESS", **({"suppress": {"roles": list(roles)}} if roles else {}))

    def revive(self, roles: Sequence[str] = ()) -> None:
        """Want offers to `roles` (none named: to all), and forget their earlier refusals."""
        self._driver.call("REVIVE", **({"revive": {"roles": list(roles)}} if roles else {}))

    def kill(self, task_id: str, agent_id: str | None) -> None:
        """Ask for a task's end."""
        self._driver.call("KILL", kill=self._task(task_id, agent_id))

    def reconcile(self, tasks: Sequence[tuple[str, str | None]] = ()) -> None:
        """Ask for the state of tasks (id, agent id); of all that the master knows if empty."""
        self._driver.call("RECONCILE", reconcile={"tasks": [self._task(*each) for each in tasks]})

    def agents(self) -> tuple[Agent, ...]:
        """Read the master's list of agents (one HTTP request).

        An agent that cannot be read is logged and left out. Raises MesosError for an
        answer that is no list of agents at all.
        """
        answer = self._driver.get("/slaves")
        try:
            entries = list(answer["slaves"])
        except (KeyError, TypeError) as error:
            raise MesosError(str(convert.unreadable("the agents", answer, error))) from error
        windows = self._windows()
        agents = []
        for entry in entries:
            try:
                agents.append(convert.read_agent(entry, self._roles, windows))
            except convert.Unreadable as error:
                _log.warning("left out: %s", error)
        return tuple(agents)

    def _windows(self) -> convert.Windows:
        """The maintenance schedule. None where it cannot be read: offers tell of it, too."""
        try:
            return convert.read_schedule(self._driver.get("/maintenance/schedule"))
        except (MesosError, convert.Unreadable) as error:
            _log.debug("the maintenance schedule cannot be read: %s", error)
            return ()

    def live_tasks(self, framework_id: str) -> tuple[str, ...]:
        """Read the ids of a framework's tasks that have not ended (one HTTP request).

        Raises MesosError, also for an answer that is no list of tasks.
        """
        query = urlencode({"framework_id": framework_id, "limit": _ALL_TASKS})
        answer = self._driver.get(f"/tasks?{query}")
        try:
            return tuple(
                str(task["id"])
                for task in answer["tasks"]
                if task["framework_id"] == framework_id and task["state"] in _LIVE
            )
        except (KeyError, TypeError) as error:
            raise MesosError(str(convert.unreadable("the tasks", answer, error))) from error

    @staticmethod
    def _task(task_id: str, agent_id: str | None) -> dict[str, Any]:
        task: dict[str, Any] = {"task_id": _value(task_id)}
        if agent_id is not None:
            task["agent_id"] = _value(agent_id)
        return task
