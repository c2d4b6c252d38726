"""Which users an agent lacks: the framework asks before jobs of theirs can come there.

A mom refuses the job of a user whom its host does not know, without a word to its owner. The
question travels with the names of hosts (see `names`), as base64 of JSON: `{"users": ["bob"]}`;
the answer in the data of task statuses: `{"lacks": ["bob"]}`.
"""

from __future__ import annotations

import base64
import binascii
import json
import pwd
import time
from typing import Any, Dict, FrozenSet, Iterable, List, Tuple

AGAIN_S = 2.0


class UsersError(ValueError):
    """A text that is not what it should be; quoted."""


def encode_told(names: str, users: Iterable[str]) -> str:
    """Names of hosts as they travel (empty: none are told), and users to be asked for."""
    asked = list(users)
    if not asked:
        return names
    values = _decode(names) if names else {}
    return _encode({**values, "users": asked})


def decode_users(data: str) -> Tuple[str, ...]:
    """The users of what is told; none where it tells of names only. Raises UsersError."""
    return tuple(_texts(_decode(data).get("users", []), data))


def decode_lacks(data: str) -> FrozenSet[str]:
    """The users that an executor's answer names; of an empty one none. Raises UsersError."""
    return frozenset(_texts(_decode(data).get("lacks", []), data)) if data else frozenset()


class AskedUsers:
    """What an executor does with the question. Times are those of `time.monotonic`."""

    def __init__(self) -> None:
        self._asked: Tuple[str, ...] = ()
        self._lacks: Tuple[str, ...] = ()
        self._looked_s = 0.0
        self.answer = ""

    def told(self, data: str) -> bool:
        """Take a question out of what is told; whether the answer is to be given again.

        Raises UsersError.
        """
        asked = decode_users(data) if data else ()
        if not asked:
            return False
        self._asked = asked
        return self._look() or bool(self._lacks)

    def changed(self, now_s: float) -> bool:
        """Look again where some were lacking: whether the answer is another."""
        if not self._lacks or now_s - self._looked_s < AGAIN_S:
            return False
        return self._look()

    def _look(self) -> bool:
        before, self._looked_s = self._lacks, time.monotonic()
        self._lacks = tuple(user for user in self._asked if not _is_known(user))
        self.answer = _encode({"lacks": list(self._lacks)}) if self._lacks else ""
        return self._lacks != before


def _is_known(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except (KeyError, ValueError):  # ValueError: a name that no account can have
        return False
    return True


def _encode(values: Dict[str, Any]) -> str:
    return base64.b64encode(json.dumps(values, separators=(",", ":")).encode()).decode("ascii")


def _decode(data: str) -> Dict[str, Any]:
    try:
        values = json.loads(base64.b64decode(data, validate=True).decode())
    except (binascii.Error, ValueError) as error:
        raise UsersError(f"not base64 of JSON: {data[:80]!r}: {error}") from None
    if not isinstance(values, dict):
        raise UsersError(f"not an object: {data[:80]!r}")
    return values


def _texts(values: object, data: str) -> List[str]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise UsersError(f"not a list of users: {data[:80]!r}")
    return values
