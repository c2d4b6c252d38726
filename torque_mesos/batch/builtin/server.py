"""pbs_server: the daemon that knows all jobs and nodes."""

from __future__ import annotations

import os
import signal
import socket
import sys
from functools import partial
from typing import Any, Callable, Dict, List, Optional

from .answers import queue_attributes, scheduler_view, server_attributes
from .auth import peer_uid, trusted_daemon, user_name
from .errors import BADSTATE, IVALREQ, NONODES, PERM, UNKJOBID, UNKNODE, UNKQUE, PbsError
from .home import Home, LogFile, daemonize
from .loop import Connection, Loop, listen
from .manage import MANAGER, OPERATOR, USER, Manager, need
from .records import Job
from .registry import Registry
from .running import Runner
from .sched_link import SchedulerLink
from .state import State
from .submit import submit
from .wire import Message, short_path

Reply = Callable[[Message], None]


class Server:
    """Answers the commands, the scheduler and the moms."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.runner = Runner(state)
        self.registry = Registry(state, self.runner)
        self.manager = Manager(state, self.registry)
        self.scheduler = SchedulerLink(state, self.runner)
        state.kick = self.scheduler.kick

    # --- connections ------------------------------------------------------------------

    def command_connected(self, sock: socket.socket, _: Any) -> None:
        """A command or the scheduler has come, through the unix socket."""
        uid = peer_uid(sock)
        Connection(self.state.loop, sock, partial(self._command, uid))

    def mom_connected(self, sock: socket.socket, peer: Any) -> None:
        """A mom has come, through TCP."""
        if not trusted_daemon(sock, peer) and not self.state.secret:
            self.state.log.write(f"bad attempt to connect from {peer[0]}:{peer[1]}")
            sock.close()
            return
        handle = partial(self._mom, str(peer[0]))
        Connection(self.state.loop, sock, handle, secret=self.state.secret)

    def _mom(self, address: str, connection: Connection, message: Message) -> None:
        if message.get("op") == "status":
            answer = self.registry.report(message, address)
        elif message.get("op") == "obit":
            answer = self.runner.obituary(message)
        else:
            answer = PbsError(IVALREQ).as_reply()
        self.state.store.flush()
        connection.send(answer, last=True)

    def _command(self, uid: int, connection: Connection, message: Message) -> None:
        try:
            handler = _HANDLERS.get(str(message.get("op")))
            if handler is None:
                raise PbsError(IVALREQ)
            handler(self, uid, message, connection)
        except PbsError as error:
            connection.send(error.as_reply())
        except (KeyError, TypeError, ValueError) as error:
            self.state.log.write(f"bad message ignored: {error!r}: {str(message)[:200]}")
            connection.send(PbsError(IVALREQ).as_reply())

    def _finish(self, connection: Connection, error: Optional[PbsError]) -> None:
        self.state.store.flush()
        connection.send({} if error is None else error.as_reply())

    # --- rights -------------------------------------------------------------------------

    def rank(self, uid: int) -> int:
        """MANAGER, OPERATOR or USER."""
        if uid in (0, os.geteuid()):
            return MANAGER
        name, host = user_name(uid), socket.gethostname()
        for rank, acl in ((MANAGER, "managers"), (OPERATOR, "operators")):
            for entry in self.state.attributes.get(acl, "").split(","):
                user, _, where = entry.partition("@")
                if user == name and where in ("*", "", host, self.state.server):
                    return rank
        return USER

    def _own_job(self, uid: int, message: Message) -> Job:
        job = self._job(message)
        if uid != job.uid and self.rank(uid) == USER:
            raise PbsError(PERM)
        return job

    def _job(self, message: Message) -> Job:
        job = self.state.find_job(str(message["id"]))
        if job is None:
            raise PbsError(UNKJOBID)
        return job

    # --- requests -------------------------------------------------------------------------

    def jobs(self, uid: int, message: Message, connection: Connection) -> None:
        """Jobs with their attributes: all, one, or those of a queue."""
        privileged = self.rank(uid) > USER
        queue = message.get("queue")
        if queue is not None and queue not in self.state.queues:
            raise PbsError(UNKQUE)
        if message.get("id") is not None:
            wanted = [self._job(message)]
        else:
            wanted = sorted(self.state.jobs.values(), key=lambda job: int(job.number))
            wanted = [job for job in wanted if queue in (None, job.queue)]
        name = self.state.server
        told = [[job.job_id, job.attributes(name, privileged)] for job in wanted]
        connection.send({"jobs": told})

    def nodes(self, _: int, message: Message, connection: Connection) -> None:
        """Nodes with their attributes."""
        names: List[str] = message.get("names") or list(self.state.nodes)
        if not names:
            raise PbsError(NONODES, "node list is empty - check 'server_priv/nodes' file")
        told = []
        for name in names:
            if name not in self.state.nodes:
                raise PbsError(UNKNODE, "cannot locate specified node")
            told.append([name, self.state.nodes[name].attributes()])
        connection.send({"nodes": told})

    def queues(self, _: int, message: Message, connection: Connection) -> None:
        """Queues with their attributes."""
        names: List[str] = message.get("names") or list(self.state.queues)
        for name in names:
            if name not in self.state.queues:
                raise PbsError(UNKQUE, f"cannot locate queue {name}")
        told = [[name, queue_attributes(self.state, name)] for name in names]
        connection.send({"queues": told})

    def server(self, _uid: int, _message: Message, connection: Connection) -> None:
        """The server with its attributes."""
        connection.send({"server": [[self.state.server, server_attributes(self.state)]]})

    def submit(self, uid: int, message: Message, connection: Connection) -> None:
        """`qsub`."""
        job = submit(self.state, self.runner, message, uid)
        connection.send({"id": job.job_id})

    def delete(self, uid: int, message: Message, connection: Connection) -> None:
        """`qdel [-p]`."""
        job = self._own_job(uid, message)
        if message.get("purge"):
            need(self.rank(uid), OPERATOR)
            self.runner.purge(job)
            self._finish(connection, None)
            return
        by = f"{user_name(uid)}@{socket.gethostname()}"
        self.runner.delete(job, by, partial(self._finish, connection))

    def rerun(self, uid: int, message: Message, connection: Connection) -> None:
        """`qrerun [-f]`."""
        job = self._job(message)
        if self.rank(uid) == USER:
            message_ = "additional permissions required (ATR_DFLAG_MGWR | ATR_DFLAG_OPWR)"
            raise PbsError(PERM, message_)
        self.runner.rerun(job, partial(self._finish, connection), bool(message.get("force")))

    def run(self, uid: int, message: Message, connection: Connection) -> None:
        """`qrun`."""
        job = self._job(message)
        if self.rank(uid) == USER:
            raise PbsError(PERM)
        if self.state.queues.get(job.queue, {}).get("started") != "True":
            raise PbsError(IVALREQ, "attempt to start job in non-started queue")
        self.runner.run(job, str(message.get("hosts") or ""))
        self.runner.set_comment(job)
        self._finish(connection, None)

    def manage(self, uid: int, message: Message, connection: Connection) -> None:
        """`qmgr`."""
        self.manager.manage(message, self.rank(uid), partial(self._finish, connection))

    def mark_node(self, uid: int, message: Message, connection: Connection) -> None:
        """`pbsnodes -o/-c/-r/-N`."""
        self.manager.mark_node(message, self.rank(uid))
        self._finish(connection, None)

    def terminate(self, uid: int, _: Message, connection: Connection) -> None:
        """`qterm`: jobs go on."""
        need(self.rank(uid), OPERATOR)
        connection.send({}, last=True)
        self.state.loop.stop()

    def attach(self, uid: int, _: Message, connection: Connection) -> None:
        """pbs_sched has come to stay."""
        if uid not in (0, os.geteuid()):
            raise PbsError(PERM)
        self.scheduler.attach(connection)

    def sched_view(self, uid: int, _: Message, connection: Connection) -> None:
        """What a scheduling cycle works on."""
        need(self.rank(uid), MANAGER)
        connection.send({**scheduler_view(self.state)})

    def sched_do(self, uid: int, message: Message, connection: Connection) -> None:
        """What a scheduling cycle has found out about one job."""
        need(self.rank(uid), MANAGER)
        job = self.state.find_job(str(message["id"]))
        if job is None or job.state != "Q":
            raise PbsError(BADSTATE)
        self.scheduler.act(job, message)
        connection.send({})

    def sched_done(self, uid: int, _: Message, connection: Connection) -> None:
        """A scheduling cycle is over."""
        need(self.rank(uid), MANAGER)
        self.scheduler.done()
        connection.send({})


_HANDLERS: Dict[str, Callable[[Server, int, Message, Connection], None]] = {
    "jobs": Server.jobs,
    "nodes": Server.nodes,
    "queues": Server.queues,
    "server": Server.server,
    "submit": Server.submit,
    "delete": Server.delete,
    "rerun": Server.rerun,
    "run": Server.run,
    "manage": Server.manage,
    "mark_node": Server.mark_node,
    "terminate": Server.terminate,
    "attach": Server.attach,
    "sched_view": Server.sched_view,
    "sched_do": Server.sched_do,
    "sched_done": Server.sched_done,
}


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
        tcp = _listen_tcp(int(chosen.get("-p", home.settings.get("server_port", 15001))))
    except OSError as error:
        print(f"pbs_server: cannot listen: {error}", file=sys.stderr)
        return 3
    unix = _listen_unix(home)
    unix.listen(256)
    if not {"-D", "-F"} & set(chosen):
        daemonize()
    log = LogFile(home.join("server_logs"), "PBS_Server", chosen.get("-L", ""))
    loop = Loop(lambda text: log.write(text))
    state = State(home, loop, log)
    if "-t" in chosen or state.is_new():
        state.create()
    state.load()
    if "-a" in chosen:
        state.attributes["scheduling"] = str(chosen["-a"].lower().startswith("t"))
    server = Server(state)
    listen(loop, unix, server.command_connected)
    listen(loop, tcp, server.mom_connected)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.on_signal(number, loop.stop)
    log.write(f"Server Ready, pid = {os.getpid()}")
    loop.run()
    state.store.close()
    log.write("Server shutdown completed")
    return 0
