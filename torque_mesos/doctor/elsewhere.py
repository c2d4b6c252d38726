"""What other hosts say: the Mesos master, the batch server, and doctors elsewhere."""

from __future__ import annotations

import email.utils
import json
import queue
import socket
import time
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any

from torque_mesos.batch.base import BatchError
from torque_mesos.batch.commands import CommandRunner
from torque_mesos.batch.openpbs_settings import OpenPbsSettings
from torque_mesos.batch.setup.openpbs_desk import OpenPbsDesk
from torque_mesos.batch.setup.torque_desk import TorqueDesk
from torque_mesos.batch.torque import TorqueServer
from torque_mesos.batch.torque_settings import TorqueSettings
from torque_mesos.doctor.facts import Clock, Counts, Reach, User

_TIMEOUT_S = 5.0
_DATE_STEP_S = 1.0


@dataclass(frozen=True, slots=True)
class MesosAgent:
    """An agent: the name and the address that the master knows."""

    name: str
    address: str
    port: int


@dataclass(frozen=True, slots=True)
class Master:
    """What the master says."""

    agents: tuple[MesosAgent, ...] = ()
    clocks: tuple[Clock, ...] = ()
    reaches: tuple[Reach, ...] = ()


@dataclass(frozen=True, slots=True)
class Server:
    """What the batch server says; `error` if it does not."""

    version: str | None = None
    records: frozenset[str] | None = None
    counts: Counts | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What `doctor --json` printed on another host."""

    host: str
    server: str | None
    users: tuple[User, ...]


class Unreadable(ValueError):
    """A file that is none of `doctor --json`."""


def read_elsewhere(text: str, name: str) -> Elsewhere:
    """Read what `doctor --json` printed. Raises Unreadable, naming the file."""
    try:
        document = json.loads(text)
        users = tuple(User(**item) for item in document["users"])
        return Elsewhere(str(document["host"]), document["server_version"], users)
    except (ValueError, KeyError, TypeError) as error:
        raise Unreadable(f"{name} is not what doctor --json prints: {error!r}") from None


def ask_master(where: str | None) -> Master:
    """The leading master's agents and its clock."""
    if where is None:
        return Master()
    leader = _leader(where)
    if leader is None:
        host, _, port = _first(where).partition(":")
        lost = "no master leads, or ZooKeeper does not answer"
        return Master(reaches=(Reach(host, int(port or 2181), "ZooKeeper", lost),))
    host, _, port = leader.partition(":")
    try:
        body, clock = _get(leader, "/slaves")
        agents = tuple(_agent(item) for item in body["slaves"])
    except (OSError, HTTPException, ValueError, KeyError, TypeError) as error:
        return Master(reaches=(Reach(host, int(port), "the Mesos master", str(error)),))
    clocks = () if clock is None else (clock,)
    return Master(agents, clocks, (Reach(host, int(port), "the Mesos master", ""),))


def reach(host: str, port: int, what: str) -> Reach:
    """Whether a connection comes about."""
    try:
        socket.create_connection((host, port), _TIMEOUT_S).close()
    except (OSError, UnicodeError) as error:
        return Reach(host, port, what, getattr(error, "strerror", None) or str(error))
    return Reach(host, port, what, "")


def ask_server(batch: TorqueSettings | OpenPbsSettings) -> Server:
    """What the batch server says to its commands on this host."""
    runner = CommandRunner(batch.command_environment())
    try:
        if isinstance(batch, OpenPbsSettings):
            present = OpenPbsDesk(batch, runner).present(whole=False)
            return Server(version=present.server.get("pbs_version"))
        present = TorqueDesk(batch, runner).present(whole=True)
        reading = TorqueServer(batch, runner).read()
    except BatchError as error:
        return Server(error=f"the batch server cannot be asked: {str(error)[:160]}")
    names = frozenset(node.name for node in reading.nodes)
    properties = {name for node in reading.nodes for name in node.properties}
    counts = Counts(len(names), len(reading.jobs), len(present.queues), len(properties))
    return Server(present.server.get("pbs_version"), names, counts)


def _first(where: str) -> str:
    return where.rpartition("://")[2].partition("/")[0].partition(",")[0]


def _leader(where: str) -> str | None:
    """The leading master's `host:port`."""
    from torque_mesos.mesos.settings import MasterUri

    uri = MasterUri.parse(where)
    if uri.zookeeper is None:
        return uri.address
    from torque_mesos.mesos.zk import LeaderWatch

    told: queue.Queue[str | None] = queue.Queue()
    watch = LeaderWatch(uri.zookeeper, told.put)
    watch.start()
    try:
        return told.get(timeout=_TIMEOUT_S)
    except queue.Empty:
        return None
    finally:
        watch.stop()


def _agent(item: Any) -> MesosAgent:
    address, _, port = str(item["pid"]).rpartition("@")[2].rpartition(":")
    return MesosAgent(str(item["hostname"]), address, int(port))


def work_dir(agent: MesosAgent) -> str | None:
    """Where an agent of this host has its sandboxes."""
    try:
        body, _ = _get(f"{agent.address}:{agent.port}", "/state")
        return str(body["flags"]["work_dir"])
    except (OSError, HTTPException, ValueError, KeyError, TypeError):
        return None


def _get(server: str, path: str) -> tuple[Any, Clock | None]:
    """A JSON document, and the server's clock by the answer's `Date`."""
    connection = HTTPConnection(server, timeout=_TIMEOUT_S)
    try:
        before_s = time.time()
        connection.request("GET", path)
        response = connection.getresponse()
        after_s = time.time()
        text = response.read()
        if response.status != 200:
            raise ValueError(f"HTTP {response.status} for {path}: {text[:120]!r}")
        body = json.loads(text)
    finally:
        connection.close()
    date = response.getheader("Date")
    if date is None:
        return body, None
    # Whole seconds, cut off: half a second more is what it means.
    theirs_s = email.utils.parsedate_to_datetime(date).timestamp() + _DATE_STEP_S / 2
    ours_s = (before_s + after_s) / 2
    sure_s = _DATE_STEP_S / 2 + (after_s - before_s) / 2
    return body, Clock(f"the Mesos master ({server})", theirs_s - ours_s, sure_s)
