"""pbs_mom: the daemon that runs jobs on one node."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from functools import partial
from typing import Any, Callable, Dict, List, Optional, Tuple

from . import launch, pelog
from .auth import open_tcp, trusted_daemon
from .home import LogFile, daemonize
from .loop import Connection, Loop, listen, request
from .mom_config import MomConfig, configure
from .mom_job import MomJob
from .mom_status import host_status
from .names import Resolver, is_loopback
from .processes import Children, kill_session
from .wire import Message

Done = Callable[[Optional[Message], Optional[Exception]], None]

_LIST = "Successfully received the mom hierarchy file. My okclients list is '{}'"


class Mom:
    """Takes jobs from the server, joins sisters' jobs, and reports."""

    def __init__(self, config: MomConfig, resolver: Resolver, loop: Loop, log: LogFile) -> None:
        self.home = config.home
        self.name = config.name
        self.manager_port = config.manager_port
        self.usecp = config.usecp
        self.loop = loop
        self.log = log
        self.children = Children(loop)
        self.jobs: Dict[str, MomJob] = {}
        self.job_path = ":".join([config.home.join("bin"), "/usr/local/bin:/usr/bin:/bin"])
        self._config = config
        self._resolver = resolver
        self._secret = config.secret
        self._scale = 1.0
        self._clients: List[str] = []
        self._sister_jobs: Dict[str, Message] = {}
        self._report_timer = loop.call_later(0, self.report)

    def scaled(self, delay_s: float) -> float:
        """A delay of TORQUE's at the speed that the server has set."""
        return delay_s * self._scale

    # --- asking others ----------------------------------------------------------------

    def _own_address(self, target: str) -> Optional[str]:
        """The address to come from: our own name's, if `target` can answer to it."""
        own = self._resolver.address(self.name)
        if own is None or (is_loopback(own) and not is_loopback(target)):
            return None
        return own

    def ask(
        self, target: Tuple[str, int], message: Message, done: Done, timeout_s: float = 10.0
    ) -> None:
        """Send a message to another daemon."""
        connect = partial(open_tcp, target, self._own_address(target[0]))
        request(self.loop, connect, message, done, self._secret, timeout_s)

    def tell_server(self, message: Message, done: Done) -> None:
        """Send a message to the server."""
        address = self._resolver.address(self._config.server)
        if address is None:
            error = OSError(f"no address for server {self._config.server}")
            self.loop.call_later(0, lambda: done(None, error))
            return
        self.ask((address, self._config.server_port), message, done)

    # --- reports -------------------------------------------------------------------------

    def report(self) -> None:
        """Send a status report now, and the next when it is time."""
        self._report_timer.cancel()
        interval = max(0.1, self.scaled(self._config.status_update_s))
        self._report_timer = self.loop.call_later(interval, self.report)
        self.tell_server(self._status(), self._reported)

    def _status(self) -> Message:
        running = {key: job for key, job in self.jobs.items() if job.obituary is None}
        jobs = {
            key: {"used": job.used(), "session": job.session} if job.session else None
            for key, job in running.items()
        }
        return {
            "op": "status",
            "node": self.name,
            "status": host_status(sorted(running)),
            "jobs": jobs,
            "list": bool(self._clients),
        }

    def _reported(self, reply: Optional[Message], error: Optional[Exception]) -> None:
        if reply is None:
            self.log.write(f"no answer from {self._config.server}: {error}")
            return
        if self._scale != reply["scale"]:
            self._scale = float(reply["scale"])
            self._report_timer.cancel()
            interval = max(0.1, self.scaled(self._config.status_update_s))
            self._report_timer = self.loop.call_later(interval, self.report)
        if "error" in reply:
            self.log.write(f"status not accepted by {self._config.server}: {reply['text']}")
        for job_id in reply.get("purge", []):
            if job_id in self.jobs:
                self.log.write("purged at the server's word", "Job", job_id)
                self.jobs[job_id].purge()

    # --- messages ---------------------------------------------------------------------------

    def connected(self, sock: socket.socket, peer: Any) -> None:
        """The server, a sister or momctl has come."""
        if not self._secret and not trusted_daemon(sock, peer):
            self.log.write(f"bad connect from {peer[0]}:{peer[1]}")
            sock.close()
            return
        handle = partial(self._message, str(peer[0]))
        Connection(self.loop, sock, handle, secret=self._secret)

    def _message(self, address: str, connection: Connection, message: Message) -> None:
        operation = str(message.get("op"))
        try:
            if operation == "join":
                self._join(address, connection, message)
            elif operation == "end":
                self._end(message)
                connection.send({}, last=True)
            elif operation == "hierarchy":
                self._take_list([str(client) for client in message["clients"]])
                connection.send({}, last=True)
            elif operation == "shutdown":
                self._shutdown(connection)
            elif operation == "diagnose":
                connection.send(self._diagnosis(), last=True)
            else:
                connection.send(self._job_message(operation, message), last=True)
        except (KeyError, TypeError, ValueError) as error:
            self.log.write(f"bad message ignored: {error!r}: {str(message)[:200]}")
            connection.close()

    def _take_list(self, clients: List[str]) -> None:
        self._clients = [*clients, "127.0.0.1:0"]
        self.log.write(_LIST.format(",".join(self._clients)), "node")

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
            job.signal(int(message["signal"]))
        elif operation == "purge":
            job.purge()
        else:
            raise ValueError(operation)
        return {}

    # --- as a sister --------------------------------------------------------------------------

    def _join(self, address: str, connection: Connection, message: Message) -> None:
        known = {client.rsplit(":", 1)[0] for client in self._clients}
        if address not in known:
            self.log.write(f"tcp_request, bad connect from {address}")
            connection.close()
            return
        job_id, order = str(message["job"]), message["order"]
        names = [host[0] for host in order["hosts"]]
        number = names.index(self.name) if self.name in names else 0
        self.log.write(f"JOIN JOB as node {number}", "Job", job_id)
        self._sister_jobs[job_id] = {"order": order, "number": number}

        def ended(verdict: int) -> None:
            connection.send({"failed": verdict != pelog.FINE}, last=True)

        arguments = pelog.prologue_arguments(order, "")
        self.run_pelog("prologue.parallel", order, number, arguments, "", ended)

    def _end(self, message: Message) -> None:
        joined = self._sister_jobs.pop(str(message["job"]), None)
        if joined is None:
            return
        order, number = joined["order"], joined["number"]
        arguments = pelog.epilogue_arguments(order, "", 0, {}, int(message["status"]))
        self.run_pelog("epilogue.parallel", order, number, arguments, "", lambda _: None)

    def run_pelog(
        self,
        name: str,
        order: Message,
        number: int,
        arguments: List[str],
        output: str,
        ended: Callable[[int], None],
    ) -> None:
        """Run a prologue or epilogue if there is one; `ended` gets the verdict."""
        priv = self.home.join("mom_priv")
        path = pelog.path_of(priv, name)
        if not path:
            ended(pelog.FINE)
            return
        if not pelog.permitted(path):
            self.log.write(f"{path}: permission error", "Job", order["job"])
            ended(pelog.RETRY)
            return
        node_file = self.home.join("aux", order["job"])
        environ = pelog.environment(order, number, node_file, self.job_path)
        as_user = ".user" in name
        folder = pelog.home_of(order["user"]) if as_user else priv

        def body() -> int:
            if as_user:
                launch.become(launch.account_of(order["user"]))
            return launch.run_script(path, arguments, environ, folder, output)

        def finished(status: int, _cpu: float, _memory: int) -> None:
            if status:
                self.log.write(f"{path} exited with {status}", "Job", order["job"])
            ended(pelog.verdict(status))

        self.children.fork(body, finished)

    # --- momctl ---------------------------------------------------------------------------------

    def _shutdown(self, connection: Connection) -> None:
        def told(_reply: Optional[Message], _error: Optional[Exception]) -> None:
            connection.send({}, last=True)
            self.loop.stop()

        message = {**self._status(), "stopping": True}
        self.tell_server(message, told)

    def _diagnosis(self) -> Message:
        return {
            "name": self.name,
            "server": self._config.server,
            "pid": os.getpid(),
            "home": self.home.join("mom_priv"),
            "clients": self._clients,
            "interval": self._config.status_update_s,
            "jobs": sorted(self.jobs),
        }

    # --- earlier jobs ----------------------------------------------------------------------------

    def recover(self, purge: bool) -> None:
        """Take up the jobs of the mom that was here before, or end them."""
        folder = self.home.join("mom_priv", "jobs")
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
            if purge and record["session"]:
                kill_session(record["session"])
            self.jobs[job.job_id] = job
            job.recover(record)


def _bind(address: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((address, port))
    return sock


def main(home_path: str = "/var/spool/torque") -> int:
    """pbs_mom [-d HOME] [-H NAME] [-M PORT] [-R PORT] [-S PORT] [-L LOGFILE] [-o HOSTS] [-F|-D]."""
    config, foreground, log_path, purge = configure(sys.argv[1:], home_path)
    resolver = Resolver(config.hosts)
    own = resolver.address(config.name)
    if own is None:
        print(f"pbs_mom: {config.name} has no address", file=sys.stderr)
        return 1
    listened = own if is_loopback(own) else ""
    try:
        socks = [_bind(listened, port) for port in (config.service_port, config.manager_port)]
    except OSError as error:
        print(f"pbs_mom: cannot listen on {own}: {error}", file=sys.stderr)
        return 3
    if not foreground:
        daemonize()
    with open(config.home.join("mom_priv", "mom.lock"), "w", encoding="ascii") as lock:
        lock.write(f"{os.getpid()}\n")
    log = LogFile(config.home.join("mom_logs"), "pbs_mom", log_path)
    loop = Loop(lambda text: log.write(text))
    mom = Mom(config, resolver, loop, log)
    for sock in socks:
        listen(loop, sock, mom.connected)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.on_signal(number, loop.stop)
    log.write("Is up", "Svr", "pbs_mom")
    mom.recover(purge)
    loop.run()
    log.write("leaving jobs running, just exiting", "Svr", "pbs_mom")
    return 0
