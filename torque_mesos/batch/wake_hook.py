"""OpenPBS' hook that wakes us: what the server runs, and how it is known again.

The server runs a hook within itself, one after the other, and waits for its end. So this one
does a single thing that cannot wait: it sends a datagram to a socket of the framework's. If
nobody listens, or not fast enough, it is dropped. Whatever goes wrong, the server goes on as
without the hook: events at which it runs cannot be refused by it, an error in it is only a
line in the server's log, and after `ALARM_S` seconds it would be ended.
"""

from __future__ import annotations

from pathlib import Path

from torque_mesos.batch.base import Refused

HOOK = "torque_mesos_wake"
TARGET = f"hook {HOOK}"
SOCKET_NAME = "wake.sock"
ALARM_S = 2
EVENTS = ("postqueuejob", "jobobit", "modifyvnode")
# After all others: a hook that refuses its event ends the row.
ATTRIBUTES = f'event="{",".join(EVENTS)}",alarm={ALARM_S},order=1000'

_PATH_MAX = 107  # bytes, of a socket's address
_BODY = '''\
"""Wakes torque-mesos: something happened to a job or a node. (torque-mesos setup-server)"""
import socket

try:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as wake:
        wake.setblocking(False)
        wake.sendto(b"x", {path!r})
except Exception:
    pass  # nobody listens, or enough is waiting there already: it looks by itself now and then
'''


def body(path: Path) -> str:
    """The hook's text, for a socket at `path`. Raises Refused for a path that is too long."""
    if len(str(path).encode()) > _PATH_MAX:
        raise Refused(f"{path} is too long for a socket ({_PATH_MAX} bytes at most)")
    return _BODY.format(path=str(path))
