"""Names to addresses: a hosts file of our own first, then the system's resolver."""

from __future__ import annotations

import ipaddress
import os
import socket
from typing import Dict, Optional


class Resolver:
    """Resolves names by a file in the form of /etc/hosts, read anew when it changes."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._read_at: Optional[float] = None
        self._own: Dict[str, str] = {}
        self._cache: Dict[str, str] = {}

    def _refresh(self) -> None:
        try:
            changed = os.stat(self._path).st_mtime
        except OSError:
            changed = None
        if changed == self._read_at:
            return
        self._read_at = changed
        self._own = {}
        self._cache = {}
        if changed is None:
            return
        with open(self._path, encoding="utf-8") as file:
            for line in file:
                address, *names = line.split("#")[0].split() or [""]
                self._own.update((name.lower(), address) for name in names)

    def address(self, name: str) -> Optional[str]:
        """The IPv4 address of `name` (an address is its own), None where it has none."""
        self._refresh()
        if name.lower() in self._own:
            return self._own[name.lower()]
        try:
            return str(ipaddress.IPv4Address(name))
        except ValueError:
            pass
        if name not in self._cache:
            try:
                found = socket.getaddrinfo(name, None, socket.AF_INET, socket.SOCK_STREAM)
            except (OSError, UnicodeError):
                return None
            self._cache[name] = str(found[0][4][0])
        return self._cache[name]


def is_loopback(address: str) -> bool:
    """Whether an address is this host's own for every host."""
    return address.startswith("127.")
