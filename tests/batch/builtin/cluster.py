"""A built-in server with moms on this machine, for tests."""

from __future__ import annotations

import json
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.waiting import wait_for
from torque_mesos.batch.builtin.install import Installation, install

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


def ordinary_account() -> pwd.struct_passwd | None:
    """Who submits jobs in tests: ourselves, or for root somebody with a shell and a home."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    for entry in pwd.getpwall():
        shell = entry.pw_shell.endswith("sh")
        if 1000 <= entry.pw_uid < 60000 and shell and Path(entry.pw_dir).is_dir():
            return entry
    return None


def need_account() -> pwd.struct_passwd:
    """`ordinary_account`; the test is skipped where there is none."""
    account = ordinary_account()
    if account is None:
        pytest.skip("there is no ordinary account here that could submit jobs")
    return account


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


class Cluster:
    """One installation, its daemons, and commands run as its manager or as a user."""

    def __init__(
        self,
        *,
        single_user: bool = False,
        scale: float = SCALE,
        secret: bool = False,
        server_name: str = "head.cluster.test",
        hosts: Mapping[str, str] = HOSTS,
    ) -> None:
        self.account = account = need_account()
        self.single_user = single_user or os.geteuid() != 0
        self.folder = Path(tempfile.mkdtemp(prefix="builtin-"))
        self.folder.chmod(0o755)
        self.work = self.folder / "work"
        self.work.mkdir()
        self._drops = os.geteuid() == 0
        if self._drops:
            os.chown(self.work, account.pw_uid, account.pw_gid)
        ports = _free_ports(3)
        self.installed: Installation = install(
            self.folder / "home",
            server_name=server_name,
            hosts=hosts,
            delay_scale=scale,
            server_port=ports[0],
            mom_service_port=ports[1],
            mom_manager_port=ports[2],
            secret=secret,
        )
        if self._drops and self.single_user:
            owner = f"{account.pw_uid}:{account.pw_gid}"
            subprocess.run(["chown", "-R", owner, str(self.folder)], check=True)
        self.home = self.installed.home
        self.moms: dict[str, subprocess.Popen[bytes]] = {}
        self._daemons: list[subprocess.Popen[bytes]] = []
        self.server: subprocess.Popen[bytes] | None = None
        self.scheduler: subprocess.Popen[bytes] | None = None

    @property
    def privileged(self) -> bool:
        """Whether the daemons run as root."""
        return self._drops and not self.single_user

    def give(self, path: Path) -> None:
        """Make a file the user's."""
        if self._drops:
            os.chown(path, self.account.pw_uid, self.account.pw_gid)

    # --- daemons ------------------------------------------------------------------

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

    def _identity(self) -> dict[str, object]:
        if not self._drops:
            return {}
        account = self.account
        return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}

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
        if self._drops and self.single_user:
            owner = f"{self.account.pw_uid}:{self.account.pw_gid}"
            subprocess.run(["chown", "-R", owner, str(home)], check=True)
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

    # --- commands ------------------------------------------------------------------

    def run(
        self,
        command: str,
        *arguments: str,
        user: bool = False,
        uid: int | None = None,
        text: str = "",
        env: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as the manager, as `user`, or as any `uid`, in the user's folder."""
        folder = self.installed.sbin_dir if command == "momctl" else self.installed.bin_dir
        options = self._identity() if user or self.single_user else {}
        if uid is not None:
            options = {"user": uid, "group": uid, "extra_groups": []}
        given = {"PBS_BUILTIN_HOSTS": str(self.home / "hosts"), "TZ": "UTC", **(env or {})}
        env = {**os.environ, **given}
        if options:
            env.update(HOME=self.account.pw_dir, LOGNAME=self.account.pw_name)
        return subprocess.run(
            [str(folder / command), *arguments],
            input=text,
            capture_output=True,
            text=True,
            timeout=60,
            env=env,
            cwd=self.work,
            check=False,
            **options,
        )

    def qmgr(self, *commands: str) -> None:
        """Commands of qmgr that must succeed."""
        for command in commands:
            done = self.run("qmgr", "-c", command)
            assert done.returncode == 0, (command, done.stderr)

    def submit(self, script: str, *options: str) -> str:
        """Submit a job that must be accepted; its id."""
        done = self.run("qsub", *options, user=True, text=script)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def job(self, job_id: str) -> dict[str, str]:
        """A job's attributes from `qstat -x`, nested names with dots; empty where it is unknown."""
        done = self.run("qstat", "-x", "-t", job_id)
        if done.returncode:
            return {}
        return flat(ElementTree.fromstring(done.stdout)[0])

    def node(self, name: str) -> dict[str, str]:
        """A node's attributes from `pbsnodes -x`."""
        done = self.run("pbsnodes", "-x", name)
        assert done.returncode == 0, done.stderr
        return flat(ElementTree.fromstring(done.stdout)[0])

    def states(self, name: str) -> set[str]:
        """The words of a node's state."""
        return set(self.node(name)["state"].split(","))

    def wait_state(self, job_id: str, state: str, timeout_s: float = 60.0) -> dict[str, str]:
        """Wait until a job is in a state; its attributes then."""
        wait_for(
            lambda: self.job(job_id).get("job_state") == state,
            timeout_s,
            f"{job_id} is {state}: {self.job(job_id)}",
        )
        return self.job(job_id)

    def wait_node(self, name: str, *states: str, timeout_s: float = 60.0) -> None:
        """Wait until a node's state is exactly these words."""
        wait_for(lambda: self.states(name) == set(states), timeout_s, f"{name} is {states}")

    def kick(self) -> None:
        """Ask for a scheduling cycle."""
        self.qmgr("set server scheduling=true")

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

    def accounting(self) -> list[str]:
        """The lines of the accounting files."""
        lines: list[str] = []
        for path in sorted((self.home / "server_priv" / "accounting").iterdir()):
            lines += path.read_text().splitlines()
        return lines


def install_settings(home: Path) -> dict[str, str]:
    """The settings of an installation, as text."""
    found = json.loads((home / "server_priv" / "builtin.json").read_text())
    return {name: str(value) for name, value in found.items()}


def flat(element: ElementTree.Element) -> dict[str, str]:
    """An element's children by name; children of children with a dot."""
    found: dict[str, str] = {}
    for child in element:
        if len(child):
            found.update({f"{child.tag}.{inner.tag}": inner.text or "" for inner in child})
        else:
            found[child.tag] = child.text or ""
    return found


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
