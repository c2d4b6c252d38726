"""One HTTP request to a master."""

from __future__ import annotations

from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException

from torque_mesos.mesos.base import MesosError

_QUOTED = 500


def request(
    master: str,
    method: str,
    path: str,
    headers: Mapping[str, str],
    data: bytes | None,
    timeout_s: float,
) -> bytes:
    """Send one request to `master` (`host:port`) and give the body of its answer.

    It has a connection of its own: a kept one that has just been closed would leave us
    not knowing whether the master has seen the call, and an ACCEPT must not be sent
    twice. Raises MesosError when no answer comes within `timeout_s`, or one without
    success; redirects are not followed, for who leads is the subscription's business.
    """
    connection = HTTPConnection(master, timeout=timeout_s)
    try:
        connection.request(method, path, body=data, headers=dict(headers))
        response = connection.getresponse()
        text = response.read()
    except (OSError, HTTPException) as error:
        raise MesosError(f"{method} to {master}{path}: {type(error).__name__}: {error}") from error
    finally:
        connection.close()
    if not 200 <= response.status < 300:
        said = text[:_QUOTED].decode(errors="replace")
        raise MesosError(f"{method} to {master}{path}: HTTP {response.status}: {said}")
    return text
