"""The folders of a PBS home, its settings file, and the daemons' log files."""

from __future__ import annotations

import os
import time
from typing import Any, Callable, Dict, NamedTuple, Optional, Tuple

from .rotation import LOGS, limits, prune, put_aside
from .settings import read

VERSION = "6.1.3.h5"

SERVER_PORT = 15001
MOM_SERVICE_PORT = 15002
MOM_MANAGER_PORT = 15003

_SERVER_FOLDERS = {
    "server_priv": 0o755,
    "server_priv/accounting": 0o750,
    "server_priv/jobs": 0o750,
    "server_logs": 0o755,
    "sched_priv": 0o750,
    "sched_logs": 0o755,
    "sock": 0o755,
}
_MOM_FOLDERS = {
    "mom_priv": 0o751,
    "mom_priv/jobs": 0o751,
    "mom_logs": 0o755,
    "spool": 0o1777,
    "undelivered": 0o1777,
    "aux": 0o755,
}


class Home(NamedTuple):
    """Where things are below a PBS home."""

    path: str

    def join(self, *parts: str) -> str:
        """A path below the home."""
        return os.path.join(self.path, *parts)

    @property
    def socket(self) -> str:
        """The unix socket that the commands and the scheduler connect to."""
        return self.join("sock", "pbs_server")

    @property
    def is_clients(self) -> bool:
        """Whether it is the home of commands alone, whose server is on another host."""
        return bool(self.path) and not os.path.isdir(self.join("sock"))

    @property
    def server_name(self) -> str:
        """The server's name as the file `server_name` gives it; empty where there is none."""
        return self._server[0]

    @property
    def server_port(self) -> int:
        """The server's port, for commands on other hosts: `server_name` may be `HOST:PORT`."""
        port = self._server[1]
        return int(port) if port.isdigit() else SERVER_PORT

    @property
    def _server(self) -> Tuple[str, str]:
        try:
            with open(self.join("server_name"), encoding="utf-8") as file:
                lines = [line.split("#")[0].strip() for line in file]
        except OSError:
            return "", ""
        name, _, port = next(filter(None, lines), "").partition(":")
        return name, port

    @property
    def settings(self) -> Dict[str, Any]:
        """What `server_priv/builtin.json` sets. Raises `BadSettings`."""
        return read(self.join("server_priv", "builtin.json"))

    def make_server_folders(self) -> None:
        """Make what a server and a scheduler need below the home."""
        _make(self.path, _SERVER_FOLDERS)

    def make_mom_folders(self) -> None:
        """Make what a mom needs below the home."""
        _make(self.path, _MOM_FOLDERS)

    def secret(self, folder: str) -> bytes:
        """The secret shared between server and moms, from FOLDER/secret; empty where none is."""
        try:
            with open(self.join(folder, "secret"), "rb") as file:
                return file.read().strip()
        except OSError:
            return b""


def _make(home: str, folders: Dict[str, int]) -> None:
    if not os.path.isdir(home):
        os.makedirs(home, 0o755)
        os.chmod(home, 0o755)  # noqa: S103 - all users run the commands in it
    for name, mode in folders.items():
        path = os.path.join(home, name)
        if not os.path.isdir(path):
            os.makedirs(path, 0o755)
            os.chmod(path, mode)


def clock(seconds: int) -> str:
    """Seconds as TORQUE writes a duration, HH:MM:SS."""
    return f"{seconds // 3600:02d}:{seconds % 3600 // 60:02d}:{seconds % 60:02d}"


def as_bytes(text: str) -> bytes:
    """Text as users gave it: bytes that are no UTF-8 are kept. What can be no bytes is a `?`."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


class LogFile:
    """A daemon's log: one file a day, or the one file that it was told to use.

    Raises ValueError where `settings` (those of `builtin.json`) set no possible limits.
    """

    def __init__(
        self,
        folder: str,
        daemon: str,
        path: str = "",
        settings: Optional[Dict[str, Any]] = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._folder = folder
        self._path = path
        self._who = f"{daemon}.{os.getpid()}"
        self._limits = limits(settings or {}, "log", LOGS)
        self._clock = clock
        self._opened = ""
        self._descriptor = -1
        self._size = 0

    def write(self, text: str, kind: str = "Svr", name: str = "", event: int = 2) -> None:
        """One line, in the form of TORQUE's logs; lost where the disk takes none."""
        try:
            self._write(text, kind, name, event)
        except OSError:
            # A daemon must go on without its log, and has nowhere else to say so.
            self._opened = ""

    def _write(self, text: str, kind: str, name: str, event: int) -> None:
        now = self._clock()
        moment = time.localtime(now)
        path = self._path or os.path.join(self._folder, time.strftime("%Y%m%d", moment))
        if self._size > self._limits.part_bytes and path == self._opened:
            put_aside(path)
            self._opened = ""
        if path != self._opened:
            self._open(path, now)
        stamp = time.strftime("%m/%d/%Y %H:%M:%S", moment) + f".{int(now % 1 * 1000):03d}"
        line = f"{stamp};{event:02d};{self._who};{kind};{name};{text}\n"
        self._size += os.write(self._descriptor, as_bytes(line))

    def _open(self, path: str, now: float) -> None:
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._descriptor = os.open(path, flags, 0o644)
        self._size = os.fstat(self._descriptor).st_size
        self._opened = path
        if not self._path:
            prune(self._folder, self._limits, now)


def daemonize() -> None:
    """Become a daemon: the caller's process ends, this one goes on without a terminal."""
    if os.fork():
        os._exit(0)
    os.setsid()
    detach_output()


def detach_output() -> None:
    """Point the standard files at /dev/null."""
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    if null > 2:
        os.close(null)


def write_file(path: str, text: str, mode: int) -> None:
    """Write a file so that it is there whole or not at all."""
    descriptor = os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with open(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)
    os.chmod(path + ".new", mode)
    os.replace(path + ".new", path)
