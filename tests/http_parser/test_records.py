"""Whole records come out, however the stream was cut."""

import itertools
import time

import pytest
from http_parser.records import RecordBuffer, RecordError
from hypothesis import given
from hypothesis import strategies as st


def frame(record: bytes) -> bytes:
    return b"%d\n%s" % (len(record), record)


def unframe(body: bytes) -> list[bytes]:
    records = []
    while body:
        length, _, body = body.partition(b"\n")
        records.append(body[: int(length)])
        assert len(records[-1]) == int(length), "a part of a record was handed over"
        body = body[int(length) :]
    return records


@st.composite
def cut_streams(draw: st.DrawFn) -> tuple[list[bytes], list[bytes]]:
    records = draw(st.lists(st.binary(max_size=40) | st.sampled_from([b"7\nabc", b"\n", b"{}"])))
    stream = b"".join(map(frame, records))
    cuts = sorted(draw(st.sets(st.integers(0, len(stream)))) | {0, len(stream)})
    return records, [stream[a:b] for a, b in itertools.pairwise(cuts)]


@given(cut_streams(), st.booleans())
def test_any_cut_gives_the_same_records(case: tuple[list[bytes], list[bytes]], late: bool) -> None:
    records, pieces = case
    buffer = RecordBuffer()
    taken = []
    for piece in pieces:
        buffer.feed(piece)
        if not late:
            taken += unframe(buffer.take())
            assert not buffer
    taken += unframe(buffer.take())
    assert taken == records
    assert buffer.take() == b""


@pytest.mark.parametrize("stream", [b"x\n", b"\n{}", b"-1\n", b"1 \n", b"3\nabcd\n", b"9" * 21])
def test_what_is_no_length_is_refused_quoted(stream: bytes) -> None:
    with pytest.raises(RecordError, match="not the length of a record"):
        RecordBuffer().feed(stream)


def test_it_is_refused_when_it_comes_byte_by_byte_too() -> None:
    buffer = RecordBuffer()
    buffer.feed(b"1")
    with pytest.raises(RecordError, match="b'1x'"):
        buffer.feed(b"x")


def test_time_grows_with_the_length_not_with_its_square() -> None:
    def seconds(length: int) -> float:
        piece = b"x" * 1000
        buffer = RecordBuffer()
        begin = time.process_time()
        buffer.feed(b"%d\n" % length)
        for _ in range(length // len(piece)):
            buffer.feed(piece)
            buffer.take()
        return time.process_time() - begin

    small = min(seconds(1_000_000) for _ in range(3))
    assert seconds(16_000_000) < 16 * small * 6 + 0.5
