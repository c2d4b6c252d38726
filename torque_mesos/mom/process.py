"""The child that is the mom: how it is started, recognised as ready, and stopped."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Dict, Iterable, List, Optional

from torque_mesos.mom.home import Home, world_writable_folders
from torque_mesos.mom.programs import MomError, find_program
from torque_mesos.mom.settings import MomSettings

READY_MARK = b"okclients list is"
"""In the line that a mom logs when the server has told it of all other moms. Only then
can it take part in a job over several hosts; the server calls it free earlier."""

TAIL_BYTES = 2000
MOM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
EXIT_UNSAFE_HOME = 3
MOMCTL_TIMEOUT_S = 5.0
TERMINATE_TIMEOUT_S = 1.0


class Mom:
    """`pbs_mom` in the foreground, as a child of this process.

    `delivery` is the folder with the built-in server's mom in it, if that is wanted.
    """

    ready_mark = READY_MARK

    def __init__(self, settings: MomSettings, home: Home, delivery: Path) -> None:
        self.home = home
        self._delivery = delivery
        self._settings = settings
        self._process: Optional[subprocess.Popen[bytes]] = None
        self._momctl: Optional[subprocess.Popen[bytes]] = None
        self._question: Optional[subprocess.Popen[bytes]] = None
        self._offset = 0
        self._seen = b""
        self.started_s = 0.0

    def start(self) -> None:
        """Start it. Raises MomError when it cannot be started."""
        command = self.command()
        self._offset = _size(self.home.log)
        self._seen = b""
        try:
            with open(self.home.output, "ab") as output:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    cwd=self.home.path,
                    env=self._environment(),
                )
        except OSError as error:
            raise MomError(f"cannot start {command[0]}: {error}") from error
        self.started_s = time.monotonic()

    def command(self) -> List[str]:
        """The command line. Raises MomError when there is no pbs_mom."""
        settings = self._settings
        return [
            *self._program("pbs_mom", settings.pbs_mom),
            "-F",
            *("-H", settings.node),
            *("-d", str(self.home.path)),
            *("-L", str(self.home.log)),
            *("-M", str(settings.service_port)),
            *("-R", str(settings.manager_port)),
            *("-S", str(settings.server_port)),
            *settings.mom_args,
        ]

    @property
    def pid(self) -> Optional[int]:
        """Its process id while it runs."""
        if self._process is None or self._process.returncode is not None:
            return None
        return self._process.pid

    def own_pids(self) -> List[int]:
        """The processes that are the mom's and not a job's."""
        return [process.pid for process in self._processes() if process.returncode is None]

    def reap(self) -> None:
        """Let go of every child that has ended. (Orphans of jobs become our children.)"""
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        while True:
            try:
                ended = os.waitid(os.P_ALL, 0, options)
            except ChildProcessError:
                return
            if ended is None:
                return
            for process in self._processes():
                if process.pid == ended.si_pid:
                    process.poll()
                    break
            else:
                os.waitpid(ended.si_pid, 0)

    def is_ready(self) -> bool:
        """Whether the line with `ready_mark` was logged since the start."""
        try:
            with open(self.home.log, "rb") as log:
                log.seek(self._offset)
                text = log.read()
        except FileNotFoundError:
            return False
        self._offset += len(text)
        found = self.ready_mark in self._seen + text
        self._seen = (self._seen + text)[-len(self.ready_mark) :]
        return found

    def ending(self) -> str:
        """How it ended, why if that can be told, and the end of its log."""
        status = self._process.returncode if self._process else None
        if status is None:
            how = "runs still"
        elif status < 0:
            how = f"was ended by signal {-status}"
        else:
            how = f"ended with status {status}"
        text = f"pbs_mom {how}"
        if status == EXIT_UNSAFE_HOME:
            unsafe = world_writable_folders(self.home.path)
            if unsafe:
                text += (
                    f"; it refuses a home below a folder that anybody may write to: "
                    f"{', '.join(unsafe)}: set another work_dir for the agent, or `home`"
                )
        tail = (self._tail(self.home.output) + self._tail(self.home.log))[-TAIL_BYTES:]
        return f"{text}; the end of its log: {tail}" if tail else f"{text}, its log is empty"

    def ask_to_stop(self) -> bool:
        """`momctl -s`, which also tells the server. False when there is no momctl."""
        self._momctl = self._start_momctl("-s")
        return self._momctl is not None

    def ask_how_it_is(self) -> Optional[subprocess.Popen[bytes]]:
        """`momctl -d 0`, which fails or waits when the mom does not answer. None: no momctl."""
        self._question = self._start_momctl("-d", "0")
        return self._question

    def _start_momctl(self, *words: str) -> Optional[subprocess.Popen[bytes]]:
        try:
            command = self._program("momctl", self._settings.momctl)
        except MomError:
            return None
        if self._settings.builtin:
            # A built-in mom may listen at one address only.
            command += ["-h", self._settings.node]
        command += ["-p", str(self._settings.manager_port), *words]
        with open(self.home.output if "-s" in words else os.devnull, "ab") as output:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self._environment(),
            )

    def stop(self) -> None:
        """End it: momctl, SIGTERM, SIGKILL, each when the one before was not enough."""
        if self.pid is not None and self.ask_to_stop():
            self.wait(MOMCTL_TIMEOUT_S)
        self.terminate()

    def terminate(self) -> None:
        """End it without telling the server: SIGTERM, then SIGKILL."""
        if self._momctl and self._momctl.returncode is not None:
            self._momctl = None
        for number in (signal.SIGTERM, signal.SIGKILL):
            for pid in self.own_pids():
                os.kill(pid, number)
            if self.wait(TERMINATE_TIMEOUT_S):
                return

    def kill(self) -> None:
        """End it without a word to anybody: SIGKILL."""
        for pid in self.own_pids():
            os.kill(pid, signal.SIGKILL)
        self.wait(TERMINATE_TIMEOUT_S)

    def wait(self, timeout_s: float) -> bool:
        """Wait for the end of it and of momctl. True if they have ended."""
        deadline = time.monotonic() + timeout_s
        while True:
            self.reap()
            if not self.own_pids():
                return True
            if (self._momctl and self._momctl.returncode) or time.monotonic() > deadline:
                return False
            time.sleep(0.002)

    def _processes(self) -> Iterable[subprocess.Popen[bytes]]:
        known = (self._process, self._momctl, self._question)
        return [process for process in known if process is not None]

    def _environment(self) -> Dict[str, str]:
        # Not the executor's own: jobs have no business with MESOS_*.
        environment = {"PATH": MOM_PATH, "LANG": "C"}
        if "TZ" in os.environ:
            environment["TZ"] = os.environ["TZ"]
        if self._settings.builtin and self._settings.hosts:
            environment["PBS_BUILTIN_HOSTS"] = str(self.home.hosts)
        environment.update(self._settings.environment)
        return environment

    def _program(self, name: str, path: Optional[str]) -> List[str]:
        return find_program(self._settings, self._delivery, name, path)

    @staticmethod
    def _tail(path: Path) -> str:
        try:
            with open(path, "rb") as file:
                file.seek(max(0, _size(path) - TAIL_BYTES))
                return file.read().decode("utf-8", "replace")
        except FileNotFoundError:
            return ""


def port_holder(settings: MomSettings) -> Optional[str]:
    """Who holds a port that the mom needs, None when all are free."""
    address = _own_address(settings)
    for port in (settings.service_port, settings.manager_port):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError as error:
                return f"port {port} is taken by {_listener(port)} ({error.strerror})"
    return None


def _own_address(settings: MomSettings) -> str:
    """Where the mom will listen. Built-in ones share a host if they have loopback addresses."""
    if not settings.builtin:
        return ""
    try:
        address = socket.gethostbyname(settings.hosts.get(settings.node, settings.node))
    except OSError:
        return ""
    return address if address.startswith("127.") else ""


def _listener(port: int) -> str:
    import psutil  # here, because it is rarely needed and takes time

    for connection in psutil.net_connections("tcp"):
        if (
            connection.status == psutil.CONN_LISTEN
            and connection.laddr[1:] == (port,)
            and connection.pid is not None
        ):
            try:
                command = " ".join(psutil.Process(connection.pid).cmdline())
            except psutil.Error:
                command = "?"
            return f"pid {connection.pid}, {command[:300]!r}"
    return "a process that cannot be seen from here"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
