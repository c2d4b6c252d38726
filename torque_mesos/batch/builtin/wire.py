"""Messages between the commands and the daemons: a length, a signature, then JSON.

A frame is 4 bytes of length (big endian), 32 bytes of HMAC-SHA256 over the JSON (zeros
where no secret is shared), and the JSON object itself. Replies may be large (all jobs);
requests are bounded.
"""

from __future__ import annotations

import json
import os
import socket
import struct
from typing import Any, Dict, Iterator, Optional, Tuple

Message = Dict[str, Any]

REQUEST_LIMIT = 16 * 2**20
REPLY_LIMIT = 512 * 2**20
_LENGTH = struct.Struct(">I")
_NO_SIGNATURE = bytes(32)
_HEADER = _LENGTH.size + len(_NO_SIGNATURE)


class BadMessage(Exception):
    """What came over the wire is no message of ours; the connection must be closed."""


def _sign(body: bytes, secret: bytes) -> bytes:
    if not secret:
        return _NO_SIGNATURE
    import hmac  # commands on one host sign nothing, and start faster without it

    return hmac.new(secret, body, "sha256").digest()


def encode(message: Message, secret: bytes = b"") -> bytes:
    """One frame that carries `message`."""
    body = json.dumps(message, separators=(",", ":")).encode()
    return _LENGTH.pack(len(body)) + _sign(body, secret) + body


class Decoder:
    """Takes bytes as they come and gives the messages in them.

    Raises `BadMessage` on a frame above `limit` bytes, a wrong signature, or what is
    not a JSON object.
    """

    def __init__(self, limit: int = REQUEST_LIMIT, secret: bytes = b"") -> None:
        self._limit = limit
        self._secret = secret
        self._buffer = bytearray()

    def use(self, secret: bytes) -> None:
        """Check the signatures of all further messages with another secret."""
        self._secret = secret

    def feed(self, data: bytes) -> Iterator[Message]:
        """Add bytes; yield every message that is complete now."""
        self._buffer += data
        while len(self._buffer) >= _HEADER:
            (length,) = _LENGTH.unpack_from(self._buffer)
            if length > self._limit:
                raise BadMessage(f"a message of {length} bytes, more than {self._limit}")
            if len(self._buffer) < _HEADER + length:
                return
            signature = bytes(self._buffer[_LENGTH.size : _HEADER])
            body = bytes(self._buffer[_HEADER : _HEADER + length])
            del self._buffer[: _HEADER + length]
            yield self._open(body, signature)

    def _open(self, body: bytes, signature: bytes) -> Message:
        if self._secret:
            import hmac

            if not hmac.compare_digest(signature, _sign(body, self._secret)):
                raise BadMessage("a message with a wrong signature")
        try:
            message = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise BadMessage(f"not JSON: {body[:80]!r}") from error
        if not isinstance(message, dict):
            raise BadMessage(f"not a JSON object: {body[:80]!r}")
        return message


def short_path(path: str) -> Tuple[str, Optional[int]]:
    """A name for a unix socket that fits into 108 bytes, and a descriptor to close after use."""
    if len(path.encode()) < 100:
        return path, None
    folder, name = os.path.split(path)
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    return f"/proc/self/fd/{descriptor}/{name}", descriptor


def connect_unix(path: str, timeout_s: Optional[float] = None) -> socket.socket:
    """A connection to the unix socket at `path`. Raises OSError."""
    name, descriptor = short_path(path)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout_s)
        connection.connect(name)
    except OSError:
        connection.close()
        raise
    finally:
        if descriptor is not None:
            os.close(descriptor)
    return connection


def ask(connection: socket.socket, message: Message, secret: bytes = b"") -> Message:
    """Send `message` and wait for the answer, which may come in parts: all but the last
    say `more`, and their lists are joined. Raises OSError and `BadMessage`.
    """
    connection.sendall(encode(message, secret))
    decoder = Decoder(REPLY_LIMIT, secret)
    answer: Message = {}
    while True:
        data = connection.recv(1 << 20)
        if not data:
            raise ConnectionResetError("the connection was closed before an answer came")
        for part in decoder.feed(data):
            more = part.pop("more", False)
            for name, value in part.items():
                answer[name] = answer[name] + value if name in answer else value
            if not more:
                return answer
