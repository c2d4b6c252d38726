"""Commands on other hosts than the server's: who they are, by MUNGE, and how they come.

A command opens a TCP connection to the server's port with a credential that munged has made for
its user. So all hosts need the same users and the same MUNGE key.
"""

from __future__ import annotations

import os
import socket
from typing import Optional, Tuple

from .names import Resolver
from .seal import Seal, seal_of
from .wire import Message

CONNECT_S = 10.0
_OP = "command"


def connect(server: str, port: int) -> Tuple[socket.socket, bytes]:
    """A connection of this user's to a server elsewhere, and the key that signs. Raises OSError."""
    if not server:
        raise OSError("no server is named, by PBS_DEFAULT or in /etc/torque-mesos/server_name")
    try:
        auth = os.environ.get("PBS_BUILTIN_AUTH") or "munge"
        key, first = seal_of(auth, b"").begin(_OP, socket.gethostname())
    except ValueError as error:
        raise OSError(str(error)) from None
    sock = socket.create_connection((server, port), CONNECT_S)
    try:
        sock.settimeout(None)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(first)
    except OSError:
        sock.close()
        raise
    return sock, key


class Door(Seal):
    """The seal of one connection that came to the server through TCP; it learns whose it is.

    `uid` and `host` are None and empty for a daemon's. `address`: where it comes from.
    """

    def __init__(self, seal: Seal, address: str, resolver: Resolver) -> None:
        self.address = address
        self.uid: Optional[int] = None
        self.host = ""
        self._own = seal
        self._resolver = resolver

    def __bool__(self) -> bool:
        return bool(self._own)

    @property
    def introduced(self) -> bool:
        """See `Seal`."""
        return self._own.introduced

    @property
    def at_once(self) -> bytes:
        """See `Seal`."""
        return self._own.at_once

    def accept(self, message: Message) -> bytes:
        """See `Seal`: the credential of a command may be any user's."""
        if message.get("op") != _OP:
            return self._own.accept(message)
        key, self.uid = self._own.open(message, _OP)
        # A name of its own, if it is that of where it comes from.
        told = str(message.get("host", ""))
        self.host = told if self._resolver.address(told) == self.address else self.address
        return key
