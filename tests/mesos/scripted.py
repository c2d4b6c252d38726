"""A master that does what a test says, on a socket of its own."""

from __future__ import annotations

import json
import queue
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Step = Callable[["ScriptedMaster", socket.socket], None]

FRAMEWORK_ID = "8472d75a-9ad4-4779-8822-b96e4ec0d2da-0000"


def chunk(record: bytes) -> bytes:
    """A record as Mesos frames it, in one chunk."""
    framed = b"%d\n%s" % (len(record), record)
    return b"%x\r\n%s\r\n" % (len(framed), framed)


def answer(status: str, body: str = "", **headers: str) -> bytes:
    """A whole answer that is no stream."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body.encode())}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\nMesos-Stream-Id: stream-1\r\n\r\n"
)


def says(status: str, body: str = "", **headers: str) -> Step:
    """Answer SUBSCRIBE with a status, and close."""

    def step(master: ScriptedMaster, connection: socket.socket) -> None:
        connection.sendall(answer(status, body, **headers))

    return step


def closes(master: ScriptedMaster, connection: socket.socket) -> None:
    """Close at once."""


def is_silent(master: ScriptedMaster, connection: socket.socket) -> None:
    """Say nothing, and keep the connection open."""
    master.ended.wait()


def errs(message: str) -> Step:
    """Open the stream, say ERROR, and close, as Mesos does."""

    def step(master: ScriptedMaster, connection: socket.socket) -> None:
        event = {"type": "ERROR", "error": {"message": message}}
        connection.sendall(STREAM_HEAD + chunk(json.dumps(event).encode()))

    return step


def subscribes(heartbeat_s: float = 15.0, *, beats: bool = False, closing: bool = False) -> Step:
    """SUBSCRIBED, then what the test puts into `events`, until that is None."""

    def step(master: ScriptedMaster, connection: socket.socket) -> None:
        body = {
            "framework_id": {"value": FRAMEWORK_ID},
            "heartbeat_interval_seconds": heartbeat_s,
            "master_info": {"version": "1.12.0-rc1"},
        }
        event = {"type": "SUBSCRIBED", "subscribed": body}
        connection.sendall(STREAM_HEAD + chunk(json.dumps(event).encode()))
        while not closing and not master.ended.is_set():
            try:
                said = master.events.get(timeout=heartbeat_s / 2 if beats else 0.05)
            except queue.Empty:
                if beats:
                    connection.sendall(chunk(b'{"type":"HEARTBEAT"}'))
                continue
            if said is None:
                return
            connection.sendall(said)

    return step


@dataclass
class ScriptedMaster:
    """Plays one step for each SUBSCRIBE, the last one again and again.

    Every other call is answered with `reply`, after `before_reply`. `calls` has their
    bodies, `requests` the method and path of everything, `subscriptions` the time and
    body of each SUBSCRIBE.
    """

    steps: list[Step]
    reply: bytes = answer("202 Accepted")
    before_reply: Callable[[], None] = lambda: None
    get: dict[str, bytes] = field(default_factory=dict)
    subscriptions: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    events: queue.SimpleQueue[bytes | None] = field(default_factory=queue.SimpleQueue)
    ended: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> ScriptedMaster:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def say(self, event: Any) -> None:
        """Send an event, or bytes as a record, down the stream."""
        self.events.put(chunk(event if isinstance(event, bytes) else json.dumps(event).encode()))

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as file:
            try:
                self._answer(connection, file)
            except OSError:
                return

    def _answer(self, connection: socket.socket, file: Any) -> None:
        line = file.readline().decode()
        headers: dict[str, str] = {}
        while text := file.readline().decode().strip():
            name, _, value = text.partition(":")
            headers[name.lower()] = value.strip()
        self.requests.append((line.rpartition(" ")[0], headers))
        raw = file.read(int(headers.get("content-length", 0)))
        if line.startswith("GET"):
            path = line.split()[1]
            connection.sendall(self.get.get(path, answer("404 Not Found")))
            return
        body = json.loads(raw)
        if body["type"] == "SUBSCRIBE":
            self.subscriptions.append((time.monotonic(), body))
            step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
            step(self, connection)
            return
        self.calls.append(body)
        self.before_reply()
        if self.reply:
            connection.sendall(self.reply)
        else:
            self.ended.wait()
