"""Connections between daemons."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack

from torque_mesos.batch.builtin.auth import open_tcp


def test_many_connections_to_one_mom_at_once_have_a_port_each() -> None:
    """Ports are drawn, and one that is drawn twice is not a connection that fails."""
    with ExitStack() as opened:
        mom = opened.enter_context(socket.create_server(("127.0.0.1", 0), backlog=256))
        sockets = [
            opened.enter_context(open_tcp(mom.getsockname(), "127.0.0.1")) for _ in range(150)
        ]
        ports = {sock.getsockname()[1] for sock in sockets}
        assert len(ports) == len(sockets)
        if os.geteuid() == 0:
            assert all(600 <= port < 1024 for port in ports)
