"""How this host is called, and by which of its addresses others reach it."""

from __future__ import annotations

import socket

_MASTER_PORT = 5050


def own_name() -> str:
    """This host's full name; its plain name where it has no other than localhost."""
    name = socket.getfqdn()
    return socket.gethostname() if name.partition(".")[0] == "localhost" else name


def own_address(master: str | None) -> str:
    """The IPv4 address that packets to a master leave from; `own_name` if that is not known.

    `master` is as in `checks.master_address`. Nothing is sent.
    """
    if master is None:
        return own_name()
    first = master.rpartition("://")[2].partition("/")[0].partition(",")[0]
    host, _, port = first.partition(":")
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((host, int(port or _MASTER_PORT)))
            return str(probe.getsockname()[0])
    except OSError:
        return own_name()
