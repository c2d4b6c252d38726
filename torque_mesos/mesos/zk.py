"""Who leads, by ZooKeeper.

pymesos' own detector is not used: it gives up without a word when its path does not
exist yet, and its start fails when ZooKeeper is not there yet.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable

from kazoo.client import KazooClient
from kazoo.exceptions import KazooException, NoNodeError
from kazoo.handlers.threading import KazooTimeoutError

from torque_mesos.mesos.settings import address

_log = logging.getLogger(__name__)

# What masters call their znodes; the one with the lowest number leads.
_LABEL = "json.info_"
# A watch tells of a change at once. This is for what a watch misses.
_POLL_S = 5.0
_CONNECT_S = 15.0


def leader_address(data: bytes | None) -> str | None:
    """The `host:port` in a master's znode, None if it has none."""
    try:
        told = json.loads(data or b"null")["address"]
        return address(f"{told['ip']}:{told['port']}")
    except (ValueError, KeyError, TypeError) as error:
        _log.warning("cannot read a master's address (%s): %r", error, data)
        return None


class LeaderWatch:
    """Tells the leading master, and every later one, to `told`, from a thread of its own.

    `path` is `host:port,.../path`. `told` gets `host:port`, or None when nobody leads.
    While ZooKeeper cannot be reached nothing is told, and it is tried again for ever.
    """

    def __init__(self, path: str, told: Callable[[str | None], None]) -> None:
        self._path = path
        self._told = told
        self._last: str | None = None
        self._stopped = False
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="leader watch", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """End. Does not wait."""
        self._stopped = True
        self._wake.set()

    def _run(self) -> None:
        hosts, _, path = self._path.partition("/")
        while not self._stopped:
            client = KazooClient(hosts)
            try:
                client.start(_CONNECT_S)
                self._follow(client, "/" + path)
            except (KazooException, KazooTimeoutError, OSError) as error:
                _log.warning("ZooKeeper at %s: %s: %s", hosts, type(error).__name__, error)
                self._wait()
            finally:
                client.stop()
                client.close()

    def _follow(self, client: KazooClient, path: str) -> None:
        while not self._stopped:
            self._wake.clear()
            try:
                leader = self._leader(client, path)
            except NoNodeError:
                leader = None
            if leader != self._last and not self._stopped:
                self._last = leader
                self._told(leader)
            self._wait()

    def _leader(self, client: KazooClient, path: str) -> str | None:
        children = client.get_children(path, watch=lambda _event: self._wake.set())
        masters = [child for child in children if child.startswith(_LABEL)]
        if not masters:
            return None
        data, _ = client.get(f"{path}/{min(masters)}")
        return leader_address(data)

    def _wait(self) -> None:
        if not self._stopped:
            self._wake.wait(_POLL_S)
