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
import signal as signals
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import httpx

from dev.mesos.install import build_folder, is_installed
from dev.mesos.layout import FIRST_HOST, MASTER, NoAddress, agent, free_addresses, master
from dev.supervised import Daemons, Supervised, SupervisedError


class ClusterError(Exception):
    """The cluster did not do what was asked; the text holds the end of the log concerned."""


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
        host, self.port, self._addresses = self._places(port)
        self.master = f"{host}:{self.port}"
        own = self.work_dir / MASTER
        self._daemons = {MASTER: master(own, host, self.port, master_flags or {})}
        each_resources = self._each(resources, "resources")
        each_attributes = self._each(attributes, "attributes")
        for name, has, marked in zip(self.hostnames, each_resources, each_attributes, strict=True):
            flags = {"resources": has, **({"attributes": marked} if marked else {})}
            self._daemons[name] = agent(
                name,
                self.work_dir / name,
                self._addresses[name],
                self.port + 1,
                self.build,
                {**flags, **(agent_flags or {})},
                self.master,
            )
        self._processes: Daemons | None = None
        self._started_at: dict[str, float] = {}

    def _places(self, port: int) -> tuple[str, int, dict[str, str]]:
        """The master's address and port, and the agents' addresses. Raises ClusterError."""
        try:
            block, found = free_addresses(port)
        except NoAddress as error:
            raise ClusterError(str(error)) from error
        return (
            "127.0.0.1",
            found,
            {name: f"{block}.{FIRST_HOST + i}" for i, name in enumerate(self.hostnames)},
        )

    def _make_daemons(self) -> Daemons:
        return Supervised()

    def _each(self, given: str | Sequence[str], what: str) -> list[str]:
        each = [given] * len(self.hostnames) if isinstance(given, str) else list(given)
        if len(each) != len(self.hostnames):
            raise ClusterError(f"{len(each)} {what} for {len(self.hostnames)} agents")
        return each

    # -- life ---------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, timeout_s: float = 30) -> None:
        """Start the master and all agents, and wait until every agent is registered.

        Raises:
            ClusterError: a daemon ended, or was not ready in time.
        """
        self.work_dir.mkdir(parents=True, exist_ok=True)
        self._processes = self._make_daemons()
        try:
            for name in self._daemons:
                self._start(name)
            self.wait_ready(timeout_s)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End every process of the cluster: executors, moms and jobs included."""
        processes, self._processes = self._processes, None
        if processes is not None:
            processes.stop()

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
            listed["hostname"]
            for listed in agents
            if listed["active"]
            and max(listed["registered_time"], listed.get("reregistered_time", 0))
            >= self._started_at.get(listed["hostname"], 0)
        }

    # -- single daemons -----------------------------------------------------------------

    def kill(self, name: str, signal: int = signals.SIGKILL) -> None:
        """Send a signal to "master" or to the agent of a host name. SIGKILL: gone on return.

        An agent that is killed leaves its executors running, as on a real host.

        Raises:
            ClusterError: it does not run.
        """
        if not self._supervised().signal(name, signal):
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
        return self._supervised().running()

    def _start(self, name: str) -> None:
        daemon = self._daemons[name]
        (self.work_dir / name).mkdir(exist_ok=True)
        self._started_at[name] = time.time()
        command = [str(self.build / "mesosd"), *daemon.arguments]
        try:
            self._supervised().start(name, command, daemon.environment, self.log_path(name))
        except SupervisedError as error:
            raise ClusterError(str(error)) from error

    def _supervised(self) -> Daemons:
        if self._processes is None:
            raise ClusterError("the cluster is not started")
        return self._processes

    # -- what is there ------------------------------------------------------------------

    def agent_address(self, hostname: str) -> str:
        """The IP address of an agent, its executors and moms, such as "127.33.7.10"."""
        return self._addresses[hostname]

    @property
    def head_address(self) -> str:
        """An IP address beside the agents' that nothing of the cluster uses: BLOCK.1."""
        return self._addresses[self.hostnames[0]].rpartition(".")[0] + ".1"

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

    def frameworks(self) -> list[dict[str, Any]]:
        """The frameworks that are subscribed, or may come back."""
        frameworks: list[dict[str, Any]] = self._ask("/master/frameworks")["frameworks"]
        return frameworks

    def used_resources(self, hostname: str | None = None) -> dict[str, float]:
        """cpus, mem, disk and gpus that tasks and executors hold, on one agent or on all.

        Offers do not count. What the master does not know of yet does not count either.
        """
        totals = dict.fromkeys(("cpus", "mem", "disk", "gpus"), 0.0)
        for listed in self.agents():
            if hostname in (None, listed["hostname"]):
                for kind in totals:
                    totals[kind] += listed["used_resources"].get(kind, 0.0)
        return totals

    def log_path(self, name: str) -> Path:
        """The log of "master" or of an agent."""
        return self.work_dir / f"{name}.log"

    def log_end(self, name: str, lines: int = 15) -> str:
        """The end of a daemon's log, under a heading that names the file."""
        path = self.log_path(name)
        text = path.read_text(errors="replace") if path.exists() else ""
        return "\n".join([f"The end of {path}:", *(text.splitlines()[-lines:] or ["(empty)"])])

    def reach(self, call: Callable[[], httpx.Response]) -> httpx.Response:
        """Call what connects to the cluster's addresses, where they can be reached."""
        return call()

    def _ask(self, path: str) -> dict[str, Any]:
        url = f"http://{self.master}{path}"
        answer = self.reach(lambda: httpx.get(url, timeout=5, trust_env=False))
        answer.raise_for_status()
        state: dict[str, Any] = answer.json()
        return state
