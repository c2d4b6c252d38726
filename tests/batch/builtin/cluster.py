"""A built-in server with moms on this machine, for tests."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.accounts import need_account
from tests.batch.builtin.command import Commands
from tests.waiting import wait_for
from torque_mesos.batch.builtin.install import install

SCALE = 0.05
HOSTS = {
    "head.cluster.test": "127.0.0.1",
    "n1.cluster.test": "127.0.0.11",
    "n2.cluster.test": "127.0.0.12",
    "n3.cluster.test": "127.0.0.13",
}
MOM_CONFIG = """$pbsserver head.cluster.test
$status_update_time 5
$usecp *:/ /
"""


def _free_ports(count: int) -> list[int]:
    for _ in range(200):
        first = random.randrange(23000, 23990)
        ports = list(range(first, first + count))
        if all(_is_free(port) for port in ports):
            return ports
    raise AssertionError("no free ports")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True


class Cluster(Commands):
    """One installation with its daemons, and the commands of its manager and of a user."""

    def __init__(
        self,
        *,
        single_user: bool = False,
        scale: float = SCALE,
        secret: bool = False,
        server_name: str = "head.cluster.test",
        hosts: Mapping[str, str] = HOSTS,
    ) -> None:
        account = need_account()
        self.folder = Path(tempfile.mkdtemp(prefix="builtin-"))
        self.folder.chmod(0o755)
        work = self.folder / "work"
        work.mkdir()
        ports = _free_ports(3)
        installed = install(
            self.folder / "home",
            server_name=server_name,
            hosts=hosts,
            delay_scale=scale,
            server_port=ports[0],
            mom_service_port=ports[1],
            mom_manager_port=ports[2],
            secret=secret,
        )
        super().__init__(installed, account, work, single_user=single_user)
        self.give(work)
        self._give_what_runs(self.folder)
        self.moms: dict[str, subprocess.Popen[bytes]] = {}
        self._daemons: list[subprocess.Popen[bytes]] = []
        self.server: subprocess.Popen[bytes] | None = None
        self.scheduler: subprocess.Popen[bytes] | None = None

    # --- daemons ------------------------------------------------------------------

    def _give_what_runs(self, folder: Path) -> None:
        """Make all in a folder the user's, where the daemons run as the user."""
        if self._drops and self.single_user:
            owner = f"{self.account.pw_uid}:{self.account.pw_gid}"
            subprocess.run(["chown", "-R", owner, str(folder)], check=True)

    def _spawn(
        self, *command: str, env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        options = self._identity() if self.single_user else {}
        with open(self.folder / "daemons.out", "ab") as output:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **(env or {})},
                cwd="/",
                **options,
            )
        self._daemons.append(process)
        return process

    def start_server(self, *options: str) -> None:
        """Start pbs_server and wait until it answers."""
        self.server = self.spawn_server(*options)
        wait_for(lambda: self.run("qstat").returncode == 0, 60, "the server answers")

    def spawn_server(self, *options: str) -> subprocess.Popen[bytes]:
        """Start pbs_server, and do not wait."""
        return self._spawn(str(self.installed.sbin_dir / "pbs_server"), "-F", *options)

    def rescale(self, scale: float) -> None:
        """End the server and start it with other delays."""
        self.restart(delay_scale=scale)

    def restart(self, *options: str, **settings: object) -> None:
        """End the server and start it again, with other settings in `builtin.json`."""
        assert self.server is not None
        self.run("qterm")
        self.server.wait(60)
        path = self.home / "server_priv" / "builtin.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **settings}))
        self.start_server(*options)

    def start_scheduler(self) -> None:
        """Start pbs_sched."""
        program = str(self.installed.sbin_dir / "pbs_sched")
        self.scheduler = self._spawn(program, env={"PBSDEBUG": "1"})

    def mom_home(self, name: str) -> Path:
        """The home of a node's mom."""
        return self.folder / f"mom-{name.split('.')[0]}"

    def start_mom(self, name: str, config: str = MOM_CONFIG, *, ready: bool = True) -> None:
        """Start a node's mom; with `ready`, wait until it knows its sisters."""
        home = self.mom_home(name)
        (home / "mom_priv").mkdir(parents=True, exist_ok=True)
        home.chmod(0o755)
        (home / "mom_priv").chmod(0o751)
        (home / "mom_priv" / "config").write_text(config)
        self._give_what_runs(home)
        settings = install_settings(self.home)
        log = home / "log"
        seen = log.stat().st_size if log.exists() else 0
        self.moms[name] = self._spawn(
            str(self.installed.sbin_dir / "pbs_mom"),
            *("-F", "-d", str(home), "-H", name, "-L", str(log)),
            *("-M", settings["mom_service_port"], "-R", settings["mom_manager_port"]),
            *("-S", settings["server_port"]),
            env={"PBS_BUILTIN_HOSTS": str(self.home / "hosts")},
        )
        if ready:
            wait_for(
                lambda: log.exists() and b"My okclients list is" in log.read_bytes()[seen:],
                60,
                f"the mom of {name} is ready",
            )

    def close(self) -> None:
        """End everything, and remove it."""
        for process in self._daemons:
            process.kill()
            process.wait()
        _kill_jobs_of(self.work)
        shutil.rmtree(self.folder)

    def with_nodes(self, *names: str, np: int = 2, config: str = MOM_CONFIG) -> Cluster:
        """Create nodes with moms, all free; records first, so that all moms know of all."""
        for name in names:
            self.qmgr(f"create node {name} np={np}")
        for name in names:
            self.start_mom(name, config, ready=False)
        for name in names:
            self.wait_node(name, "free")
            log = self.mom_home(name) / "log"
            wait_for(lambda log=log: b"okclients" in log.read_bytes(), 60, "ready")
        return self


def install_settings(home: Path) -> dict[str, str]:
    """The settings of an installation, as text."""
    found = json.loads((home / "server_priv" / "builtin.json").read_text())
    return {name: str(value) for name, value in found.items()}


def _kill_jobs_of(work: Path) -> None:
    """Kill what jobs that were submitted in `work` have left, also where no mom knows them."""
    mark = f"PBS_O_WORKDIR={work}\0".encode()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (process / "environ").read_bytes():
                os.kill(int(process.name), signal.SIGKILL)
        except OSError:
            continue


def new_cluster(**options: object) -> Cluster:
    """A running server and scheduler with a queue, and no node."""
    cluster = Cluster(**options)  # type: ignore[arg-type]
    try:
        set_up(cluster)
    except BaseException:
        cluster.close()
        raise
    return cluster


def set_up(cluster: Cluster) -> None:
    """Start a server and a scheduler for the first time, with a queue."""
    cluster.start_server("-t", "create")
    cluster.start_scheduler()
    cluster.qmgr(
        "create queue batch queue_type=execution",
        "set queue batch started=true,enabled=true",
        "set queue batch resources_default.nodes=1",
        "set queue batch resources_default.walltime=3600",
        "set server default_queue=batch,keep_completed=60",
        "set server scheduling=true",
    )
