"""Who leads, by ZooKeeper."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from typing import Any

from kazoo.exceptions import KazooException
from kazoo.handlers.threading import KazooTimeoutError

from torque_mesos.mesos.backoff import Backoff
from torque_mesos.mesos.pymesos_import import MasterDetector
from torque_mesos.mesos.settings import address

_log = logging.getLogger(__name__)


def leader_address(data: bytes | None) -> str | None:
    """The `host:port` in a master's znode, None if it has none."""
    try:
        told = json.loads(data or b"null")["address"]
        return address(f"{told['ip']}:{told['port']}")
    except (ValueError, KeyError, TypeError) as error:
        _log.warning("cannot read a master's address (%s): %r", error, data)
        return None


class _Detector(MasterDetector):  # type: ignore[misc]
    """pymesos' detector, which stops for good when the path does not exist yet."""

    def __init__(self, path: str, told: Callable[[str | None], None]) -> None:
        super().__init__(path, self)
        self.ended = threading.Event()
        self._told = told

    def onNewMasterDetectedMessage(self, data: bytes | None) -> None:  # noqa: N802
        """A znode of a master was read."""
        if (leader := leader_address(data)) is not None:
            self._told(leader)

    def onNoMasterDetectedMessage(self) -> None:  # noqa: N802
        """There is no znode of a master."""
        self._told(None)

    def stop(self) -> None:
        """Leave ZooKeeper."""
        self.ended.set()
        super().stop()
        self.zk.close()


class LeaderWatch:
    """Tells the leading master, and every later one, to `told`, from a thread of its own.

    `told` gets `host:port`, or None when nobody leads. ZooKeeper may come up later than
    we do: it is tried again and again.
    """

    def __init__(self, path: str, told: Callable[[str | None], None]) -> None:
        self._path = path
        self._told = told
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="leader watch", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """End. Does not wait."""
        self._stopped.set()

    def _run(self) -> None:
        backoff = Backoff(first_s=1.0)
        while not self._stopped.is_set():
            detector: Any = None
            try:
                detector = _Detector(self._path, self._tell)
                detector.start()
                while not (self._stopped.is_set() or detector.ended.is_set()):
                    self._stopped.wait(0.5)
            except (KazooException, KazooTimeoutError, OSError, ValueError) as error:
                _log.warning("ZooKeeper at %s: %s: %s", self._path, type(error).__name__, error)
            finally:
                if detector is not None:
                    detector.stop()
            self._stopped.wait(backoff.next_s())

    def _tell(self, leader: str | None) -> None:
        if not self._stopped.is_set():
            self._told(leader)
