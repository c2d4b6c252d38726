"""The event loop of the daemons."""

from __future__ import annotations

import selectors
import socket

from torque_mesos.batch.builtin.loop import Loop


def test_a_call_may_close_what_another_is_waiting_for_in_the_same_turn() -> None:
    logged: list[str] = []
    loop = Loop(logged.append)
    first, other_end = socket.socketpair()
    second, far_end = socket.socketpair()
    called: list[str] = []

    def close_the_other(name: str, own: socket.socket, other: socket.socket) -> None:
        called.append(name)
        own.recv(1)
        loop.forget(other)
        other.close()
        loop.call_later(0.05, loop.stop)

    loop.watch(first, selectors.EVENT_READ, lambda: close_the_other("first", first, second))
    loop.watch(second, selectors.EVENT_READ, lambda: close_the_other("second", second, first))
    other_end.send(b"x")
    far_end.send(b"x")
    loop.run()
    assert len(called) == 1
    assert logged == []
    for sock in (first, second, other_end, far_end):
        sock.close()
