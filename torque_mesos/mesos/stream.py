"""The stream of events of one subscription."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Protocol

from http_parser.http import HttpParser

from torque_mesos.mesos.pymesos_import import Connection


class Listener(Protocol):
    """What a stream needs of who reads it. Neither call may raise."""

    def process_event(self, event: Any) -> None:
        """Take one parsed event."""

    def malformed(self, message: str) -> None:
        """Take note of a record that is not JSON."""


def _records(body: bytes) -> Iterator[bytes]:
    """The records of a body that has whole ones only."""
    start = 0
    while start < len(body):
        newline = body.index(b"\n", start)
        end = newline + 1 + int(body[start:newline])
        yield body[newline + 1 : end]
        start = end


class _TextParser(HttpParser):
    """Gives events that are UTF-8, whatever bytes an agent's attribute or a message holds.

    Otherwise one such byte would lose a whole event, with all offers in it.
    """

    def recv_body(self) -> bytes:
        body: bytes = super().recv_body()
        if body.isascii() or self.get_status_code() != HTTPStatus.OK or not self.is_chunked():
            return body
        mended = (record.decode(errors="replace").encode() for record in _records(body))
        return b"".join(b"%d\n%s" % (len(record), record) for record in mended)


class Stream(Connection):  # type: ignore[misc]
    """pymesos' connection, for which one unreadable record is not the end.

    `listener` is also what pymesos calls back: its driver.
    """

    _response: bytes

    def __init__(self, master: str, listener: Any) -> None:
        super().__init__(master, listener)
        self._listener: Listener = listener
        self._parser = _TextParser()

    @property
    def status(self) -> int:
        """The HTTP status of the answer, 0 while there is none."""
        return int(self._parser.get_status_code())

    def read(self) -> bool:
        """Read once and hand over all events that are complete.

        False when the stream is over. Raises RuntimeError for an answer that is no
        stream of events.
        """
        try:
            return bool(super().read())
        except ValueError as error:
            self._listener.malformed(f"a record of the stream is not JSON: {error}")
        # pymesos takes a record off its buffer before it reads it, so those after it are left.
        rest: bytes = self._response
        self._response = b""
        for record in _records(rest):
            try:
                event = json.loads(record)
            except ValueError as error:
                self._listener.malformed(f"a record of the stream is not JSON: {error}")
            else:
                self._listener.process_event(event)
        return not self._parser.is_message_complete()

    def why_over(self) -> str:
        """Why `read` gave False."""
        if self.status not in {0, HTTPStatus.OK}:
            return f"the master answered HTTP {self.status}"
        return "the master closed the connection"
