"""The sockets on which a mom listens."""

from __future__ import annotations

import errno
import socket
from typing import List

from .mom_config import MomConfig
from .names import is_loopback


def mom_sockets(own: str, config: MomConfig) -> List[socket.socket]:
    """Sockets on the address of the mom's own name, so that several moms share a machine.

    A mom on an address that other hosts know also hears momctl on localhost.
    """
    socks = [_bind(own, port) for port in (config.service_port, config.manager_port)]
    if not is_loopback(own):
        try:
            socks.append(_bind("127.0.0.1", config.manager_port))
        except OSError:
            # Another mom of this machine has it; momctl must name its host then.
            return socks
    return socks


def _bind(address: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((address, port))
    except OSError as error:
        if error.errno != errno.EADDRNOTAVAIL:
            raise
        # The name stands for an address that reaches this host from outside only.
        sock.bind(("", port))
    return sock
