"""How the service hears of changes of the queue at once, as the settings have it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from torque_mesos.batch.openpbs_settings import OpenPbsSettings
from torque_mesos.batch.setup.record import SetupRecord
from torque_mesos.batch.torque_settings import TorqueSettings
from torque_mesos.batch.wake import HookWatcher
from torque_mesos.batch.watch import QueueWatcher
from torque_mesos.config import Settings


class Watcher(Protocol):
    """One way to hear of changes."""

    @property
    def problem(self) -> str | None:
        """Why nothing is heard; None while it works."""

    def start(self) -> None:
        """Begin."""

    def stop(self) -> None:
        """End."""


class Watch:
    """All the ways that are used; each tells `on_change`, on a thread of its own."""

    def __init__(
        self,
        settings: Settings,
        batch: TorqueSettings | OpenPbsSettings,
        on_change: Callable[[], None],
    ) -> None:
        way = settings.batch.watch
        self._watchers: list[Watcher] = []
        if way in ("auto", "hook") and isinstance(batch, OpenPbsSettings) and batch.wake_socket:
            record = SetupRecord(settings.state_dir)
            self._watchers.append(HookWatcher(batch.wake_socket, on_change, record))
        if way in ("auto", "accounting"):
            self._watchers.append(QueueWatcher(batch.accounting_dir, on_change))

    @property
    def problem(self) -> str | None:
        """Why no way works; None while one does, or where none is wished for."""
        problems = [watcher.problem for watcher in self._watchers]
        told = [problem for problem in problems if problem is not None]
        return "; ".join(told) if told and len(told) == len(problems) else None

    def start(self) -> None:
        """Begin to listen."""
        for watcher in self._watchers:
            watcher.start()

    def stop(self) -> None:
        """End it."""
        for watcher in self._watchers:
            watcher.stop()
