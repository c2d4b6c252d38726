"""MUNGE between hosts: who opens a connection proves that he is root, or the server's user.

A connection begins with a credential that munged made of 32 random bytes. Only a munged with
the same key can open it, once, and for some minutes; it says whose process asked for it. The
bytes then sign every message of the connection, in both directions.
"""

from __future__ import annotations

import ctypes
import os
from typing import Any, Tuple

_LIBRARY = "libmunge.so.2"
_OPT_SOCKET = 8
_SUCCESS, _EXPIRED, _REWOUND, _REPLAYED = 0, 15, 16, 17
_HINTS = {
    _EXPIRED: "; do the clocks of the two hosts agree?",
    _REWOUND: "; do the clocks of the two hosts agree?",
    _REPLAYED: "; somebody sends again what he has heard",
}


class MungeError(Exception):
    """munged cannot be asked, or does not accept a credential; the message says why."""


class Munge:
    """Makes and opens credentials by the munged at `socket`; empty: the usual one."""

    def __init__(self, socket: str = "") -> None:
        try:
            self._library: Any = ctypes.CDLL(_LIBRARY)
        except OSError as error:
            raise MungeError(f"auth is munge, and there is no {_LIBRARY}: {error}") from None
        self._library.munge_strerror.restype = ctypes.c_char_p
        self._library.munge_ctx_strerror.restype = ctypes.c_char_p
        self._library.munge_ctx_create.restype = ctypes.c_void_p
        self._context = ctypes.c_void_p(self._library.munge_ctx_create())
        if socket:
            path = ctypes.c_char_p(os.fsencode(socket))
            self._check(self._library.munge_ctx_set(self._context, _OPT_SOCKET, path))

    def make(self, payload: bytes) -> str:
        """A credential that carries `payload`. Raises `MungeError`."""
        made = ctypes.c_char_p()
        size = len(payload)
        error = self._library.munge_encode(ctypes.byref(made), self._context, payload, size)
        try:
            self._check(error)
            return (made.value or b"").decode("ascii")
        finally:
            self._free(made)

    def open(self, credential: str) -> Tuple[bytes, int]:
        """What a credential carries, and the uid of who had it made. Raises `MungeError`."""
        data, size = ctypes.c_void_p(), ctypes.c_int()
        uid, gid = ctypes.c_uint32(), ctypes.c_uint32()
        error = self._library.munge_decode(
            credential.encode("ascii", "replace"),
            self._context,
            *map(ctypes.byref, (data, size, uid, gid)),
        )
        try:
            self._check(error)
            return ctypes.string_at(data, size.value), uid.value
        finally:
            self._free(data)

    def _check(self, error: int) -> None:
        if error == _SUCCESS:
            return
        told = self._library.munge_ctx_strerror(self._context)
        text = (told or self._library.munge_strerror(error)).decode("utf-8", "replace")
        raise MungeError(f"munge: {text}{_HINTS.get(error, '')}")

    @staticmethod
    def _free(pointer: Any) -> None:
        if pointer:
            free = ctypes.CDLL(None).free
            free.argtypes = [ctypes.c_void_p]
            free(ctypes.cast(pointer, ctypes.c_void_p))
