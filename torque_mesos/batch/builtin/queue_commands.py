"""qenable, qdisable, qstart and qstop: what operators do with queues."""

from __future__ import annotations

import sys
from typing import List

from .client import Server, Unreachable, warn
from .errors import PbsError
from .home import Home


def _set(command: str, home_path: str, attribute: str, value: str) -> int:
    destinations = sys.argv[1:]
    if not destinations or any(name.startswith("-") for name in destinations):
        warn(f"Usage: {command} [queue][@server] ...")
        return 1
    status = 0
    for destination in destinations:
        queue, _, where = destination.partition("@")
        try:
            server = Server(Home(home_path), 1, where)
            for name in [queue] if queue else _queues(server):
                changes = [[attribute, "", "=", value]]
                server.ask("manage", verb="set", object="queue", name=name, changes=changes)
        except Unreachable as error:
            text = f"could not connect to server {where} ({error.code}) {error.text}"
            warn(f"{command}: {text}")
            status = 2
        except PbsError as error:
            warn(f"{command}: {error.text} {destination}")
            status = 2
    return status


def _queues(server: Server) -> List[str]:
    return [str(name) for name, _ in server.ask("queues")["queues"]]


def qenable(home_path: str) -> int:
    """qenable [QUEUE][@SERVER]..."""
    return _set("qenable", home_path, "enabled", "true")


def qdisable(home_path: str) -> int:
    """qdisable [QUEUE][@SERVER]..."""
    return _set("qdisable", home_path, "enabled", "false")


def qstart(home_path: str) -> int:
    """qstart [QUEUE][@SERVER]..."""
    return _set("qstart", home_path, "started", "true")


def qstop(home_path: str) -> int:
    """qstop [QUEUE][@SERVER]..."""
    return _set("qstop", home_path, "started", "false")
