"""A socket of the event loop that takes connections."""

from __future__ import annotations

import errno
import selectors
import socket
from typing import Any, Callable

from .loop import Loop


def listen(loop: Loop, sock: socket.socket, accepted: Callable[[socket.socket, Any], None]) -> None:
    """Give every connection that `sock` (bound) accepts, and its peer, to `accepted`."""
    sock.listen(256)
    sock.setblocking(False)

    def accept() -> None:
        try:
            connection, peer = sock.accept()
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.ECONNABORTED):
                loop.log(f"accept failed: {error}")
            return
        accepted(connection, peer)

    loop.watch(sock, selectors.EVENT_READ, accept)
