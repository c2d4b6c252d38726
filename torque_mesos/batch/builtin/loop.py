"""A small event loop: framed connections, listeners, timers, signals. One thread.

asyncio would do, but takes 60 ms to import, and a mom's start is waited for by jobs.
"""

from __future__ import annotations

import heapq
import itertools
import os
import selectors
import signal
import socket
import time
from contextlib import suppress
from functools import partial
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

from .seal import Seal
from .wire import REQUEST_LIMIT, BadMessage, Decoder, Message, encode

Callback = Callable[[], None]
Log = Callable[[str], None]

NO_SEAL = Seal()
TIMERS_S = 0.2  # of many that are due at once; then others have a turn


class Timer:
    """A call that will be made once, unless cancelled."""

    def __init__(self, call: Callback) -> None:
        self.call = call
        self.cancelled = False

    def cancel(self) -> None:
        """Do not make the call."""
        self.cancelled = True


class Loop:
    """Waits for sockets and times, and makes the calls that were asked for."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self._selector = selectors.DefaultSelector()
        self._timers: List[Tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._stopped = False
        self._signals: Dict[int, Callback] = {}
        self.after_turn: List[Callback] = []
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.watch(self._wake_read, selectors.EVENT_READ, self._take_signals)

    def on_signal(self, number: int, call: Callback) -> None:
        """Make `call` in the loop when the signal comes."""
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        self._signals[number] = call
        signal.signal(number, lambda *_: None)

    def _take_signals(self) -> None:
        for number in set(os.read(self._wake_read, 4096)):
            if number in self._signals:
                self._signals[number]()

    def watch(self, file: Any, events: int, call: Callback) -> None:
        """Make `call` whenever `file` is ready; replaces an earlier watch of it."""
        try:
            self._selector.modify(file, events, call)
        except KeyError:
            self._selector.register(file, events, call)

    def forget(self, file: Any) -> None:
        """Watch `file` no more."""
        with suppress(KeyError, ValueError):
            self._selector.unregister(file)

    def call_later(self, delay_s: float, call: Callback) -> Timer:
        """Make `call` after `delay_s` seconds."""
        timer = Timer(call)
        heapq.heappush(self._timers, (time.monotonic() + delay_s, next(self._order), timer))
        return timer

    def stop(self) -> None:
        """End `run` after this turn."""
        self._stopped = True

    def run(self) -> None:
        """Work until `stop`. An error in a call is logged, and the loop lives on."""
        while not self._stopped:
            wait = max(0.0, self._timers[0][0] - time.monotonic()) if self._timers else None
            for key, _ in self._selector.select(wait):
                # An earlier call of this turn may have closed it, and its number may be another's.
                now_there = self._selector.get_map().get(key.fd)
                if now_there is not None and now_there.fileobj is key.fileobj:
                    self.guard(key.data)
            now, over = time.monotonic(), time.monotonic() + TIMERS_S
            while self._timers and self._timers[0][0] <= now and time.monotonic() < over:
                timer = heapq.heappop(self._timers)[2]
                if not timer.cancelled:
                    self.guard(timer.call)
            for call in self.after_turn:
                self.guard(call)

    def guard(self, call: Callback) -> None:
        """Make a call whose error is logged, and ends nothing."""
        try:
            call()
        except Exception as error:  # noqa: BLE001 - one bad turn must not end a daemon
            import traceback

            self.log(f"LOG_ERROR::{type(error).__name__}: {error}\n{traceback.format_exc()}")


class Connection:
    """A framed connection; `accepted`: the other end has opened it.

    `on_message` gets each message; `on_close` gets None, or the error that ended it.
    Raises OSError where a seal cannot be had.
    """

    def __init__(
        self,
        loop: Loop,
        sock: socket.socket,
        on_message: Callable[[Connection, Message], None],
        on_close: Optional[Callable[[Connection, Optional[Exception]], None]] = None,
        seal: Seal = NO_SEAL,
        limit: int = REQUEST_LIMIT,
        accepted: bool = False,
    ) -> None:
        self.loop = loop
        self.sock = sock
        self.peer: Any = None
        self.closed = False
        self._on_message = on_message
        self._on_close = on_close
        self._seal = seal
        self._unknown = accepted and seal.introduced
        self._secret, self._first = (seal.at_once, b"") if accepted else seal.begin()
        self._decoder = Decoder(limit, self._secret)
        self._out = bytearray()
        self._close_when_sent = False
        self._rest: Optional[Iterator[Message]] = None
        sock.setblocking(False)
        loop.watch(sock, selectors.EVENT_READ, self._ready)

    def send(self, message: Message, last: bool = False) -> None:
        """Send `message`; with `last`, close once it is out."""
        if self.closed:
            return
        self._out += self._first + encode(message, self._secret)
        self._first = b""
        self._close_when_sent = self._close_when_sent or last
        self._flush()

    def stream(self, messages: Iterator[Message]) -> None:
        """Send `messages`, each when the one before is out, and the others have had a turn."""
        self._rest = messages
        self._send_next()

    def _send_next(self) -> None:
        for message in self._rest or ():
            self.send(message)
            return
        self._rest = None

    def _send_more(self) -> None:
        """The next part; where it cannot be had, the other end must not wait for it."""
        try:
            self._send_next()
        except Exception as error:
            self.close(error)
            raise

    def close(self, error: Optional[Exception] = None) -> None:
        """End the connection now."""
        if self.closed:
            return
        self.closed = True
        self.loop.forget(self.sock)
        self.sock.close()
        if self._on_close is not None:
            self._on_close(self, error)

    def _flush(self) -> None:
        try:
            while self._out:
                sent = self.sock.send(self._out[: 1 << 20])
                del self._out[:sent]
        except BlockingIOError:
            self.loop.watch(self.sock, selectors.EVENT_READ | selectors.EVENT_WRITE, self._ready)
            return
        except OSError as error:
            self.close(error)
            return
        if self._close_when_sent:
            self.close()
        else:
            self.loop.watch(self.sock, selectors.EVENT_READ, self._ready)
            if self._rest is not None:
                self.loop.call_later(0, self._send_more)

    def _ready(self) -> None:
        if self._out:
            self._flush()
        if self.closed:
            return
        try:
            data = self.sock.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError as error:
            self.close(error)
            return
        if not data:
            self.close()
            return
        try:
            for message in self._decoder.feed(data):
                if self._unknown:
                    self._unknown = False
                    self._secret = self._seal.accept(message)
                    self._decoder.use(self._secret)
                    continue
                self._on_message(self, message)
                if self.closed:
                    return
        except BadMessage as error:
            self.loop.log(f"bad message ignored: {error}")
            self.close(error)


def request(
    loop: Loop,
    connect: Callable[[], socket.socket],
    message: Message,
    done: Callable[[Optional[Message], Optional[Exception]], None],
    seal: Seal = NO_SEAL,
    timeout_s: float = 10.0,
) -> None:
    """Send one message, and call `done` once: with the answer, or with the error.

    `connect` gives a non-blocking socket whose connection may still be under way.
    """
    finished = False

    def finish(reply: Optional[Message], error: Optional[Exception]) -> None:
        nonlocal finished
        if not finished:
            finished = True
            timer.cancel()
            done(reply, error)

    def on_message(connection: Connection, reply: Message) -> None:
        finish(reply, None)
        connection.close()

    def on_close(_: Connection, error: Optional[Exception]) -> None:
        finish(None, error or ConnectionResetError("the connection was closed without an answer"))

    def timed_out() -> None:
        finish(None, TimeoutError(f"no answer within {timeout_s} s"))
        if connections:
            connections[0].close()

    connections: List[Connection] = []
    timer = loop.call_later(timeout_s, timed_out)
    try:
        sock = connect()
    except OSError as error:
        # Never call back before the caller has returned: callers rely on that order.
        loop.call_later(0, partial(finish, None, error))
        return
    try:
        connection = Connection(loop, sock, on_message, on_close, seal)
    except OSError as error:
        sock.close()
        loop.call_later(0, partial(finish, None, error))
        return
    connections.append(connection)

    def connected() -> None:
        status = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if status:
            connection.close(OSError(status, os.strerror(status)))
        else:
            connection.send(message)

    loop.watch(sock, selectors.EVENT_WRITE, connected)
