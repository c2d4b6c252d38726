"""The names that an executor is told, and keeps known on its agent while it lives.

They travel as base64 of JSON, in TaskInfo.data and in messages of the framework:
`{"names": {"10.0.0.1": ["head"], "10.0.0.11": ["n1", "ip-10-0-0-11"]}}`.
"""

from __future__ import annotations

import base64
import binascii
import json
import logging
from typing import Dict, Optional, Tuple

from torque_mesos.mom.hosts_file import HostNames, Names, NamesError
from torque_mesos.mom.settings import MomSettings

log = logging.getLogger(__name__)


def encode_names(names: Names) -> str:
    """Names as they travel: the same text for equal names."""
    values = {address: list(names[address]) for address in sorted(names)}
    text = json.dumps({"names": values}, separators=(",", ":"))
    return base64.b64encode(text.encode()).decode("ascii")


def decode_names(data: str) -> Dict[str, Tuple[str, ...]]:
    """Read what `encode_names` wrote. Raises NamesError for anything else.

    Nothing is read of what tells of other things only (see `users`).
    """
    try:
        told = json.loads(base64.b64decode(data, validate=True).decode())
        values = told["names"] if "users" not in told else told.get("names", {})
        names = {str(address): tuple(values[address]) for address in values}
        if all(isinstance(name, str) for every in names.values() for name in every):
            return names
    except (binascii.Error, ValueError, KeyError, TypeError) as error:
        raise NamesError(f"not names: {data[:80]!r}: {error!r}") from None
    raise NamesError(f"not names: {data[:80]!r}")


class KnownNames:
    """What an executor does with the names it is told. What fails is logged: DNS may do."""

    def __init__(self) -> None:
        self._host_names: Optional[HostNames] = None

    def told(self, settings: Optional[MomSettings], data: str) -> None:
        """Make known what came as `data`; an empty text says nothing."""
        if not data or settings is None:
            return
        try:
            names = decode_names(data)
            if self._host_names is None:
                self._host_names = HostNames(
                    settings.names_mark, settings.names_file, settings.names_hook
                )
            if names:
                self._host_names.keep(names)
        except NamesError as error:
            log.error("names of hosts: %s", error)

    def forget(self) -> None:
        """Take away what was made known."""
        if self._host_names is not None:
            try:
                self._host_names.remove()
            except NamesError as error:
                log.error("names of hosts: %s", error)
