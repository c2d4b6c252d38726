"""The real server under the model's steps."""

from __future__ import annotations

import os
import pwd
import re
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from tests.batch.builtin.cluster import Cluster, install_settings
from tests.conformance.fake_moms import ADDRESSES, NODES, FakeMoms
from tests.conformance.model_records import Slots
from tests.waiting import wait_for
from torque_mesos.batch.builtin.errors import PbsError
from torque_mesos.batch.builtin.scheduler import plan
from torque_mesos.batch.builtin.wire import Decoder, Message, ask, connect_unix, encode

QUEUES = ("batch", "other")

# Delays of ten seconds are a twentieth of one.
SCALE = 0.005


@dataclass(frozen=True)
class Shown:
    """What the server shows: (state, holds, slots) of jobs; (np, words, slots by job) of nodes."""

    jobs: dict[str, tuple[str, frozenset[str], tuple[tuple[str, tuple[int, ...]], ...]]]
    nodes: dict[str, tuple[int, frozenset[str], tuple[tuple[str, tuple[int, ...]], ...]]]


def indexes(text: str) -> tuple[int, ...]:
    """The slots of `0-1,3`."""
    found: list[int] = []
    for part in text.split(","):
        low, _, high = part.partition("-")
        found += range(int(low), int(high or low) + 1)
    return tuple(found)


def hosts(text: str) -> Slots:
    """The slots of `n2/0-1+n1/0`."""
    parts = (part.partition("/") for part in text.split("+") if part)
    return [(node, indexes(slots)) for node, _, slots in parts]


class Site:
    """A server of ours, reached through its sockets."""

    def __init__(self) -> None:
        self.cluster = Cluster(scale=SCALE, hosts={"head.cluster.test": "127.0.0.1", **ADDRESSES})
        settings = install_settings(self.cluster.home)
        self._port = int(settings["server_port"])
        ports = (int(settings["mom_service_port"]), int(settings["mom_manager_port"]))
        self._socket = str(self.cluster.home / "sock" / "pbs_server")
        self.users = [self.cluster.account.pw_name]
        if self.cluster.privileged:
            self.users.append(pwd.getpwuid(65534).pw_name)
        self._connections: dict[str, socket.socket] = {}
        self.moms = FakeMoms(ports)
        self.fresh()

    # --- the server ---------------------------------------------------------------------

    def fresh(self) -> None:
        """A server that knows nothing."""
        self._kill()
        for name in ("serverdb", "serverdb-wal", "serverdb-shm", "nodes"):
            (self.cluster.home / "server_priv" / name).unlink(missing_ok=True)
        self._start("-t", "create")
        # Moms report when the model says so, and never late.
        self.set_server("node_check_rate", "100000000")
        self.set_server("keep_completed", "1000000")
        self.set_server("default_queue", "batch")
        self.set_server("scheduling", "true")
        for queue in QUEUES:
            self.change("create", "queue", queue, queue_type="Execution")
            self.change("set", "queue", queue, started="True", enabled="True")
        self.restart()

    def reset(self, fresh: bool = False) -> None:
        """Nothing is there any more: the same server where it forgets all, or a fresh one."""
        for name in NODES:
            self.moms.alive[name] = True
        if fresh or not self._forgets():
            self.fresh()
        for name in NODES:
            self.moms.jobs[name].clear()

    def _forgets(self) -> bool:
        for job, _ in self.ask("jobs")["jobs"]:
            self.ask("delete", id=job, purge=True)
        for node in self.shown().nodes:
            self.change("delete", "node", node)
        for queue in QUEUES:
            self.change("set", "queue", queue, started="True")
        for kind, name in (("server", ""), *(("queue", queue) for queue in QUEUES)):
            for attribute in ("max_running", "max_user_run"):
                self.unset(kind, name, attribute)
        self._orders.close()
        self._attach()
        return self.shown() == Shown({}, {})

    def _start(self, *options: str) -> None:
        self.cluster.server = self.cluster.spawn_server(*options)
        deadline = time.monotonic() + 60
        while True:
            try:
                self._manager = self._connect(os.geteuid())
                self.ask("server")
                break
            except OSError:
                assert time.monotonic() < deadline, "the server does not answer"
                time.sleep(0.005)
        self._users = {name: self._connect(pwd.getpwnam(name).pw_uid) for name in self.users}
        self._attach()

    def _kill(self) -> None:
        if self.cluster.server is not None:
            self.cluster.server.kill()
            self.cluster.server.wait()
            for connection in (self._manager, self._orders, *self._users.values()):
                connection.close()

    def restart(self) -> None:
        """kill -9, and a new one."""
        self._kill()
        self._start()

    def _connect(self, uid: int) -> socket.socket:
        """A connection of a user's: the kernel notes who connects."""
        own = os.geteuid()
        if uid != own:
            os.seteuid(uid)
        try:
            return connect_unix(self._socket, 30)
        finally:
            if uid != own:
                os.seteuid(own)

    def _attach(self) -> None:
        self._orders = self._connect(os.geteuid())
        self._orders.sendall(encode({"op": "attach"}))
        self._decoder = Decoder()
        self._woken = False
        self._orders.setblocking(False)

    def close(self) -> None:
        self._kill()
        self.moms.close()
        self.cluster.close()

    def server_is_gone(self) -> bool:
        """Whether there is no server to be asked."""
        return self.cluster.server is None or self.cluster.server.poll() is not None

    def log_of(self, names: Iterable[str], lines: int = 20) -> list[str]:
        """What the server wrote last of jobs or nodes."""
        logs = sorted((self.cluster.home / "server_logs").iterdir())
        written = logs[-1].read_text().splitlines()
        return [line for line in written if any(name in line for name in names)][-lines:]

    # --- asking -----------------------------------------------------------------------------

    def ask(self, op: str, user: str = "", **values: Any) -> Message:
        """One request, its answer or its error."""
        connection = self._users[user] if user else self._manager
        return ask(connection, {"op": op, **values})

    def accepted(self, op: str, user: str = "", **values: Any) -> bool:
        return PbsError.of_reply(self.ask(op, user, **values)) is None

    def change(self, verb: str, kind: str, name: str, **values: str) -> bool:
        """One command of qmgr."""
        changes = [[key, "", "=", value] for key, value in values.items()]
        return self.accepted("manage", verb=verb, object=kind, name=name, changes=changes)

    def set_server(self, name: str, value: str) -> None:
        assert self.change("set", "server", "", **{name: value}), name

    def unset(self, kind: str, name: str, attribute: str) -> None:
        changes = [[attribute, "", "unset", ""]]
        request = {"verb": "unset", "object": kind, "name": name, "changes": changes}
        assert self.accepted("manage", **request)

    def submit(self, user: str, queue: str, spec: str, **more: Any) -> str:
        """The job's id; empty where it is refused."""
        reply = self.ask(
            "submit",
            user,
            name="step",
            queue=queue,
            script="true\n",
            workdir="/",
            host="",
            variables={},
            resources=[["nodes", spec]],
            **more,
        )
        return str(reply.get("id", ""))

    def shown(self) -> Shown:
        """Jobs and nodes now."""
        told = {job: dict(rows) for job, rows in self.ask("jobs", members=True)["jobs"]}
        jobs = {}
        for job, rows in told.items():
            state = rows["job_state"]
            if state == "R" and rows["substate"] == "41":
                state = "R, not yet started"
            on_nodes = rows["job_state"] in "RE"
            held = hosts(rows.get("exec_host", "")) if on_nodes else []
            holds = rows.get("Hold_Types", "n") if state != "C" else "n"
            jobs[job] = (state, frozenset(holds) - {"n"}, tuple(held))
        nodes = {}
        for node, pairs in self.ask("nodes").get("nodes", []):
            row = dict(pairs)
            words = frozenset(row["state"].split(",")) - {"free"}
            found = re.findall(r"(?:^|,)([\d,-]+)/([^,]+)", row.get("jobs", ""))
            held_here = sorted((job, indexes(slots)) for slots, job in found)
            nodes[node] = (int(row["np"]), words, tuple(held_here))
        return Shown(jobs, nodes)

    # --- the scheduler and the moms -----------------------------------------------------------

    @contextmanager
    def starts_held(self) -> Iterator[None]:
        """Moms answer no start before this is over."""
        self.moms.gate.clear()
        try:
            yield
        finally:
            self.moms.gate.set()
            wait_for(lambda: not self.moms.waiting, 60, "moms have answered")
            self.moms.unheard = ""

    def woken(self) -> bool:
        """Whether the server has asked for a cycle since the last one began."""
        with suppress(BlockingIOError):
            while data := self._orders.recv(1 << 16):
                for message in self._decoder.feed(data):
                    self._woken = self._woken or "cycle" in message
        return self._woken

    def wait_until_sent(self, count: int) -> None:
        """Wait until so many starts have come to moms that answer none of them yet."""
        wait_for(lambda: len(self.moms.waiting) == count, 60, f"{count} starts are sent")

    def cycle(self) -> list[tuple[str, str]]:
        """One cycle of pbs_sched's; what was ordered."""
        self.woken()
        self._woken = False
        orders = [order for order in plan(self.ask("sched_view")) if "do" in order]
        comments = [[each["id"], each["comment"]] for each in orders if each["do"] == "comment"]
        assert self.accepted("sched_comments", comments=comments)
        done = []
        for order in orders:
            if order["do"] != "comment":
                assert self.accepted(**order), order
                done.append((order["do"], order["id"]))
        assert self.accepted("sched_done")
        return done

    def _tell(self, node: str, message: Message) -> Message:
        source = (ADDRESSES[node], 0)
        target = ("127.0.0.1", self._port)
        with socket.create_connection(target, 30, source_address=source) as connection:
            return ask(connection, message)

    def report(self, node: str) -> set[str]:
        """A mom's report; what it is told to forget, and forgets."""
        jobs = self.moms.jobs[node]
        status = {"op": "status", "node": node, "status": ["state=free"], "list": True}
        told = self._tell(node, {**status, "jobs": dict.fromkeys(jobs)})
        purged = set(told["purge"])
        for job in purged:
            del jobs[job]
        return purged

    def obituary(self, node: str, job: str, exit_status: int, rerun: bool) -> None:
        """A mom tells of a job's end, and forgets it."""
        self.late_obituary(node, job, self.moms.jobs[node].pop(job), exit_status, rerun)

    def late_obituary(
        self, node: str, job: str, run: int, exit_status: int, rerun: bool = False
    ) -> None:
        """What a mom says of the end of a run, whether or not it knows of it still."""
        message = {"op": "obit", "job": job, "run": run, "used": {}}
        more = {"session": 1, "exit_status": exit_status, "rerun": rerun}
        assert self._tell(node, {**message, **more}) == {}
