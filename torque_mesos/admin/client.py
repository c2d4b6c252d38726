"""Asking a running framework for its status, through its UNIX socket."""

from __future__ import annotations

import json
import socket
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from torque_mesos.admin.sockets import connect_unix
from torque_mesos.admin.status import Status


class NotRunning(Exception):
    """Nobody answers at the socket."""


class NoAccess(Exception):
    """The socket is not open to the caller."""


class BadAnswer(Exception):
    """What answers is not the framework, or of another version; or it has no status yet."""


class _UnixConnection(HTTPConnection):
    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path, self._timeout_s = path, timeout_s

    def connect(self) -> None:
        self.sock: socket.socket = connect_unix(self._path, self._timeout_s)


def get(socket_path: Path, url_path: str, timeout_s: float = 10.0) -> tuple[int, dict[str, Any]]:
    """The HTTP status and the JSON object of an answer. Raises NotRunning, NoAccess, BadAnswer."""
    connection = _UnixConnection(socket_path, timeout_s)
    try:
        connection.request("GET", url_path)
        response = connection.getresponse()
        text = response.read()
    except PermissionError as error:
        raise NoAccess(f"{socket_path}: {error.strerror}") from None
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError) as error:
        raise NotRunning(f"nothing answers at {socket_path} ({error.strerror})") from None
    except (OSError, HTTPException) as error:
        raise BadAnswer(f"{socket_path}: {error!r}") from error
    finally:
        connection.close()
    try:
        values = json.loads(text)
    except ValueError:
        raise BadAnswer(f"{socket_path}: not JSON: {text[:200]!r}") from None
    if not isinstance(values, dict):
        raise BadAnswer(f"{socket_path}: not an object: {text[:200]!r}")
    return response.status, values


def read_status(socket_path: Path, timeout_s: float = 10.0) -> Status:
    """The status. Raises NotRunning, NoAccess or BadAnswer."""
    code, values = get(socket_path, "/v1/status", timeout_s)
    if code != 200:
        raise BadAnswer(str(values.get("error", f"HTTP {code}")))
    try:
        return Status.from_json(values)
    except (KeyError, TypeError, ValueError) as error:
        raise BadAnswer(f"{socket_path}: not a status that this version knows: {error}") from None


def read_turn(socket_path: Path, timeout_s: float = 10.0) -> str:
    """The last turn as a line of a journal of snapshots. Raises NotRunning, NoAccess, BadAnswer."""
    code, values = get(socket_path, "/v1/turn", timeout_s)
    if code != 200:
        raise BadAnswer(str(values.get("error", f"HTTP {code}")))
    return json.dumps(values)
