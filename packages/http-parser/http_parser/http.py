"""HttpParser: one HTTP/1.1 response, as pymesos reads it, or one request, as its tests do."""

from __future__ import annotations

import h11

from http_parser.records import RecordBuffer, RecordError

REQUEST = 0
RESPONSE = 1
OK = 200

# What `get_errno` gives. pymesos only compares it with nothing and prints it.
HPE_OK = 0
HPE_INVALID_CONSTANT = 24
HPE_INVALID_RECORD = 33

_HEADERS_BYTES = 1 << 20


class HttpParser:
    """Parses one response, or one request if `kind` is REQUEST.

    The body of a chunked response with status 200 is handed over in whole RecordIO
    records, every other body as it comes. There are no attributes `errno` and
    `errstr` on purpose: pymesos takes an object with them for another parser.
    """

    def __init__(self, kind: int = RESPONSE) -> None:
        role = h11.SERVER if kind == REQUEST else h11.CLIENT
        self._http = h11.Connection(role, max_incomplete_event_size=_HEADERS_BYTES)
        if kind != REQUEST:
            # h11 wants to know what was asked before it reads an answer. The headers of
            # this request are seen by nobody.
            self._http.send(h11.Request(method="POST", target="/", headers=[("Host", "master")]))
            self._http.send(h11.EndOfMessage())
        self._head: h11.Response | h11.Request | None = None
        self._chunked = False
        self._records: RecordBuffer | None = None
        self._plain: list[bytes] = []
        self._complete = False
        self._errno = HPE_OK

    def execute(self, data: bytes, length: int) -> int:
        """Parse the first `length` bytes of `data`; none is the end of the connection.

        Returns `length`, or -1 after an error: then `get_errno()` is not 0, and what
        comes later is not parsed either.
        """
        if self._errno:
            return -1
        try:
            if not self._complete:
                self._http.receive_data(data if length == len(data) else data[:length])
                self._advance()
        except h11.RemoteProtocolError:
            self._errno = HPE_INVALID_CONSTANT
        except RecordError:
            self._errno = HPE_INVALID_RECORD
        return -1 if self._errno else length

    def is_headers_complete(self) -> bool:
        """Whether the first line and all headers are there."""
        return self._head is not None

    def get_status_code(self) -> int:
        """The status, 0 while it is not known and for a request."""
        return self._head.status_code if isinstance(self._head, h11.Response) else 0

    def get_method(self) -> str:
        """The method of a request, empty while it is not known."""
        return self._head.method.decode("ascii") if isinstance(self._head, h11.Request) else ""

    def get_url(self) -> str:
        """The target of a request, empty while it is not known."""
        return self._head.target.decode("ascii") if isinstance(self._head, h11.Request) else ""

    def get_headers(self) -> dict[str, str]:
        """The headers, in lower case; several of one name are joined by a comma."""
        headers: dict[str, str] = {}
        for name, value in self._head.headers if self._head else ():
            key, text = name.decode("ascii"), value.decode("latin-1")
            headers[key] = headers[key] + ", " + text if key in headers else text
        return headers

    def is_chunked(self) -> bool:
        """Whether the body comes in chunks."""
        return self._chunked

    def is_partial_body(self) -> bool:
        """Whether `recv_body` has something to give."""
        return bool(self._plain) or bool(self._records)

    def recv_body(self) -> bytes:
        """What there is of the body and was not handed over yet (see the class)."""
        if self._records is not None:
            return self._records.take()
        body = b"".join(self._plain)
        self._plain = []
        return body

    def is_message_complete(self) -> bool:
        """Whether the end of the message was seen."""
        return self._complete

    def get_errno(self) -> int:
        """0, or what `execute` failed of."""
        return self._errno

    def _advance(self) -> None:
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA or event is h11.PAUSED:
                return
            if isinstance(event, (h11.Response, h11.Request)):
                self._head = event
                self._chunked = any(
                    name == b"transfer-encoding" and value.lower() == b"chunked"
                    for name, value in event.headers
                )
                if self._chunked and self.get_status_code() == OK:
                    self._records = RecordBuffer()
            elif isinstance(event, h11.Data):
                if self._records is not None:
                    self._records.feed(bytes(event.data))
                else:
                    self._plain.append(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage):
                self._complete = True
                return
            elif isinstance(event, h11.ConnectionClosed):
                return
