"""What prologue and epilogue add to a job within a real mom: the built-in server's.

Jobs that do nothing, on one host and on four, with moms that have our scripts and with moms
that have none. The time is that from the order to run the job to its end in the server's log.
All moms are on this machine.
"""

from __future__ import annotations

import os
import pwd
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from benchmarks.by_hand import wait
from benchmarks.result import Result
from dev.demo.account import submitter
from dev.demo.site import free_ports
from dev.mesos.layout import ENVIRONMENT
from dev.supervised import Supervised
from torque_mesos.batch.builtin.install import install
from torque_mesos.batch.torque_xml import parse_jobs, parse_nodes
from torque_mesos.framework.bundle import project_folder
from torque_mesos.model import JobState
from torque_mesos.mom.home import make_home
from torque_mesos.mom.settings import MomSettings

NEEDS_TORQUE = False

ROUNDS = 11
HEAD = "head"
HOSTS = {HEAD: "127.0.0.1", **{f"n{number}": f"127.0.0.1{number}" for number in range(1, 5)}}
NODES = [name for name in HOSTS if name != HEAD]


class _Cluster:
    """A server and four moms, with our scripts or without."""

    def __init__(self, folder: Path, *, scripts: bool) -> None:
        folder.chmod(0o755)
        self._account = submitter(os.geteuid(), os.environ, pwd.getpwall())
        server, service, manager = free_ports(3)
        self._installed = install(
            folder / "server",
            server_name=HEAD,
            hosts=HOSTS,
            delay_scale=0.05,
            server_port=server,
            mom_service_port=service,
            mom_manager_port=manager,
        )
        self._daemons = Supervised()
        sbin, log = self._installed.sbin_dir, folder / "log"
        words = [str(sbin / "pbs_server"), "-F", "-d", str(self._installed.home), "-t", "create"]
        self._daemons.start("pbs_server", words, ENVIRONMENT, log)
        wait(lambda: self._run("qstat", "-B").returncode == 0, "pbs_server answers")
        self._qmgr("create queue batch queue_type=execution,enabled=true,started=true")
        self._qmgr("set server default_queue=batch,scheduling=false")
        for name in NODES:
            self._qmgr(f"create node {name} np=1")
        for name in NODES:
            (folder / name).mkdir(mode=0o755)
            (folder / f"{name}.tmp").mkdir()
            settings = MomSettings(
                server_host=HEAD,
                node=name,
                builtin=True,
                prologue=scripts,
                scratch=str(folder / f"{name}.tmp"),
                hosts=HOSTS,
            )
            home = make_home(settings, folder / name, project_folder())
            words = [str(sbin / "pbs_mom"), "-F", "-H", name, "-d", str(home.path)]
            words += ["-M", str(service), "-R", str(manager), "-S", str(server)]
            environment = {**ENVIRONMENT, "PBS_BUILTIN_HOSTS": str(home.hosts)}
            self._daemons.start(name, words, environment, log)
        wait(self._all_free, "all moms are ready")

    def job_s(self, hosts: int) -> float:
        """Run a job that does nothing on so many hosts; what it took, in seconds."""
        words = ("qsub", "-l", "nodes=" + "+".join(NODES[:hosts]), "-k", "n", "-o", "/dev/null")
        done = self._run(*words, "-j", "oe", user=True)
        job_id = done.stdout.strip()
        if self._run("qrun", job_id).returncode:
            raise RuntimeError(f"{job_id or done.stderr} does not run")
        wait(lambda: self._is_over(job_id), f"{job_id} is over")
        logs = sorted((self._installed.home / "server_logs").iterdir())
        lines = [line for log in logs for line in log.read_text().splitlines() if job_id in line]
        (began,) = [line for line in lines if "Job Run at request" in line]
        (*_, ended) = [line for line in lines if "Exit_status=0" in line]
        return _moment_s(ended) - _moment_s(began)

    def close(self) -> None:
        """End all of it."""
        self._daemons.stop()

    def _all_free(self) -> bool:
        nodes = parse_nodes(self._run("pbsnodes", "-x").stdout).nodes
        return all({state.value for state in node.states} == {"free"} for node in nodes)

    def _is_over(self, job_id: str) -> bool:
        (job,) = parse_jobs(self._run("qstat", "-x", job_id).stdout).jobs
        return job.state is JobState.COMPLETE

    def _qmgr(self, command: str) -> None:
        self._run("qmgr", "-c", command).check_returncode()

    def _run(
        self, command: str, *words: str, user: bool = False
    ) -> subprocess.CompletedProcess[str]:
        own = user and os.geteuid() == 0
        return subprocess.run(
            [str(self._installed.bin_dir / command), *words],
            input="true\n",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd="/",
            env={**os.environ, **self._account.environment} if own else None,
            user=self._account.uid if own else None,
            group=self._account.gid if own else None,
        )


def _moment_s(line: str) -> float:
    """Seconds of the day at which a line of a log was written."""
    hours, minutes, seconds = line.partition(";")[0].split()[1].split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def run() -> Iterable[Result]:
    """Measure."""
    times: dict[tuple[bool, int], float] = {}
    for scripts in (False, True):
        folder = Path(tempfile.mkdtemp(prefix="torque-mesos-pelog-mom-"))
        cluster = _Cluster(folder, scripts=scripts)
        try:
            for hosts in (1, 4):
                every = [cluster.job_s(hosts) for _ in range(ROUNDS)]
                times[scripts, hosts] = statistics.median(every)
        finally:
            cluster.close()
            shutil.rmtree(folder)
    for hosts in (1, 4):
        plain, ours = times[False, hosts], times[True, hosts]
        reference = f"a mom without scripts, {plain:.3f} s"
        size = f"{hosts} host{'s' * (hosts > 1)}"
        yield Result("pelog_in_a_mom", ours, "s", reference, ours / plain, size)
