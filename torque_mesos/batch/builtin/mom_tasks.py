"""Tasks of a job on its hosts, for `pbsdsh`: what TORQUE's task manager does.

A program of a job asks the mom of its own host through a unix socket, and the kernel tells
who it is. The job's first mom starts the task on the host that is asked for, and writes its
output into the job's own, or gives it back.
"""

from __future__ import annotations

import base64
import os
import selectors
import socket
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Tuple

from . import launch
from .auth import open_tcp, peer_uid
from .listener import listen
from .loop import Connection
from .wire import Message, short_path

if TYPE_CHECKING:
    from .mom import Mom

Sink = Callable[[Message], None]


class Tasks:
    """Starts tasks here, and has them started elsewhere."""

    def __init__(self, mom: Mom) -> None:
        self._mom = mom
        self.path = mom.home.join("mom_priv", "tm")

    def listen(self) -> None:
        """Take what programs of jobs ask."""
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        name, descriptor = short_path(self.path)
        if os.path.lexists(self.path):
            os.unlink(self.path)
        sock.bind(name)
        os.chmod(name, 0o666)  # noqa: S103 - who asks is known by the kernel
        if descriptor is not None:
            os.close(descriptor)
        listen(self._mom.loop, sock, self._connected)

    def _connected(self, sock: socket.socket, _: Any) -> None:
        uid = peer_uid(sock)
        Connection(self._mom.loop, sock, partial(self._asked, uid))

    def _asked(self, uid: int, connection: Connection, message: Message) -> None:
        order = self._mom.order_of(str(message.get("job")))
        if order is None or uid not in (0, order["uid"]):
            connection.send({"error": "no such job here"}, last=True)
        elif message.get("op") == "hosts":
            connection.send({"hosts": [[host[0], host[1]] for host in order["hosts"]]})
        else:
            self.spawn({**message, "op": "spawn"}, connection.send)

    # --- on the way ------------------------------------------------------------------

    def spawn(self, message: Message, answer: Sink) -> None:
        """Have a task started on one of a job's hosts. `answer` gets its output and its end."""
        order = self._mom.order_of(str(message["job"]))
        if order is None:
            answer({"error": "no such job here"})
            return
        first = self._mom.jobs.get(str(message["job"]))
        if first is None:
            self._pass_on(order["hosts"][0], message, answer)
            return
        number, name = self._place(order, int(message["slot"]))
        first.task_number += 1
        task = {**message, "op": "task", "node": number, "task": first.task_number}
        task["variables"] = {**order["variables"], **dict(message.get("variables", {}))}
        if not message.get("capture"):
            answer = partial(self._written, order, answer)
        if name == self._mom.name:
            self.run(task, answer)
        else:
            self._pass_on(order["hosts"][number], task, answer)

    @staticmethod
    def _place(order: Message, slot: int) -> Tuple[int, str]:
        for number, (name, count, _, _) in enumerate(order["hosts"]):
            if slot < count:
                return number, str(name)
            slot -= count
        raise ValueError(f"slot {slot}")

    def _written(self, order: Message, answer: Sink, message: Message) -> None:
        """Put a task's output into the job's, and let the rest through."""
        if "out" not in message:
            answer(message)
            return
        job = self._mom.jobs.get(order["job"])
        if job is not None:
            account = launch.account_of(order["user"])
            descriptor = launch.open_output(job.stream(int(message["stream"])), account)
            os.write(descriptor, base64.b64decode(message["out"]))
            os.close(descriptor)

    def _pass_on(self, host: List[Any], message: Message, answer: Sink) -> None:
        sent: List[bool] = []

        def received(connection: Connection, reply: Message) -> None:
            answer(reply)
            if "out" not in reply:
                connection.close()

        def closed(_connection: Connection, _error: Optional[Exception]) -> None:
            # Of a task whose mom has died nothing is heard any more: who waits for it waits on.
            if not sent:
                answer({"error": f"lost {host[0]}"})

        try:
            sock = open_tcp((str(host[2]), int(host[3])), self._mom.own_address(str(host[2])))
            connection = Connection(self._mom.loop, sock, received, closed, self._mom.seal)
        except OSError as error:
            answer({"error": f"cannot reach {host[0]}: {error}"})
            return

        def connected() -> None:
            status = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if status:
                connection.close(OSError(status, os.strerror(status)))
            else:
                sent.append(True)
                connection.send(message)

        self._mom.loop.watch(sock, selectors.EVENT_WRITE, connected)

    # --- here ------------------------------------------------------------------------

    def run(self, message: Message, answer: Sink) -> None:
        """Start a task on this host; it belongs to the job and ends with it."""
        mom = self._mom
        order = mom.order_of(str(message["job"]))
        if order is None:
            answer({"error": "no such job here"})
            return
        streams = [os.pipe(), os.pipe()]
        account = launch.account_of(order["user"])
        order = {**order, "variables": message["variables"]}
        node_file = mom.home.join("aux", order["job"])
        environ = launch.environment(order, account, node_file, mom.manager_port, mom.job_path)
        environ.update(
            PBS_NODENUM=str(message["node"]),
            PBS_VNODENUM=str(message["slot"]),
            PBS_TASKNUM=str(message["task"]),
            PBS_TM_SOCKET=self.path,
        )
        for name in launch.NOT_IN_TASKS + (launch.FILES if message["node"] else ()):
            del environ[name]
        environ.update(dict(message.get("environ", {})))
        words = [str(word) for word in message["words"]]
        writers = (streams[0][1], streams[1][1])
        body = partial(launch.start_task, order, account, environ, words, writers, mom.job_starter)
        readers = {streams[0][0]: 1, streams[1][0]: 2}

        def ended(status: int, cpu_s: float, _memory: int) -> None:
            for reader, stream in readers.items():
                self._read(reader, stream, answer)
                mom.loop.forget(reader)
                os.close(reader)
            mom.task_sessions(order["job"], session, cpu_s)
            answer({"status": status})

        session = mom.children.fork(body, ended)
        for writer in writers:
            os.close(writer)
        for reader, stream in readers.items():
            os.set_blocking(reader, False)
            watch = partial(self._readable, reader, stream, answer)
            mom.loop.watch(reader, selectors.EVENT_READ, watch)
        mom.task_sessions(order["job"], session)

    def _readable(self, reader: int, stream: int, answer: Sink) -> None:
        if not self._read(reader, stream, answer):
            self._mom.loop.forget(reader)

    @staticmethod
    def _read(reader: int, stream: int, answer: Sink) -> bool:
        """Give on what can be read; whether more may come."""
        while True:
            try:
                data = os.read(reader, 1 << 16)
            except BlockingIOError:
                return True
            if not data:
                return False
            answer({"out": base64.b64encode(data).decode(), "stream": stream})


def kept_sessions(record: Dict[str, Any]) -> List[int]:
    """The sessions of tasks that a record of an earlier mom tells of."""
    return [int(session) for session in record.get("tasks", [])]
