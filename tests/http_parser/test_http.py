"""The parser seen as pymesos sees it."""

import itertools

import pytest
from http_parser.http import HttpParser
from hypothesis import given
from hypothesis import strategies as st

from .test_records import frame, unframe

HEAD = (
    b"HTTP/1.1 200 OK\r\nDate: Fri, 20 Nov 2026 16:00:07 GMT\r\n"
    b"Transfer-Encoding: chunked\r\nMesos-Stream-Id: 4726acb7\r\n\r\n"
)


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[bytes], bytes, list[bytes]]:
    """Records, the response that carries them in arbitrary chunks, and arbitrary reads of it."""
    records = draw(st.lists(st.binary(max_size=30)))
    body = b"".join(map(frame, records))
    edges = sorted(draw(st.sets(st.integers(0, len(body)))) | {0, len(body)})
    wire = HEAD + b"".join(chunk(body[a:b]) for a, b in itertools.pairwise(edges)) + b"0\r\n\r\n"
    cuts = sorted(draw(st.sets(st.integers(0, len(wire)), max_size=20)) | {0, len(wire)})
    return records, wire, [wire[a:b] for a, b in itertools.pairwise(cuts)]


@given(streams())
def test_any_records_in_any_chunks_in_any_reads(
    case: tuple[list[bytes], bytes, list[bytes]],
) -> None:
    records, _wire, reads = case
    parser = HttpParser()
    got = []
    for position, data in enumerate(reads):
        assert parser.execute(data, len(data)) == len(data)
        last = position == len(reads) - 1
        assert parser.is_message_complete() is last
        partial = parser.is_partial_body()
        body = parser.recv_body()
        assert partial is bool(body)
        assert not parser.is_partial_body()
        got += unframe(body)
    assert got == records
    assert parser.is_headers_complete()
    assert parser.is_chunked()
    assert parser.get_status_code() == 200
    assert parser.get_headers()["mesos-stream-id"] == "4726acb7"
    assert parser.get_errno() == 0


def test_nothing_is_known_before_the_headers_are_there() -> None:
    parser = HttpParser()
    parser.execute(HEAD[:-1], len(HEAD) - 1)
    assert not parser.is_headers_complete()
    assert parser.get_status_code() == 0
    assert parser.get_headers() == {}
    parser.execute(HEAD[-1:], 1)
    assert parser.is_headers_complete()
    assert not parser.is_message_complete()


@pytest.mark.parametrize(
    "wire",
    [
        b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 5\r\n\r\nwhat?",
        b"HTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nwhat?\r\n0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhat?",
    ],
)
def test_other_bodies_come_as_they_are(wire: bytes) -> None:
    parser = HttpParser()
    assert parser.execute(wire + b"trailing", len(wire)) == len(wire)
    assert parser.recv_body() == b"what?"
    assert parser.is_message_complete()
    assert parser.execute(b"more", 4) == 4, "what follows the response is not looked at"


def test_a_body_without_a_length_ends_with_the_connection() -> None:
    parser = HttpParser()
    wire = b"HTTP/1.0 503 Busy\r\n\r\nlater"
    parser.execute(wire, len(wire))
    assert not parser.is_message_complete()
    parser.execute(b"", 0)
    assert parser.is_message_complete()
    assert parser.recv_body() == b"later"


@pytest.mark.parametrize(
    "wire", [b"SMTP ready\r\n\r\n", HEAD + b"zz\r\n", HEAD + chunk(b"no record\n")]
)
def test_garbage_is_an_error_that_stays(wire: bytes) -> None:
    parser = HttpParser()
    assert parser.execute(wire, len(wire)) != len(wire)
    assert parser.get_errno() != 0
    assert parser.execute(b"x", 1) != 1


def test_it_is_not_taken_for_the_other_parser() -> None:
    """pymesos looks for these two and then imports a module that does not exist here."""
    assert not hasattr(HttpParser(), "errno")
    assert not hasattr(HttpParser(), "errstr")


def test_a_request_can_be_read_too() -> None:
    parser = HttpParser(0)
    assert parser.get_method() == parser.get_url() == ""
    wire = b"POST /api/v1/scheduler HTTP/1.1\r\nHost: m1\r\nContent-Length: 2\r\n\r\n{}"
    assert parser.execute(wire, len(wire)) == len(wire)
    assert (parser.get_method(), parser.get_url()) == ("POST", "/api/v1/scheduler")
    assert parser.get_headers() == {"host": "m1", "content-length": "2"}
    assert parser.get_status_code() == 0
    assert parser.recv_body() == b"{}"
    assert parser.is_message_complete()
