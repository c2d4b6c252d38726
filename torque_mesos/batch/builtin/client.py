"""What all commands share: reaching the server, and saying so when it cannot be reached."""

from __future__ import annotations

import os
import socket
import sys
from typing import Any, List, NoReturn, Tuple

from .errors import BADHOST, TIMEOUT, PbsError
from .home import Home
from .wire import Message, ask, connect_unix

Told = List[Tuple[str, List[Tuple[str, str]]]]

NO_SERVER = 111
# How long a command waits for an answer; PBSAPITIMEOUT is TORQUE's name for it.
_PATIENCE_S = 300


class Unreachable(Exception):
    """The server cannot be reached; what TORQUE prints about that was printed."""

    def __init__(self, code: int, text: str, server: str) -> None:
        self.code = code
        self.text = text
        self.server = server
        super().__init__(text)

    def complain(self, command: str) -> int:
        """Say so as a command does; gives its exit code."""
        warn(f"{command}: cannot connect to server {self.server} (errno={self.code}) {self.text}")
        return self.code & 0xFF


class Server:
    """A connection to the server. `tries` is how often the command asks before it gives up."""

    def __init__(self, home: Home, tries: int = 1, name: str = "") -> None:
        self.name = home.server_name
        name = name or os.environ.get("PBS_DEFAULT", "")
        if home.is_clients:
            self.name = name or self.name
        elif name and name != self.name:
            elsewhere(name, tries)
        for _ in range(tries):
            try:
                self._connect(home)
            except OSError as error:
                _complain(home, self.name, error)
            else:
                return
        raise Unreachable(NO_SERVER, os.strerror(NO_SERVER), self.name)

    def _connect(self, home: Home) -> None:
        self._secret = b""
        if home.is_clients:
            from .remote import connect

            self._connection, self._secret = connect(self.name, home.server_port)
        else:
            self._connection = connect_unix(home.socket)
        self._connection.settimeout(_patience_s())

    def ask(self, op: str, **values: Any) -> Message:
        """One request. Raises `PbsError`, and `Unreachable` if the server goes away."""
        try:
            reply = ask(self._connection, {"op": op, **values}, self._secret)
        except socket.timeout:  # noqa: UP041 - Python 3.9
            raise PbsError(TIMEOUT) from None
        except OSError:
            raise Unreachable(NO_SERVER, os.strerror(NO_SERVER), self.name) from None
        error = PbsError.of_reply(reply)
        if error is not None:
            raise error
        return reply


def elsewhere(name: str, tries: int = 1) -> NoReturn:
    """Say that there is no server of ours on another host. Raises `Unreachable`."""
    try:
        socket.gethostbyname(name)
    except OSError:
        for _ in range(tries):
            warn(f"Can not resolve name for server {name}. (rc = -2 - )")
            warn(f"Cannot resolve specified server host '{name}'.")
        raise Unreachable(BADHOST, PbsError(BADHOST).text, name) from None
    for _ in range(tries):
        warn(f"Cannot connect to specified server host '{name}'.")
    raise Unreachable(NO_SERVER, os.strerror(NO_SERVER), name)


def _patience_s() -> float:
    text = os.environ.get("PBSAPITIMEOUT", "")
    return float(text) if text.isdigit() and int(text) > 0 else _PATIENCE_S


def _complain(home: Home, name: str, error: OSError) -> None:
    from .names import Resolver

    if error.errno is None:  # not the system's, but our own words
        warn(str(error))
    address = Resolver(home.join("hosts")).address(name) or "unknown"
    warn(f"\nUnable to communicate with {name}({address})")
    warn(f"Cannot connect to specified server host '{name}'.")


def warn(text: str) -> None:
    """A line on stderr."""
    sys.stderr.write(text + "\n")


def shown_id(job_id: str, server: str) -> str:
    """A job's id as commands name it: with the server's name."""
    return job_id if "." in job_id else f"{job_id}.{server}"
