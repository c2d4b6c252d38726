"""An administrator's work: packages on machines, their settings, Mesos, and the services."""

from __future__ import annotations

import json
import re
import secrets
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dev.mesos.layout import AGENT_FLAGS, MASTER_FLAGS
from tests.pelog.batches import BATCHES, Batch
from tests.pelog.hosts import HEAD
from tests.topologies.installed import prepare, setting_edits, start_clients
from tests.topologies.machines import USERS, Machines
from tests.waiting import wait_for
from torque_mesos.batch.torque_xml import parse_jobs
from torque_mesos.decide.worker import CAPACITY_NOTE, PARKED_NOTE
from torque_mesos.model import Job, Node

SETTINGS = "/etc/torque-mesos/torque-mesos.toml"
UNIT = "torque-mesos.service"
SLOTS = 2
RESOURCES = f"cpus:{SLOTS};mem:{SLOTS * 256}"
START_S = 120.0
VERIFY_S = 300.0
# The shipped settings, and what an administrator makes of them.
EDITS = {
    '# master = "zk://zk1:2181,zk2:2181/mesos"': f'master = "{HEAD}:5050"',
    "min_compute_node = {cpus = 1, mem_mb = 1024}": "min_compute_node = {cpus = 1, mem_mb = 256}",
    "[executor]\n": '[executor]\ndelivery = "path"\n'
    'path = "/opt/torque-mesos-executor/executor/torque-mesos-executor"\n',
}
EDITS_FOR_NAMES = {"[executor]\n": "[names]\nhosts = true\n[executor]\n"}
EDITS_FOR_BUILTIN = {'kind = "torque"': 'kind = "builtin"'}
EDITS_FOR_CLIENTS = {'kind = "builtin"': 'kind = "builtin"\nauth = "munge"'}


@dataclass(frozen=True)
class Topology:
    """Which machines there are beside the batch server's, which one may be all.

    `nameless`: no machine knows any other's name, but for what `[names]` makes known.
    """

    workers: tuple[str, ...]
    clients: tuple[str, ...]
    nameless: bool = False

    @property
    def others(self) -> list[str]:
        """All machines but the server's."""
        return [name for name in dict.fromkeys((*self.workers, *self.clients)) if name != HEAD]

    @property
    def has_remote_clients(self) -> bool:
        """Whether users work elsewhere than on the server's host."""
        return self.clients != (HEAD,)


@dataclass(frozen=True)
class Packages:
    """Files of Debian packages."""

    scheduler: Path
    executor: Path
    client: Path


class Site:
    """Machines of a topology, and what runs on them. `kind`: of the batch server."""

    def __init__(self, topology: Topology, build: Path, kind: str = "builtin") -> None:
        self.topology = topology
        # (Daemons of OpenPBS want no home below /var/tmp, where anybody may write.)
        self.machines = Machines(topology.others, build, parent="/var/lib")
        self.batch: Batch = BATCHES[kind](self.machines.folder / "batch")
        self._service: subprocess.Popen[bytes] | None = None

    def close(self) -> None:
        """Power off."""
        self.machines.close()

    def start(self, packages: Packages) -> None:
        """Install and start everything; on return every agent has its parked node record."""
        self.machines.start()
        if self.topology.nameless:
            for name in self.machines.names:
                own = f"127.0.0.1 localhost\n{self.machines.addresses[name]} {name}\n"
                self.machines.write(name, "/etc/hosts", own)
        self.start_mesos()
        builtin = self.batch.kind == "builtin"
        if not builtin:
            prepare(self.batch, self.machines)
        self.install(packages)
        self.edit(EDITS)
        shipped = self.machines.text(HEAD, SETTINGS)
        self.edit(
            EDITS_FOR_BUILTIN if builtin else setting_edits(self.batch, self.machines, shipped)
        )
        if self.topology.nameless:
            self.edit(EDITS_FOR_NAMES)
        if self.topology.has_remote_clients:
            if builtin:
                self.edit(EDITS_FOR_CLIENTS)
                self._give_munge()
            self._let_root_in_on_clients()
        self.start_service()
        if self.topology.has_remote_clients and not builtin:
            start_clients(self.batch, self.machines, self.topology.clients)
        wait_for(self.all_parked, START_S, "every agent has a parked node record")

    # --- what an administrator does ---------------------------------------------------

    def install(self, packages: Packages) -> None:
        """Give every machine its packages."""
        builtin = self.batch.kind == "builtin"  # the others have commands of their own
        client = [packages.client] if builtin else []
        given: dict[str, list[Path]] = {HEAD: [packages.scheduler, *client]}
        for name in self.topology.workers:
            given.setdefault(name, []).append(packages.executor)
        for name in self.topology.clients:
            if name != HEAD and client:
                given.setdefault(name, []).extend(client)
        for name, files in given.items():
            copies = []
            for file in files:
                copies.append(self.machines.folder / file.name)
                copies[-1].write_bytes(file.read_bytes())
            self.machines.install(name, *copies)

    def edit(self, edits: dict[str, str]) -> None:
        """Replace texts that are in the settings."""
        text = self.machines.text(HEAD, SETTINGS)
        for old, new in edits.items():
            assert old in text, (old, text)
            text = text.replace(old, new, 1)
        self.machines.write(HEAD, SETTINGS, text)

    def start_service(self) -> None:
        """As systemd does: what the unit says, when the settings are good."""
        self.machines.check(HEAD, "torque-mesos", "check-config")
        self._service = self.machines.start_unit(HEAD, UNIT)

    def stop_service(self) -> None:
        """As systemd does with KillMode=process: SIGTERM to the service alone."""
        assert self._service is not None
        self.machines.signal(HEAD, UNIT, "TERM")
        assert self._service.wait(60) == 0, self.log_end()

    def _give_munge(self) -> None:
        """MUNGE for users' commands on clients."""
        machines, key = self.machines, secrets.token_hex(64)
        for name in (HEAD, *self.topology.others):
            machines.check(name, "install", "-d", "-o", "munge", "-m", "0700", "/etc/munge")
            machines.write(name, "/etc/munge/munge.key", key, "0400")
            machines.check(name, "chown", "munge:munge", "/etc/munge/munge.key")
            machines.start_unit(name, "munge.service")
        for name in self.topology.clients:
            machines.write(name, "/etc/torque-mesos/server_name", f"{HEAD}\n")

    def _let_root_in_on_clients(self) -> None:
        """Ssh without a password for root at the server's host."""
        machines = self.machines
        machines.check(HEAD, "install", "-d", "-m", "0700", "/root/.ssh")
        machines.check(
            HEAD, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/root/.ssh/id_ed25519"
        )
        public = machines.text(HEAD, "/root/.ssh/id_ed25519.pub")
        known = ""
        for name in self.topology.clients:
            machines.check(name, "ssh-keygen", "-A")
            machines.check(name, "install", "-d", "-m", "0700", "/root/.ssh")
            machines.write(name, "/root/.ssh/authorized_keys", public, "0600")
            machines.start_unit(name, "ssh.service")
            known += f"{name} {machines.text(name, '/etc/ssh/ssh_host_ed25519_key.pub')}"
        machines.write(HEAD, "/root/.ssh/known_hosts", known)

    def start_mesos(self) -> None:
        flags = {**MASTER_FLAGS, "work_dir": "/var/lib/mesos", "hostname": HEAD}
        self._mesosd(HEAD, 5050, "master", flags)
        for name in self.topology.workers:
            self.start_agent(name)

    def start_agent(self, name: str) -> None:
        """Start a machine's Mesos agent."""
        flags = {
            **AGENT_FLAGS,
            "work_dir": "/var/lib/mesos-agent",
            "runtime_dir": "/run/mesos",
            "launcher_dir": str(self.machines.build),
            "hostname": name,
            "resources": RESOURCES,
        }
        self._mesosd(name, 5051, "agent", flags, f"{self.machines.addresses[HEAD]}:5050")

    def _mesosd(self, name: str, port: int, kind: str, flags: dict[str, str], *words: str) -> None:
        where = (f"LIBPROCESS_IP={self.machines.addresses[name]}", f"LIBPROCESS_PORT={port}")
        options = [f"--{key}={value}" for key, value in flags.items()]
        program = str(self.machines.build / "mesosd")
        self.machines.start_daemon(name, kind, "env", *where, program, kind, *words, *options)

    # --- what can be seen ---------------------------------------------------------------

    def nodes(self) -> dict[str, Node]:
        """The batch server's nodes, but for the record that keeps jobs feasible."""
        done = self.machines.run(HEAD, *self.batch.nodes_asked)
        found = self.batch.nodes_told(done.stdout) if done.returncode == 0 else ()
        return {node.name: node for node in found if node.note != CAPACITY_NOTE}

    def all_parked(self) -> bool:
        """Whether every agent has its record, and none is in use."""
        nodes = self.nodes()
        return set(nodes) == set(self.topology.workers) and all(
            node.note == PARKED_NOTE and node.np == SLOTS for node in nodes.values()
        )

    def job(self, job_id: str) -> Job:
        """What `qstat` tells of a job."""
        (job,) = parse_jobs(self.machines.check(HEAD, "qstat", "-x", job_id)).jobs
        return job

    def status(self) -> dict[str, Any]:
        """What the framework says of itself; nothing while it does not run."""
        done = self.machines.run(HEAD, "torque-mesos", "status", "--json")
        found: dict[str, Any] = json.loads(done.stdout) if done.returncode == 0 else {}
        return found

    def log_end(self, lines: int = 60) -> str:
        """The end of what the daemons of the server's host have said, but for Mesos'."""
        text = (self.machines.folder / f"daemons.{HEAD}").read_text(errors="replace")
        ours = [line for line in text.splitlines() if not re.match(r"[IWE]\d{4} ", line)]
        return "\n".join(ours[-lines:])

    def verify(self, *more: str, nodes: int | None = None) -> subprocess.CompletedProcess[str]:
        """The acceptance test, at the server's host: the same command in all topologies."""
        expected = len(self.topology.workers) if nodes is None else nodes
        words = (
            *("torque-mesos", "verify", "--users", ",".join(USERS)),
            *("--clients", ",".join(self.topology.clients), "--expect-nodes", str(expected)),
            *more,
        )
        return subprocess.run(
            self.machines.command(HEAD, words),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=VERIFY_S + 60,
        )


def results(text: str) -> Sequence[dict[str, Any]]:
    """What `verify --json` has printed."""
    found: Sequence[dict[str, Any]] = json.loads(text)["results"]
    return found
