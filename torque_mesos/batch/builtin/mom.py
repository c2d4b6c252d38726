"""pbs_mom: the daemon that runs jobs on one node."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
from functools import partial
from typing import Any, Callable, Dict, Optional, Tuple

from . import mom_manager
from .auth import open_tcp, trusted_daemon
from .home import LogFile, daemonize, write_file
from .listener import listen
from .loop import Connection, Loop, request
from .mom_config import MomConfig, configure
from .mom_diagnosis import ANSWER_S, Contacts
from .mom_job import MomJob
from .mom_report import REPORT_FLOOR_S, Reports
from .mom_sisters import Sisters
from .mom_sockets import mom_sockets
from .mom_tasks import Tasks, kept_sessions
from .names import Resolver, is_loopback
from .processes import Children, kill_session, of_session
from .wire import Message

Done = Callable[[Optional[Message], Optional[Exception]], None]


class Mom:
    """Takes jobs from the server, joins sisters' jobs, and reports."""

    def __init__(self, config: MomConfig, resolver: Resolver, loop: Loop, log: LogFile) -> None:
        self.home = config.home
        self.name = config.name
        self.manager_port = config.manager_port
        self.usecp = config.usecp
        self.undelivered_days = config.undelivered_days
        self.loop = loop
        self.log = log
        self.began = time.monotonic()
        self.children = Children(loop)
        self.jobs: Dict[str, MomJob] = {}
        own = os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(sys.argv[0]))), "bin")
        folders = dict.fromkeys([config.home.join("bin"), own, "/usr/local/bin"])
        self.prologue_alarm_s = config.prologue_alarm_s
        self.job_starter = config.job_starter
        self.job_path = ":".join([*folders, "/usr/bin", "/bin"])
        self.commands = own if os.path.exists(os.path.join(own, "pbsdsh")) else next(iter(folders))
        self.config = config
        self._resolver = resolver
        self.seal = config.seal
        self.own_is_here = True
        self.sisters = Sisters(self)
        self.tasks = Tasks(self)
        self.contacts = Contacts()
        self.reports = Reports(self)

    def scaled(self, delay_s: float) -> float:
        """A delay of TORQUE's at the speed that the server has set."""
        return self.reports.scaled(delay_s)

    @property
    def poll_s(self) -> float:
        """How often jobs are looked at."""
        return max(REPORT_FLOOR_S, self.scaled(self.config.check_poll_s))

    # --- asking others ----------------------------------------------------------------

    def own_address(self, target: str) -> Optional[str]:
        """The address to come from: our own name's, if `target` can answer to it."""
        own = self._resolver.address(self.name)
        if not self.own_is_here or own is None or is_loopback(own) > is_loopback(target):
            return None
        return own

    def ask(
        self, target: Tuple[str, int], message: Message, done: Done, timeout_s: float = ANSWER_S
    ) -> None:
        """Send a message to another daemon."""
        connect = partial(open_tcp, target, self.own_address(target[0]))
        request(self.loop, connect, message, done, self.seal, timeout_s)

    @property
    def address(self) -> Optional[str]:
        """Our own, None where our name does not resolve."""
        return self._resolver.address(self.name)

    @property
    def server_address(self) -> Optional[str]:
        """Where the server is, None where its name does not resolve."""
        return self._resolver.address(self.config.server)

    def tell_server(self, message: Message, done: Done) -> None:
        """Send a message to the server."""
        address = self.server_address
        if address is None:
            error = OSError(f"no address for server {self.config.server}")
            self.loop.call_later(0, lambda: done(None, error))
            return

        def answered(reply: Optional[Message], error: Optional[Exception]) -> None:
            if reply is not None:
                self.contacts.told()
            done(reply, error)

        self.ask((address, self.config.server_port), message, answered)

    # --- messages ---------------------------------------------------------------------------

    def connected(self, sock: socket.socket, peer: Any) -> None:
        """The server, a sister or momctl has come."""
        if not self.seal and not trusted_daemon(sock, peer):
            self.log.write(f"bad connect from {peer[0]}:{peer[1]}")
            sock.close()
            return
        handle = partial(self._message, str(peer[0]))
        Connection(self.loop, sock, handle, seal=self.seal, accepted=True)

    def _message(self, address: str, connection: Connection, message: Message) -> None:
        operation = str(message.get("op"))
        self.contacts.heard(operation)
        try:
            if operation == "join":
                self.sisters.join(address, connection, message)
            elif operation == "end":
                self.sisters.end(message)
                connection.send({}, last=True)
            elif operation == "ended":
                self.sisters.when_ended(str(message["job"]), connection)
            elif operation == "poll":
                connection.send(self.sisters.use(address, str(message["job"])), last=True)
            elif operation == "spawn":
                self.tasks.spawn(message, connection.send)
            elif operation == "task":
                self.tasks.run(message, connection.send)
            elif operation == "hierarchy":
                self.reports.take_list([str(client) for client in message["clients"]])
                connection.send({}, last=True)
            elif operation == "shutdown":
                self._shutdown(connection)
            elif operation in mom_manager.OPERATIONS:
                connection.send(mom_manager.answer(self, operation, message), last=True)
            else:
                connection.send(self._job_message(operation, message), last=True)
        except (KeyError, TypeError, ValueError) as error:
            self.log.write(f"bad message ignored: {error!r}: {str(message)[:200]}")
            connection.close()

    def _job_message(self, operation: str, message: Message) -> Message:
        job_id = str(message["job"])
        job = self.jobs.get(job_id)
        if operation == "start":
            if job is not None:
                job.purge()
            job = self.jobs[job_id] = MomJob(self, message)
            self.loop.call_later(0, job.start)
            return {}
        if job is None or job.order["run"] != message["run"]:
            return {"unknown": True}
        if operation == "kill":
            job.kill(float(message["delay"]))
        elif operation == "rerun":
            job.kill(float(message["delay"]), rerun=True)
        elif operation == "signal":
            self._signal(job, int(message["signal"]))
        elif operation == "purge":
            job.purge()
        elif operation == "alter":
            text = f"Job Modified at request of PBS_Server@{self.config.server}"
            self.log.write(text, "Job", job_id, 8)
            job.watch.alter(dict(message["resources"]))
        else:
            raise ValueError(operation)
        return {}

    @staticmethod
    def _signal(job: MomJob, number: int) -> None:
        if number >= signal.NSIG:
            return
        if number == signal.SIGKILL and job.running:
            # Seen on TORQUE: its exit status is that of a job that was deleted.
            job.watch.overrun = job.watch.overrun or 256 + signal.SIGTERM
        job.signal(number)

    def keep_file(self, path: str, record: Message) -> None:
        """Write a record for a mom that comes after; without room only that one misses it."""
        try:
            write_file(path, json.dumps(record), 0o600)
        except OSError as error:
            self.log.write(f"cannot write {path}: {error.strerror}")

    # --- tasks ---------------------------------------------------------------------------------

    def order_of(self, job_id: str) -> Optional[Message]:
        """What is known of a job that runs here, as its first host or as another."""
        job = self.jobs.get(job_id)
        return self.sisters.order_of(job_id) if job is None else job.order

    def task_sessions(self, job_id: str, session: int, cpu_s: float = 0.0) -> None:
        """A task has begun, or ended and used `cpu_s` in its life.

        Its session is its job's while anything of it lives.
        """
        job = self.jobs.get(job_id)
        sessions = self.sisters.sessions(job_id) if job is None else job.tasks
        if session not in sessions:
            sessions.append(session)
        elif not of_session(session):
            sessions.remove(session)
        if job is None:
            self.sisters.task_ended(job_id, cpu_s)
            self.sisters.keep(job_id)
        else:
            job.use.task_ended(cpu_s)
            job.keep()

    # --- momctl ---------------------------------------------------------------------------------

    def _shutdown(self, connection: Connection) -> None:
        def told(_reply: Optional[Message], _error: Optional[Exception]) -> None:
            connection.send({}, last=True)
            self.loop.stop()

        message = {**self.reports.status(), "stopping": True}
        self.tell_server(message, told)

    # --- earlier jobs ----------------------------------------------------------------------------

    def recover(self, purge: bool) -> None:
        """Take up the jobs of the mom that was here before, or end them."""
        folder = self.home.join("mom_priv", "jobs")
        self.sisters.recover(purge)
        for name in sorted(os.listdir(folder)):
            if not name.endswith(".JB"):
                continue
            try:
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    record = json.load(file)
                job = MomJob(self, record["order"])
            except (OSError, ValueError, KeyError) as error:
                self.log.write(f"cannot recover {name}: {error!r}")
                continue
            if purge:
                for session in [record["session"], *kept_sessions(record)]:
                    if session:
                        kill_session(session)
            self.jobs[job.job_id] = job
            job.recover(record)


def main(home_path: str = "/var/spool/torque") -> int:
    """pbs_mom [-d HOME] [-H NAME] [-M PORT] [-R PORT] [-S PORT] [-L LOGFILE] [-o HOSTS] [-F|-D]."""
    config, foreground, log_path, purge = configure(sys.argv[1:], home_path)
    resolver = Resolver(config.hosts)
    own = resolver.address(config.name)
    if own is None:
        print(f"pbs_mom: {config.name} has no address", file=sys.stderr)
        return 1
    try:
        socks = mom_sockets(own, config)
    except OSError as error:
        print(f"pbs_mom: cannot listen on {own}: {error}", file=sys.stderr)
        return 3
    if not foreground:
        daemonize()
    with open(config.home.join("mom_priv", "mom.lock"), "w", encoding="ascii") as lock:
        lock.write(f"{os.getpid()}\n")
    log = LogFile(config.home.join("mom_logs"), "pbs_mom", log_path, config.home.settings)
    loop = Loop(lambda text: log.write(text))
    mom = Mom(config, resolver, loop, log)
    mom.own_is_here = socks[0].getsockname()[0] == own
    for sock in socks:
        listen(loop, sock, mom.connected)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.on_signal(number, loop.stop)
    log.write("Is up", "Svr", "pbs_mom")
    mom.recover(purge)
    mom.tasks.listen()
    loop.run()
    log.write("leaving jobs running, just exiting", "Svr", "pbs_mom")
    return 0
