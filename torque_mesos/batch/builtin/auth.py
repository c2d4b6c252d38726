"""Who is at the other end of a connection.

On one host the kernel tells: of a unix socket by SO_PEERCRED, of a TCP connection by
/proc/net/tcp, which names the owner of the peer's socket. From another host a daemon of
root's comes, as TORQUE's do, from a privileged port. A shared secret can be had besides.
"""

from __future__ import annotations

import errno
import os
import pwd
import random
import socket
import struct
from typing import Optional, Tuple

Address = Tuple[str, int]

_ESTABLISHED = "01"
_TAKEN = (errno.EADDRINUSE, errno.EADDRNOTAVAIL)


def peer_uid(sock: socket.socket) -> int:
    """The uid of the process at the other end of a unix socket."""
    size = struct.calcsize("3i")
    credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    return int(struct.unpack("3i", credentials)[1])


def user_name(uid: int) -> str:
    """The login name of `uid`, or the number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _proc_form(address: Address) -> str:
    (number,) = struct.unpack("=I", socket.inet_aton(address[0]))
    return f"{number:08X}:{address[1]:04X}"


def local_owner(peer: Address, own: Address) -> Optional[int]:
    """The uid that holds the peer's end of a TCP connection on this host, None if it is not here.

    Only an established socket counts: one that is closing shows as root's.
    """
    local, remote = _proc_form(peer), _proc_form(own)
    with open("/proc/net/tcp", encoding="ascii") as table:
        for line in table:
            fields = line.split()
            if fields[1] == local and fields[2] == remote and fields[3] == _ESTABLISHED:
                return int(fields[7])
    return None


def trusted_daemon(sock: socket.socket, peer: Address) -> bool:
    """Whether a TCP peer is a daemon of ours: root's, or this very user's on this host."""
    owner = local_owner(peer, sock.getsockname())
    if owner is not None:
        return owner in (0, os.geteuid())
    return os.geteuid() == 0 and peer[1] < 1024


def open_tcp(target: Address, source: Optional[str]) -> socket.socket:
    """Begin a connection to `target` from the address `source`; root's from a privileged port.

    The socket does not block, and may still be connecting. Raises OSError.
    """
    if os.geteuid() == 0:
        start = random.randrange(600, 1024)  # noqa: S311 - spreads the ports, protects nothing
        for port in [*range(start, 1024), *range(600, start)]:
            try:
                return _open_from((source or "", port), target)
            except OSError as error:
                if error.errno not in _TAKEN:
                    raise
    return _open_from((source or "", 0), target)


def _open_from(own: Address, target: Address) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setblocking(False)
        if own[1]:
            # A port may serve many connections, each to another target: that it has one to
            # this target already is found by `connect` only.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(own)
        except PermissionError:
            sock.bind((own[0], 0))
        sock.connect(target)
    except BlockingIOError:
        return sock
    except OSError:
        sock.close()
        raise
    return sock
