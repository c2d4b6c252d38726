"""pbs_server: the daemon that knows all jobs and nodes."""

from __future__ import annotations

import os
import signal
import socket
import sys
from functools import partial
from typing import Any

from .auth import peer_uid, trusted_daemon
from .errors import IVALREQ, PbsError
from .home import Home, LogFile, daemonize
from .listener import listen
from .loop import Connection, Loop
from .manage import Manager
from .nodes_file import BadNodesFile
from .registry import Registry
from .remote import Door
from .requests import Requests
from .running import Runner
from .sched_link import SchedulerLink
from .seal import seal_of
from .state import State
from .store import BadStore, NotKept, check
from .traps import LATE_OBIT, LATE_OBIT_S, Traps
from .wire import Message, short_path


class Server:
    """Answers the commands, the scheduler and the moms."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.runner = Runner(state)
        self.runner.on_start.append(state.mail.began)
        self.runner.on_end.append(state.mail.ended)
        self.registry = Registry(state, self.runner)
        scheduler = SchedulerLink(state, self.runner)
        manager = Manager(state, self.registry)
        self.requests = Requests(state, self.runner, manager, scheduler)
        state.kick = scheduler.kick

    # --- connections ------------------------------------------------------------------

    def command_connected(self, sock: socket.socket, _: Any) -> None:
        """A command or the scheduler has come, through the unix socket."""
        uid = peer_uid(sock)
        Connection(self.state.loop, sock, partial(self.requests.handle, uid))

    def peer_connected(self, sock: socket.socket, peer: Any) -> None:
        """A mom has come through TCP, or a command from another host."""
        if not trusted_daemon(sock, peer) and not self.state.seal:
            self.state.log.write(f"bad attempt to connect from {peer[0]}:{peer[1]}")
            sock.close()
            return
        door = Door(self.state.seal, str(peer[0]), self.state.resolver)
        handle = partial(self._peer, door)
        Connection(self.state.loop, sock, handle, seal=door, accepted=True)

    def _peer(self, door: Door, connection: Connection, message: Message) -> None:
        if door.uid is None:
            self._mom(door.address, connection, message)
        else:
            self.requests.handle(door.uid, connection, message, door.host)

    def _mom(self, address: str, connection: Connection, message: Message) -> None:
        if message.get("op") == "status":
            answer = self.registry.report(message, address)
        elif message.get("op") == "obit" and self.state.traps.strikes(LATE_OBIT):
            delay = LATE_OBIT_S * self.state.scale
            self.state.loop.call_later(delay, partial(self._bury, connection, message))
            return
        elif message.get("op") == "obit":
            self._bury(connection, message)
            return
        elif message.get("op") == "staged":
            answer = self.runner.staged(message)
        else:
            answer = PbsError(IVALREQ).as_reply()
        self.state.keep()
        connection.send(answer, last=True)

    def _bury(self, connection: Connection, message: Message) -> None:
        job = self.state.jobs.get(str(message.get("job")))
        runs = job is not None and job.holds_slots and job.start_count == message.get("run")
        answer = self.runner.obituary(message)
        if job is not None and runs:
            self.requests.jobs_of.log.buried(job, job.exit_status or 0)
        self.state.keep()
        connection.send(answer, last=True)


def _listen_unix(home: Home) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    name, descriptor = short_path(home.socket)
    if os.path.exists(home.socket):
        os.unlink(home.socket)
    sock.bind(name)
    os.chmod(name, 0o666)  # noqa: S103 - all users may connect
    if descriptor is not None:
        os.close(descriptor)
    return sock


def _listen_tcp(port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("", port))
    return sock


def main(home_path: str) -> int:
    """pbs_server [-t create] [-D|-F] [-d HOME] [-p PORT]."""
    import getopt

    try:
        options, _ = getopt.getopt(sys.argv[1:], "A:a:cDd:eFfhH:L:l:M:np:PR:S:t:v")
    except getopt.GetoptError as error:
        print(f"pbs_server: {error}", file=sys.stderr)
        return 1
    chosen = dict(options)
    home = Home(os.path.abspath(chosen.get("-d", home_path)))
    home.make_server_folders()
    if "-t" in chosen and not {"-D", "-F"} & set(chosen) and sys.stdin.isatty():
        print("do you wish to continue y/(n)?", end=" ", flush=True)
        if not sys.stdin.readline().lower().startswith("y"):
            return 1
    try:
        check(home.join("server_priv", "serverdb"))
        Traps(home.settings)
        seal_of(str(home.settings.get("auth", "")), b"")
        tcp = _listen_tcp(int(chosen.get("-p", home.settings.get("server_port", 15001))))
    except (BadStore, ValueError) as error:
        print(f"pbs_server: {error}", file=sys.stderr)
        return 3
    except OSError as error:
        print(f"pbs_server: cannot listen: {error}", file=sys.stderr)
        return 3
    unix = _listen_unix(home)
    unix.listen(256)
    if not {"-D", "-F"} & set(chosen):
        daemonize()
    log = LogFile(home.join("server_logs"), "PBS_Server", chosen.get("-L", ""), home.settings)
    loop = Loop(lambda text: log.write(text))
    try:
        state = State(home, loop, log)
        if "-t" in chosen or state.is_new():
            state.create()
            state.store.flush()
        state.load()
    except (BadNodesFile, BadStore, NotKept) as error:
        log.write(f"LOG_ERROR::{error}")
        log.write("LOG_ERROR::PBS_Server, pbsd_init failed")
        return 3
    if "-a" in chosen:
        state.attributes["scheduling"] = str(chosen["-a"].lower().startswith("t"))
    server = Server(state)
    listen(loop, unix, server.command_connected)
    listen(loop, tcp, server.peer_connected)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.on_signal(number, loop.stop)
    log.write(f"Server Ready, pid = {os.getpid()}")
    loop.run()
    try:
        state.store.close()
    except NotKept as error:
        log.write(f"LOG_ERROR::cannot save: {error}; what has changed is lost")
    log.write("Server shutdown completed")
    return 0
