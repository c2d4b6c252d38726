"""A built-in batch server with parked nodes that are used by hand: no Mesos, no framework."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from dev.demo.site import HEAD, SLOTS_PER_HOST, Site, free_ports
from dev.mesos.layout import ENVIRONMENT
from dev.supervised import Supervised
from torque_mesos.batch.builtin.install import install
from torque_mesos.batch.torque_xml import parse_jobs, parse_nodes
from torque_mesos.model import JobState, NodeState
from torque_mesos.mom.home import Home, make_home
from torque_mesos.mom.process import READY_MARK
from torque_mesos.mom.settings import MomSettings

PATIENCE_S = 30.0
POLL_S = 0.002


@dataclass(frozen=True, slots=True)
class _Mom:
    name: str
    home: Home
    command: list[str]
    environment: dict[str, str]


class ByHand:
    """pbs_server and pbs_sched beside a site, on its addresses and with ports of their own."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._folder = site.folder / "by-hand"
        self._folder.mkdir(mode=0o755)
        addresses = {name: site.cluster.agent_address(name) for name in site.cluster.hostnames}
        self._hosts = {HEAD: site.cluster.head_address, **addresses}
        self._ports = server, service, manager = free_ports(3)
        self._installed = install(
            self._folder / "server",
            server_name=HEAD,
            hosts=self._hosts,
            delay_scale=0.1,
            server_port=server,
            mom_service_port=service,
            mom_manager_port=manager,
        )
        self.bin_dir = self._installed.bin_dir
        self._daemons = Supervised()
        self._moms = {name: self._mom(name) for name in addresses}

    def start(self) -> None:
        """Start server and scheduler, and make a parked record of every host."""
        home, sbin = str(self._installed.home), self._installed.sbin_dir
        log = self._folder / "log"
        server = [str(sbin / "pbs_server"), "-F", "-d", home, "-t", "create"]
        self._daemons.start("pbs_server", server, ENVIRONMENT, log)
        wait(lambda: self._try("qstat", "-B"), "pbs_server answers")
        scheduler = [str(sbin / "pbs_sched"), "-d", home]
        self._daemons.start("pbs_sched", scheduler, {**ENVIRONMENT, "PBSDEBUG": "1"}, log)
        self._qmgr("create queue batch queue_type=execution,enabled=true,started=true")
        self._qmgr("set server default_queue=batch")
        self._qmgr("set server scheduling=true")
        _, service, manager = self._ports
        for name in self._moms:
            ports = f"mom_service_port={service},mom_manager_port={manager}"
            self._qmgr(f"create node {name} np={SLOTS_PER_HOST},{ports}")
        wait(lambda: not self._in_state(NodeState.MOM_LIST_NOT_SENT), "all records are usable")
        self._run("pbsnodes", "-o", *self._moms)

    def stop(self) -> None:
        """End all of it."""
        self._daemons.stop()

    def grow(self, names: Sequence[str]) -> None:
        """Start the moms of parked nodes; when all are ready, put them online; wake pbs_sched."""
        moms = [self._moms[name] for name in names]
        begun = [_size(mom.home.log) for mom in moms]
        for mom in moms:
            self._daemons.start(mom.name, mom.command, mom.environment, mom.home.output)
        for mom, offset in zip(moms, begun, strict=True):
            wait(partial(_ready, mom.home.log, offset), f"the mom of {mom.name} is ready")
        self._run("pbsnodes", "-c", *names)
        self._qmgr("set server scheduling=true")

    def busy(self) -> bool:
        """Whether a job is there that is not complete."""
        jobs = parse_jobs(self._run("qstat", "-x", "-t")).jobs
        return any(job.state is not JobState.COMPLETE for job in jobs)

    def park(self, names: Sequence[str]) -> None:
        """Take nodes offline, and stop their moms."""
        self._run("pbsnodes", "-o", *names)
        momctl, manager = self._installed.sbin_dir / "momctl", self._ports[2]
        for name in names:
            command = [str(momctl), "-h", name, "-p", str(manager), "-s"]
            environment = self._moms[name].environment
            subprocess.run(command, check=True, capture_output=True, timeout=30, env=environment)
        wait(lambda: not self._daemons.running().keys() & set(names), "the moms have ended")
        wait(lambda: set(names) <= self._in_state(NodeState.DOWN), "the nodes are down")

    def _mom(self, name: str) -> _Mom:
        server, service, manager = self._ports
        folder = self._folder / name
        folder.mkdir(mode=0o755)
        settings = MomSettings(
            server_host=HEAD,
            node=name,
            builtin=True,
            prologue=False,
            usecp=(f"*:{self._site.jobs} {self._site.jobs}",),
            hosts=self._hosts,
        )
        home = make_home(settings, folder, folder)
        command = [
            *(str(self._installed.sbin_dir / "pbs_mom"), "-F", "-H", name),
            *("-d", str(home.path), "-L", str(home.log)),
            *("-M", str(service), "-R", str(manager), "-S", str(server)),
        ]
        return _Mom(name, home, command, {**ENVIRONMENT, "PBS_BUILTIN_HOSTS": str(home.hosts)})

    def _in_state(self, state: NodeState) -> set[str]:
        nodes = parse_nodes(self._run("pbsnodes", "-x")).nodes
        return {node.name for node in nodes if state in node.states}

    def _qmgr(self, command: str) -> None:
        self._run("qmgr", "-c", command)

    def _run(self, command: str, *arguments: str) -> str:
        done = subprocess.run(
            [str(self.bin_dir / command), *arguments],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
            env=ENVIRONMENT,
        )
        return done.stdout

    def _try(self, command: str, *arguments: str) -> bool:
        try:
            self._run(command, *arguments)
        except subprocess.CalledProcessError:
            return False
        return True


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _ready(log: Path, offset: int) -> bool:
    if not log.exists():
        return False
    with log.open("rb") as file:
        file.seek(offset)
        return READY_MARK in file.read()


def wait(condition: Callable[[], bool], what: str) -> None:
    """Wait until `condition` holds. Raises TimeoutError."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"after {PATIENCE_S:g} s, still not: {what}")
        time.sleep(POLL_S)
