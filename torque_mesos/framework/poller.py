"""Reading the master's lists on a thread of its own, so that a slow master blocks nobody."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from torque_mesos.framework.inbox import MasterRead, Message
from torque_mesos.mesos.base import MesosError, MesosLink

_log = structlog.get_logger(__name__)


class MasterPoller:
    """Puts a `MasterRead` into the inbox every `interval_s`, and soon after a `poke`."""

    def __init__(self, put: Callable[[Message], None], interval_s: float) -> None:
        self._put = put
        self._interval_s = interval_s
        self._link: MesosLink | None = None
        self._framework_id: str | None = None
        self._lock = threading.Lock()
        self._poked = threading.Event()
        self._over = threading.Event()
        self._failing = False
        self._thread = threading.Thread(target=self._run, name="master poller", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, after the request under way."""
        self._over.set()
        self._poked.set()

    def poke(self, link: MesosLink, framework_id: str | None) -> None:
        """Read now through `link`; the tasks of `framework_id` too, once, if it is given."""
        with self._lock:
            self._link, self._framework_id = link, framework_id or self._framework_id
        self._poked.set()

    def _run(self) -> None:
        while not self._over.is_set():
            self._poked.wait(self._interval_s)
            self._poked.clear()
            with self._lock:
                link, framework_id = self._link, self._framework_id
                self._framework_id = None
            if link is None or self._over.is_set():
                continue
            try:
                agents = link.agents()
                task_ids = link.live_tasks(framework_id) if framework_id else None
            except MesosError as error:
                if not self._failing:
                    _log.warning("the master's lists cannot be read", error=str(error))
                self._failing = True
                with self._lock:
                    self._framework_id = self._framework_id or framework_id
                continue
            self._failing = False
            self._put(MasterRead(agents, task_ids))
