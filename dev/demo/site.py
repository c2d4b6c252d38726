"""The demo's machines and daemons: a Mesos cluster, and `torque-mesos run` beside it."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from dev.demo.account import Account, fresh_folder
from dev.mesos.cluster import Cluster
from dev.mesos.layout import ENVIRONMENT, PORTS
from dev.supervised import Daemons, Supervised

ROOT = Path(__file__).resolve().parents[2]
HEAD = "head.cluster.test"
HOSTNAMES = ("n1.cluster.test", "n2.cluster.test", "n3.cluster.test")
SLOTS_PER_HOST = 2
SLOT_MEM_MB = 256
FRAMEWORK = "torque-mesos"
STOPPING = (signal.SIGINT, signal.SIGTERM)
SETTINGS = """\
# Written by the demo. The settings that differ from the defaults, and why.
state_dir = {state_dir}
grace_s = 2.0  # an idle node is given back so soon, for you are watching
poll_interval_s = 2.0

[min_compute_node]  # one slot
cpus = 1.0
mem_mb = {slot_mem_mb}.0

[mesos]
master = {master}
hostname = {head}

[http]
host = {head_address}

[batch]
kind = "builtin"  # the small batch server that comes with torque-mesos
server_host = {head}
server_port = {server_port}
mom_service_port = {service_port}
mom_manager_port = {manager_port}

[batch.hosts]  # instead of a name service
{hosts}

[executor]
python = {python}
usecp = [{usecp}]
mem_mb = 32.0
"""


class DemoError(Exception):
    """Something did not happen as it must; the text holds the end of the log concerned."""


class Site:
    """Everything that runs, below one folder that goes with it. A context manager.

    `jobs`: the folder that the account submits from, and finds its jobs' output in.

    Args:
        account: whose jobs run.
        keep: leave the folder when all is over.
        hostnames: of the agents.
        variables: `TORQUE_MESOS_*`, which win over the settings that are written here.
        master_flags, agent_flags: of Mesos' master and agents, without the dashes.
    """

    def __init__(
        self,
        account: Account,
        keep: bool = False,
        *,
        hostnames: Sequence[str] = HOSTNAMES,
        variables: Mapping[str, str] | None = None,
        master_flags: Mapping[str, str] | None = None,
        agent_flags: Mapping[str, str] | None = None,
        attributes: str | Sequence[str] = "",
    ) -> None:
        self.account = account
        self.variables = dict(variables or {})
        self.folder = self._make_folder()
        self.jobs = self.folder / "jobs"
        self.state = self.folder / "state"
        self.settings = self.folder / "torque-mesos.toml"
        self.log = self.folder / "torque-mesos.log"
        self.cluster = self._make_cluster(
            self.folder / "mesos",
            hostnames,
            resources=f"cpus:{SLOTS_PER_HOST};mem:{SLOTS_PER_HOST * SLOT_MEM_MB}",
            attributes=attributes,
            master_flags=master_flags,
            agent_flags=agent_flags,
        )
        self._daemons: Daemons | None = None
        self._keep = keep

    # -- where all of it runs: here, on addresses of the loopback network ---------------

    def _make_folder(self) -> Path:
        return fresh_folder(os.geteuid())

    def _make_cluster(self, *arguments: Any, **more: Any) -> Cluster:
        return Cluster(*arguments, **more)

    def _make_daemons(self) -> Daemons:
        return Supervised()

    def _at_head(self, *words: str) -> list[str]:
        return list(words)

    @property
    def bin_dir(self) -> Path:
        """Where the batch server's commands are."""
        return self.state / "batch" / "bin"

    @property
    def sbin_dirs(self) -> tuple[Path, ...]:
        """Where the batch server's daemons are."""
        return (self.state / "batch" / "sbin",)

    def is_here(self, process: int) -> bool:  # noqa: ARG002
        """Whether a process of this user's is one of this site's, if it looks like it."""
        return True

    # -- life -----------------------------------------------------------------------------

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End everything, executors and jobs included, and remove the folder.

        A further Ctrl-C cannot cut it short (in the main thread, which has them all).
        """
        with _uninterrupted():
            self.cluster.stop()
            if self._daemons is not None:
                self._daemons.stop()
            if not self._keep:
                shutil.rmtree(self.folder, ignore_errors=True)

    def start_mesos(self) -> None:
        """Start the master and the agents. Raises ClusterError."""
        self.cluster.start()

    def start_framework(self) -> None:
        """Start `torque-mesos run`, which starts the batch server. Does not wait for it.

        When it has ended, it can be started again: it finds what it left.
        """
        if self._daemons is None:
            self.jobs.mkdir()
            os.chown(self.jobs, self.account.uid, self.account.gid)
            self.settings.write_text(self._settings())
            self._daemons = self._make_daemons()
        command = [sys.executable, "-m", "torque_mesos.cli", "run", "--config", str(self.settings)]
        self._daemons.start(FRAMEWORK, command, self._environment(), self.log)

    def signal_framework(self, number: int) -> None:
        """Send `torque-mesos run` a signal; after SIGKILL it is gone. Raises DemoError."""
        if self._daemons is None or not self._daemons.signal(FRAMEWORK, number):
            raise DemoError(f"torque-mesos does not run.\n{self.log_end()}")

    def framework_exit(self) -> int | None:
        """The exit code of `torque-mesos run`, below 0 the signal; None while it runs."""
        return None if self._daemons is None else self._daemons.ended().get(FRAMEWORK)

    def _environment(self) -> dict[str, str]:
        home = os.path.expanduser("~")
        return {**ENVIRONMENT, "PYTHONPATH": str(ROOT), "HOME": home, **self.variables}

    def _settings(self) -> str:
        ports = free_ports(3)
        hosts = {HEAD: self.cluster.head_address}
        hosts |= {name: self.cluster.agent_address(name) for name in self.cluster.hostnames}
        return SETTINGS.format(
            state_dir=_toml(str(self.state)),
            slot_mem_mb=SLOT_MEM_MB,
            master=_toml(self.cluster.master),
            head=_toml(HEAD),
            head_address=_toml(self.cluster.head_address),
            server_port=ports[0],
            service_port=ports[1],
            manager_port=ports[2],
            hosts="\n".join(f"{_toml(name)} = {_toml(address)}" for name, address in hosts.items()),
            python=_toml("/usr/bin/python3"),
            usecp=_toml(f"*:{self.jobs} {self.jobs}"),
        )

    def check_running(self) -> None:
        """Raises DemoError, with the end of the log, if the framework has ended."""
        if (code := self.framework_exit()) is not None:
            raise DemoError(f"torque-mesos ended with code {code}.\n{self.log_end()}")

    def log_end(self, lines: int = 25) -> str:
        """The end of the framework's log."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join([f"The end of {self.log}:", *text.splitlines()[-lines:]])

    def batch(self, *command: str, text: str | None = None) -> str:
        """Run a client command of the batch server as the account, in its folder.

        Gives what it printed. Raises DemoError if it fails.
        """
        return self.as_account(self.bin_dir / command[0], *command[1:], text=text)

    def as_manager(self, command: str, *arguments: str) -> None:
        """Run a client command as who runs the server. Raises DemoError if it fails."""
        words = self._at_head(str(self.bin_dir / command), *arguments)
        environment = {**self._environment(), **ENVIRONMENT}
        done = subprocess.run(words, capture_output=True, text=True, timeout=30, env=environment)
        if done.returncode:
            raise DemoError(f"{command} failed ({done.returncode}): {done.stderr}")

    def as_account(self, program: Path, *arguments: str, text: str | None = None) -> str:
        """Run a program as the account, in its folder. Gives what it printed. Raises DemoError."""
        command = (program.name, *arguments)
        become = []
        if os.geteuid() == 0:
            account, groups = self.account, ",".join(map(str, self.account.groups))
            ids = (f"--reuid={account.uid}", f"--regid={account.gid}", f"--groups={groups}")
            become = ["setpriv", *ids]
        try:
            done = subprocess.run(
                self._at_head(*become, "env", f"--chdir={self.jobs}", str(program), *arguments),
                input=text,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=30,
                env={**ENVIRONMENT, **self.account.environment},
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise DemoError(f"{' '.join(command)}: {error}") from error
        if done.returncode:
            raise DemoError(f"{' '.join(command)} failed ({done.returncode}): {done.stderr}")
        return str(done.stdout)

    def tool(self, *arguments: str) -> str:
        """What `torque-mesos ARGUMENTS` prints. Raises DemoError if it fails."""
        done = self.run_tool(*arguments, "--config", str(self.settings))
        if done.returncode:
            raise DemoError(f"torque-mesos {' '.join(arguments)}: {done.stderr or done.stdout}")
        return done.stdout

    def run_tool(
        self, *arguments: str, variables: Mapping[str, str] | None = None, timeout_s: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Run `torque-mesos ARGUMENTS` to its end, however that is."""
        return subprocess.run(
            self._at_head(sys.executable, "-m", "torque_mesos.cli", *arguments),
            capture_output=True,
            text=True,
            timeout=timeout_s,
            cwd=self.folder,
            env={**self._environment(), **(variables or {})},
        )

    def start_tool(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `torque-mesos ARGUMENTS`; its output is to be read by the caller."""
        return subprocess.Popen(
            self._at_head(sys.executable, "-m", "torque_mesos.cli", *arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.folder,
            env=self._environment(),
        )


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Without SIGINT and SIGTERM, where this thread may say so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in STOPPING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _toml(text: str) -> str:
    """A TOML string: what JSON writes is one, too."""
    return json.dumps(text)


def free_ports(count: int) -> list[int]:
    """TCP ports that nobody listens on now."""
    chance = random.SystemRandom()
    found: set[int] = set()
    while len(found) < count:
        port = chance.choice(PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("", port))
            except OSError:
                continue
        found.add(port)
    return sorted(found)
