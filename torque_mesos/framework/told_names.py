"""Which executors were told which names, and asked for which users. For the loop's thread only."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog

from torque_mesos.framework.view import View
from torque_mesos.mesos.base import MesosError, MesosLink
from torque_mesos.model import TaskState
from torque_mesos.mom.users import encode_told

_log = structlog.get_logger(__name__)
_HEARS = frozenset({TaskState.STARTING, TaskState.RUNNING})


class ToldNames:
    """Tells executors the names of hosts: with each launch, and when they change.

    `names` gives them as they travel, an empty text where none are to be told. `users`: whom
    they are asked for. An executor that has not said a word yet would not get a message; it is
    told later.
    """

    def __init__(
        self, names: Callable[[], str], users: Callable[[], Sequence[str]] = tuple
    ) -> None:
        self._names = names
        self._users = users
        self._told: dict[str, tuple[str, Sequence[str]]] = {}

    def at_launch(self, executor_id: str) -> str:
        """What goes with a task for that executor."""
        names, users = self._names(), self._users()
        if names or users:
            self._told[executor_id] = names, users
        return encode_told(names, users)

    def tell(self, view: View, link: MesosLink) -> None:
        """Tell those that know others."""
        names, users = self._names(), self._users()
        if not (names or users) or not view.connected:
            return
        present = {task.executor_id: task for task in view.tasks.values() if task.ended_s is None}
        self._told = {key: told for key, told in self._told.items() if key in present}
        for executor_id, task in present.items():
            before = self._told.get(executor_id, ("", ()))
            if before == (names, users) or task.state not in _HEARS:
                continue
            new_names = "" if before[0] == names else names
            try:
                link.message(task.agent_id, executor_id, encode_told(new_names, users))
            except MesosError as error:
                _log.warning("names could not be told", executor=executor_id, error=str(error))
                return
            self._told[executor_id] = names, users
