"""Messages on the wire, and who is believed."""

from __future__ import annotations

import os
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torque_mesos.batch.builtin import auth, wire

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.lists(st.dictionaries(st.text(), VALUES), max_size=4), st.data())
def test_what_is_sent_comes_out_however_it_is_cut(
    messages: list[dict[str, object]], data: st.DataObject
) -> None:
    sent = b"".join(wire.encode(message, b"key") for message in messages)
    decoder = wire.Decoder(secret=b"key")
    got = []
    while sent:
        size = data.draw(st.integers(1, len(sent)))
        got += list(decoder.feed(sent[:size]))
        sent = sent[size:]
    assert got == messages


def test_a_message_above_the_limit_is_refused_before_it_is_read() -> None:
    frame = wire.encode({"text": "x" * 100})
    with pytest.raises(wire.BadMessage, match="more than 50"):
        list(wire.Decoder(50).feed(frame[:40]))


@pytest.mark.parametrize("secret", [b"", b"another"])
def test_a_wrong_signature_is_refused(secret: bytes) -> None:
    with pytest.raises(wire.BadMessage, match="signature"):
        list(wire.Decoder(secret=b"key").feed(wire.encode({}, secret)))


@pytest.mark.parametrize("body", [b"[]", b"nonsense", b"\xff", b'"text"'])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    frame = len(body).to_bytes(4, "big") + bytes(32) + body
    with pytest.raises(wire.BadMessage):
        list(wire.Decoder().feed(frame))


def test_the_kernel_tells_who_is_at_the_other_end_of_a_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        accepted, peer = server.accept()
        with accepted:
            assert auth.local_owner(peer, accepted.getsockname()) == os.geteuid()
            assert auth.trusted_daemon(accepted, peer)
            client.close()
            # A socket that is being closed shows as root's: it must not count.
            assert auth.local_owner(peer, accepted.getsockname()) is None


def test_a_unix_socket_below_a_long_path(tmp_path: object) -> None:
    folder = os.path.join(str(tmp_path), "a" * 120)
    os.mkdir(folder)
    name, descriptor = wire.short_path(os.path.join(folder, "sock"))
    assert descriptor is not None
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(name)
        server.listen()
        os.close(descriptor)
        with wire.connect_unix(os.path.join(folder, "sock")):
            accepted, _ = server.accept()
            with accepted:
                assert auth.peer_uid(accepted) == os.getuid()
