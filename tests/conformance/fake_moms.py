"""Moms that speak the built-in mom's protocol and run nothing."""

from __future__ import annotations

import socketserver
import threading
from contextlib import suppress

from torque_mesos.batch.builtin.wire import Decoder, Message, encode

ADDRESSES = {f"n{number}.cluster.test": f"127.0.0.{10 + number}" for number in (1, 2, 3, 4)}
NODES = tuple(ADDRESSES)


class FakeMoms:
    """The moms of all nodes. What is started waits at `gate`, so that a cycle can end first."""

    def __init__(self, ports: tuple[int, int]) -> None:
        self.alive = dict.fromkeys(NODES, True)
        self.jobs: dict[str, dict[str, int]] = {name: {} for name in NODES}
        self.gate = threading.Event()
        self.gate.set()
        self.waiting: list[str] = []
        # What becomes of what waits where the server dies meanwhile: "taken" or "dropped".
        self.unheard = ""
        self._servers = [
            self._listen(name, address, port)
            for name, address in ADDRESSES.items()
            for port in ports
        ]

    def _listen(self, name: str, address: str, port: int) -> socketserver.BaseServer:
        class Handler(socketserver.BaseRequestHandler):
            def handle(handler) -> None:  # noqa: N805 - self is the moms
                decoder = Decoder()
                while data := handler.received():
                    for message in decoder.feed(data):
                        answer = self._answer(name, message)
                        if answer is not None:
                            with suppress(OSError):  # the server was killed meanwhile
                                handler.request.sendall(encode(answer))
                        return

            def received(handler) -> bytes:  # noqa: N805
                with suppress(OSError):
                    return bytes(handler.request.recv(1 << 16))
                return b""

        class Listener(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True
            request_queue_size = 64

        listener = Listener((address, port), Handler)
        threading.Thread(target=listener.serve_forever, args=(0.05,), daemon=True).start()
        return listener

    def _answer(self, name: str, message: Message) -> Message | None:
        """None where a dead mom gives none."""
        operation = message["op"]
        if operation == "start":
            self.waiting.append(message["job"])
            self.gate.wait(30)
        try:
            return self._answer_now(name, message)
        finally:
            if operation == "start":
                self.waiting.remove(message["job"])

    def _answer_now(self, name: str, message: Message) -> Message | None:
        operation = message["op"]
        if not self.alive[name] or (operation == "start" and self.unheard == "dropped"):
            return None
        if operation == "hierarchy":
            return {}
        jobs = self.jobs[name]
        if operation == "start":
            jobs[message["job"]] = message["run"]
        elif jobs.get(message["job"]) != message["run"]:
            return {"unknown": True}
        elif operation == "purge":
            del jobs[message["job"]]
        return {}

    def close(self) -> None:
        self.gate.set()
        for server in self._servers:
            server.shutdown()
            server.server_close()
