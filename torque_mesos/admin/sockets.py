"""UNIX sockets at paths of any length, with their mode set before anyone can connect."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PATH_MAX = 107  # of sun_path, less its last zero


@contextmanager
def _reachable(path: Path) -> Iterator[str]:
    """A name for `path` that fits into a socket's address."""
    if len(os.fsencode(path)) <= _PATH_MAX:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def listen_unix(path: Path, mode: int) -> socket.socket:
    """A listening socket at `path`; an old one there is replaced. Raises OSError."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # Linux makes the file with the socket's own mode (less the umask): no moment
        # passes in which it is open to more than `mode` says.
        os.fchmod(listener.fileno(), mode)
        with _reachable(path) as name:
            listener.bind(name)
        path.chmod(mode)
        listener.listen(64)
    except OSError:
        listener.close()
        raise
    return listener


def connect_unix(path: Path, timeout_s: float) -> socket.socket:
    """A connection with the socket at `path`. Raises OSError."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(timeout_s)
    try:
        with _reachable(path) as name:
            connection.connect(name)
    except OSError:
        connection.close()
        raise
    return connection


def listen_tcp(host: str, port: int) -> socket.socket:
    """A listening socket at an address of this host; port 0: any free one. Raises OSError."""
    return socket.create_server((host, port), backlog=128)
