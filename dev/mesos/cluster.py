"""A development Mesos cluster: a master and agents, each of which can be killed alone.

    with Cluster(folder, ["n1.cluster.test", "n2.cluster.test"]) as cluster:
        ...                                    # cluster.master is "127.0.0.1:PORT"

The master listens at 127.0.0.1:PORT, agent i (from 0) at BLOCK.(10+i):PORT+1, where
BLOCK is a /24 of the loopback network (random, so that clusters live side by side).
Logs are WORK_DIR/master.log and WORK_DIR/<hostname>.log. The registry and what the
agents checkpoint are there, too.
"""

from __future__ import annotations

import json
import os
import random
import signal as signals
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from dev.mesos.install import build_folder, is_installed

MASTER = "master"
SUPERVISOR = Path(__file__).with_name("supervisor.py")
FIRST_HOST = 10
# Below the ports that the kernel hands out by itself.
PORTS = range(10_000, 32_000, 2)
# Agents and executors get this and no more: no proxies, no virtual environment.
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
}
# An agent is lost after 9 s of silence; Mesos' own default is 75 s.
MASTER_FLAGS = {"agent_ping_timeout": "3secs", "max_agent_ping_timeouts": "3"}
AGENT_FLAGS = {
    "launcher": "posix",
    "isolation": "posix/cpu,posix/mem",
    "systemd_enable_support": "false",
    "registration_backoff_factor": "100ms",
    "executor_reregistration_timeout": "15secs",
    "executor_shutdown_grace_period": "5secs",
}


class ClusterError(Exception):
    """The cluster did not do what was asked; the text holds the end of the log concerned."""


@dataclass(frozen=True, slots=True)
class _Daemon:
    name: str
    address: str
    port: int
    arguments: tuple[str, ...]


class Cluster:
    """One Mesos master and its agents, as processes of this machine.

    Args:
        work_dir: where everything goes; made if need be, never removed.
        hostnames: what the agents call themselves, one agent each.
        resources: of every agent, or one for each, such as "cpus:2;mem:2048".
        attributes: likewise, such as "rack:r1"; empty for none.
        port: of the master; 0 for a free one. The agents' is one more.
        master_flags, agent_flags: Mesos' flags, without the dashes; they win over ours.
        build: a folder that `dev.mesos.install` filled.

    Raises:
        ClusterError: there is no build, or a list does not fit the host names.
    """

    def __init__(
        self,
        work_dir: Path | str,
        hostnames: Sequence[str] = ("n1.cluster.test",),
        *,
        resources: str | Sequence[str] = "cpus:2;mem:2048",
        attributes: str | Sequence[str] = "",
        port: int = 0,
        master_flags: Mapping[str, str] | None = None,
        agent_flags: Mapping[str, str] | None = None,
        build: Path | str | None = None,
    ) -> None:
        self.work_dir = Path(work_dir).resolve()
        self.build = Path(build).resolve() if build else build_folder()
        if not is_installed(self.build) and not (self.build / "mesosd").exists():
            raise ClusterError(f"no Mesos in {self.build}: run `python -m dev.mesos.install`")
        self.hostnames = tuple(hostnames)
        if len(set(self.hostnames)) != len(self.hostnames) or MASTER in self.hostnames:
            raise ClusterError(f"host names must differ: {self.hostnames}")
        block, self.port = _free_addresses(port)
        self.master = f"127.0.0.1:{self.port}"
        self._addresses = {
            name: f"{block}.{FIRST_HOST + i}" for i, name in enumerate(self.hostnames)
        }
        self._daemons = {MASTER: self._master_daemon(master_flags or {})}
        each_resources = self._each(resources, "resources")
        each_attributes = self._each(attributes, "attributes")
        for name, has, marked in zip(self.hostnames, each_resources, each_attributes, strict=True):
            flags = {"resources": has, **({"attributes": marked} if marked else {})}
            self._daemons[name] = self._agent_daemon(name, {**flags, **(agent_flags or {})})
        self._supervisor: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()
        self._started_at: dict[str, float] = {}

    def _each(self, given: str | Sequence[str], what: str) -> list[str]:
        each = [given] * len(self.hostnames) if isinstance(given, str) else list(given)
        if len(each) != len(self.hostnames):
            raise ClusterError(f"{len(each)} {what} for {len(self.hostnames)} agents")
        return each

    def _master_daemon(self, more: Mapping[str, str]) -> _Daemon:
        flags = {"work_dir": str(self.work_dir / MASTER), "hostname": "127.0.0.1"}
        flags |= MASTER_FLAGS | dict(more)
        return _Daemon(MASTER, "127.0.0.1", self.port, (MASTER, *_flags(flags)))

    def _agent_daemon(self, name: str, more: Mapping[str, str]) -> _Daemon:
        folder = self.work_dir / name
        flags = AGENT_FLAGS | {
            "hostname": name,
            "work_dir": str(folder / "work"),
            "runtime_dir": str(folder / "run"),
            "fetcher_cache_dir": str(folder / "fetch"),
            "launcher_dir": str(self.build),
            "switch_user": "true" if os.geteuid() == 0 else "false",
        }
        arguments = ("agent", self.master, *_flags(flags | dict(more)))
        return _Daemon(name, self._addresses[name], self.port + 1, arguments)

    # -- life ---------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self, timeout_s: float = 30) -> None:
        """Start the master and all agents, and wait until every agent is registered.

        Raises:
            ClusterError: a daemon ended, or was not ready in time.
        """
        self.work_dir.mkdir(parents=True, exist_ok=True)
        # A session of its own, so that Ctrl-C reaches the caller first; if the caller
        # dies, the supervisor sees the end of its input.
        self._supervisor = subprocess.Popen(
            [sys.executable, "-I", str(SUPERVISOR)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            for name in self._daemons:
                self._start(name)
            self.wait_ready(timeout_s)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End every process of the cluster: executors, moms and jobs included."""
        supervisor, self._supervisor = self._supervisor, None
        if supervisor is None:
            return
        assert supervisor.stdin is not None
        assert supervisor.stdout is not None
        supervisor.stdin.close()
        supervisor.wait()
        supervisor.stdout.close()

    def wait_ready(self, timeout_s: float = 30) -> None:
        """Wait until all agents that run are registered with the master that runs now.

        Raises:
            ClusterError: a daemon ended by itself, or `timeout_s` passed.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            running = self.running()
            for name in self._started_at.keys() - running.keys():
                raise ClusterError(f"{name} ended.\n{self.log_end(name)}")
            waiting = running.keys() - self._registered() - {MASTER}
            if MASTER in running and not waiting:
                return
            if time.monotonic() > deadline:
                name = min(waiting, default=MASTER)
                raise ClusterError(
                    f"after {timeout_s:g} s, not registered: {', '.join(sorted(waiting))}\n"
                    f"{self.log_end(MASTER)}\n{self.log_end(name)}"
                )
            time.sleep(0.05)

    def _registered(self) -> set[str]:
        """Host names of the agents that registered since they were started."""
        try:
            agents = self.agents()
        except (httpx.HTTPError, json.JSONDecodeError):
            return set()
        return {
            agent["hostname"]
            for agent in agents
            if agent["active"]
            and max(agent["registered_time"], agent.get("reregistered_time", 0))
            >= self._started_at.get(agent["hostname"], 0)
        }

    # -- single daemons -----------------------------------------------------------------

    def kill(self, name: str, signal: int = signals.SIGKILL) -> None:
        """Send a signal to "master" or to the agent of a host name. SIGKILL: gone on return.

        An agent that is killed leaves its executors running, as on a real host.

        Raises:
            ClusterError: it does not run.
        """
        if not self._request({"do": "signal", "name": name, "signal": int(signal)})["sent"]:
            raise ClusterError(f"{name} does not run")
        if signal not in (signals.SIGSTOP, signals.SIGCONT):
            self._started_at.pop(name, None)

    def restart(self, name: str) -> None:
        """Start "master" or an agent again, on its old state. Does not wait: see `wait_ready`.

        With a restarted master, agents come back after the ping timeout (about 9 s).
        """
        if name in self.running():
            self.kill(name)
        self._start(name)

    def pid(self, name: str) -> int:
        """The process id of a daemon that runs.

        Raises:
            ClusterError: it does not run.
        """
        try:
            return self.running()[name]
        except KeyError:
            raise ClusterError(f"{name} does not run") from None

    def running(self) -> dict[str, int]:
        """Process ids of the daemons that run, by name ("master", host names)."""
        running: dict[str, int] = self._request({"do": "list"})["running"]
        return running

    def _start(self, name: str) -> None:
        daemon = self._daemons[name]
        (self.work_dir / name).mkdir(exist_ok=True)
        self._started_at[name] = time.time()
        self._request(
            {
                "do": "start",
                "name": name,
                "command": [str(self.build / "mesosd"), *daemon.arguments],
                "env": {
                    **ENVIRONMENT,
                    "HOME": os.path.expanduser("~"),
                    "LIBPROCESS_IP": daemon.address,
                    "LIBPROCESS_PORT": str(daemon.port),
                },
                "log": str(self.log_path(name)),
            }
        )

    def _request(self, request: dict[str, Any]) -> dict[str, Any]:
        supervisor = self._supervisor
        if supervisor is None:
            raise ClusterError("the cluster is not started")
        assert supervisor.stdin is not None
        assert supervisor.stdout is not None
        with self._lock:
            supervisor.stdin.write(json.dumps(request) + "\n")
            supervisor.stdin.flush()
            line = supervisor.stdout.readline()
        if not line:
            raise ClusterError(f"the supervisor ended with code {supervisor.wait()}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise ClusterError(f"{request.get('name')}: {answer['error']}")
        return answer

    # -- what is there ------------------------------------------------------------------

    def agent_address(self, hostname: str) -> str:
        """The IP address of an agent, its executors and moms, such as "127.33.7.10"."""
        return self._addresses[hostname]

    def agent_endpoint(self, hostname: str) -> str:
        """IP:PORT of an agent's own API."""
        return f"{self._addresses[hostname]}:{self.port + 1}"

    def state(self) -> dict[str, Any]:
        """The master's /master/state.

        Raises:
            httpx.HTTPError: the master does not answer.
        """
        return self._ask("/master/state")

    def agents(self) -> list[dict[str, Any]]:
        """The agents as the master lists them, those that are disconnected included."""
        agents: list[dict[str, Any]] = self._ask("/master/slaves")["slaves"]
        return agents

    def used_resources(self, hostname: str | None = None) -> dict[str, float]:
        """cpus, mem, disk and gpus that tasks and executors hold, on one agent or on all.

        Offers do not count. What the master does not know of yet does not count either.
        """
        totals = dict.fromkeys(("cpus", "mem", "disk", "gpus"), 0.0)
        for agent in self.agents():
            if hostname in (None, agent["hostname"]):
                for kind in totals:
                    totals[kind] += agent["used_resources"].get(kind, 0.0)
        return totals

    def log_path(self, name: str) -> Path:
        """The log of "master" or of an agent."""
        return self.work_dir / f"{name}.log"

    def log_end(self, name: str, lines: int = 15) -> str:
        """The end of a daemon's log, under a heading that names the file."""
        path = self.log_path(name)
        text = path.read_text(errors="replace") if path.exists() else ""
        return "\n".join([f"The end of {path}:", *(text.splitlines()[-lines:] or ["(empty)"])])

    def _ask(self, path: str) -> dict[str, Any]:
        answer = httpx.get(f"http://{self.master}{path}", timeout=5, trust_env=False)
        answer.raise_for_status()
        state: dict[str, Any] = answer.json()
        return state


def _flags(flags: Mapping[str, str]) -> list[str]:
    return [f"--{name}={value}" for name, value in flags.items()]


def _free_addresses(port: int) -> tuple[str, int]:
    """A /24 of the loopback network ("127.33.7") and a port for a master, both unused."""
    chance = random.SystemRandom()
    for _ in range(200):
        block = f"127.{chance.randrange(1, 255)}.{chance.randrange(1, 255)}"
        candidate = port or chance.choice(PORTS)
        if _is_free("127.0.0.1", candidate) and _is_free(f"{block}.{FIRST_HOST}", candidate + 1):
            return block, candidate
        if port and not _is_free("127.0.0.1", port):
            raise ClusterError(f"port {port} of 127.0.0.1 is in use")
    raise ClusterError("no free port for a Mesos master")


def _is_free(address: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True
