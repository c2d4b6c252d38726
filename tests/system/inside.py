"""Daemons on namespaced hosts, and a Mesos cluster that is made of them."""

from __future__ import annotations

import ctypes
import os
import signal as signals
import subprocess
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psutil

from dev.mesos.cluster import Cluster
from dev.supervised import Daemons, SupervisedError
from tests.pelog.hosts import HEAD, Hosts
from tests.waiting import wait_for

MASTER_PORT = 5050
_CLONE_NEWNET = 0x40000000


def child_of(process: int) -> psutil.Process | None:
    """What `nsenter` has started; None before it did."""
    try:
        return next(iter(psutil.Process(process).children()), None)
    except psutil.NoSuchProcess:
        return None


class InsideDaemons:
    """Daemons by name, on hosts. See `dev.supervised.Daemons`.

    A daemon that is called like a host runs there, any other one on `head`.
    """

    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts
        self._started: dict[str, subprocess.Popen[bytes]] = {}

    def start(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], log: Path
    ) -> int:
        """Start a daemon; its output is appended to `log`. Gives its process id, here."""
        host = name if name in self._hosts.names else HEAD
        with log.open("ab") as output:
            started = subprocess.Popen(
                self._hosts.command(host, command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=dict(environment),
                cwd="/",
                start_new_session=True,
            )
        self._started[name] = started
        wait_for(lambda: child_of(started.pid) or started.poll() is not None, 30, f"{name} starts")
        found = child_of(started.pid)
        if found is None:
            raise SupervisedError(f"{name} ended with code {started.poll()}")
        return found.pid

    def signal(self, name: str, number: int) -> bool:
        """Send a signal to a daemon; false if it does not run. After SIGKILL it is gone."""
        pid = self.running().get(name)
        if pid is None:
            return False
        os.kill(pid, number)
        if number == signals.SIGKILL:
            self._started[name].wait()
        return True

    def running(self) -> dict[str, int]:
        """Process ids, here, of the daemons that run."""
        found = {
            name: child_of(started.pid)
            for name, started in self._started.items()
            if started.poll() is None
        }
        return {name: child.pid for name, child in found.items() if child is not None}

    def ended(self) -> dict[str, int]:
        """Exit codes of the daemons that ended; below 0: the signal."""
        codes = {name: started.poll() for name, started in self._started.items()}
        return {name: code for name, code in codes.items() if code is not None}

    def stop(self) -> None:
        """Kill all daemons. What came of them ends with their hosts."""
        for name in self.running():
            self.signal(name, signals.SIGKILL)


class InsideCluster(Cluster):
    """A Mesos cluster on hosts: the master on `head`, each agent on the host of its name."""

    def __init__(self, hosts: Hosts, *arguments: Any, **more: Any) -> None:
        self._hosts = hosts
        self._caller: ThreadPoolExecutor | None = None
        super().__init__(*arguments, **more)

    def _places(self, port: int) -> tuple[str, int, dict[str, str]]:
        where = self._hosts.addresses
        return where[HEAD], port or MASTER_PORT, {name: where[name] for name in self.hostnames}

    @property
    def head_address(self) -> str:
        """The master's."""
        return self._hosts.addresses[HEAD]

    def _make_daemons(self) -> Daemons:
        namespace = self._hosts.namespace(HEAD, "net")
        # One thread of this process is in the network of `head`.
        self._caller = ThreadPoolExecutor(1, initializer=_enter, initargs=(namespace,))
        return InsideDaemons(self._hosts)

    def reach(self, call: Callable[[], httpx.Response]) -> httpx.Response:
        """See `Cluster.reach`."""
        assert self._caller is not None
        return self._caller.submit(call).result()

    def stop(self) -> None:
        """See `Cluster.stop`."""
        super().stop()
        if self._caller is not None:
            self._caller.shutdown()


def _enter(namespace: Path) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    with namespace.open() as opened:
        if library.setns(opened.fileno(), _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), str(namespace))
