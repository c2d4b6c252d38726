"""How daemons of different hosts know each other: by a shared secret, or by MUNGE."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Optional, Tuple

from .wire import BadMessage, Message, encode

if TYPE_CHECKING:
    from .munge import Munge

KEY_BYTES = 32


class Seal:
    """What signs the messages of a daemon's connections; false where nothing does."""

    def __init__(self, secret: bytes = b"", munge: Optional[Munge] = None) -> None:
        self._secret = secret
        self._munge = munge

    def __bool__(self) -> bool:
        return bool(self._secret) or self._munge is not None

    @property
    def introduced(self) -> bool:
        """Whether a connection begins with a credential of who opens it."""
        return self._munge is not None

    def begin(self, op: str = "munge", host: str = "") -> Tuple[bytes, bytes]:
        """For a connection that we open: the key that signs, and what is sent before all else.

        `op` says who we are: `munge` a daemon, `command` a command (on the host `host`). Raises
        OSError where munged cannot be asked.
        """
        if self._munge is None:
            return self._secret, b""
        from .munge import MungeError

        key = os.urandom(KEY_BYTES)
        try:
            credential = self._munge.make(key)
        except MungeError as error:
            raise OSError(str(error)) from None
        return key, encode({"op": op, "credential": credential, "host": host})

    def accept(self, message: Message) -> bytes:
        """For one that another opens: the key, from its first message. Raises `BadMessage`."""
        if self._munge is None:
            return self._secret
        key, uid = self.open(message, "munge")
        if uid not in (0, os.geteuid()):
            raise BadMessage(f"munge: the credential is of uid {uid}, no daemon of ours")
        return key

    def open(self, message: Message, op: str) -> Tuple[bytes, int]:
        """The key in a first message, and the uid of who sent it. Raises `BadMessage`."""
        from .munge import MungeError

        if self._munge is None or message.get("op") != op:
            raise BadMessage("munge: the other end brings no credential")
        try:
            key, uid = self._munge.open(str(message.get("credential")))
        except MungeError as error:
            raise BadMessage(str(error)) from None
        if len(key) != KEY_BYTES:
            raise BadMessage(f"munge: a key of {len(key)} bytes")
        return key, uid

    @property
    def at_once(self) -> bytes:
        """The key of a connection that another opens, before its first message."""
        return self._secret


def seal_of(auth: str, secret: bytes) -> Seal:
    """The seal that a setting `auth` asks for: empty, `munge`, or `munge:SOCKET`.

    Raises ValueError where it cannot be had.
    """
    if not auth:
        return Seal(secret)
    kind, _, socket = auth.partition(":")
    if kind != "munge":
        raise ValueError(f"auth is {auth!r}, not munge or munge:SOCKET")
    from .munge import Munge, MungeError

    try:
        return Seal(munge=Munge(socket))
    except MungeError as error:
        raise ValueError(str(error)) from None
