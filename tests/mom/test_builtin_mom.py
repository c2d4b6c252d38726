"""The executor with the built-in batch server, its mom taken from the bundle."""

from __future__ import annotations

import getpass
import os
import pwd
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.demo.account import NotHere, submitter
from dev.mesos.cluster import Cluster
from tests.mom.conftest import free_ports
from tests.mom.scheduler import Scheduler
from tests.mom.test_executor import jobs, processes
from tests.waiting import wait_for
from torque_mesos.batch.builtin.install import Installation, install
from torque_mesos.mom.infos import command_info, executor_info
from torque_mesos.mom.settings import MomSettings

pytestmark = pytest.mark.system

HEAD = "head.cluster.test"
HOSTS = ["n1.cluster.test", "n2.cluster.test"]


class Site:
    """Mesos, a built-in server, and how executors are launched."""

    def __init__(self, cluster: Cluster, folder: Path, bundle: Path) -> None:
        self.cluster = cluster
        self.bundle = bundle
        self.hosts = {name: cluster.agent_address(name) for name in HOSTS}
        self.hosts[HEAD] = "127.0.0.1"
        self.server_port, self.service_port = free_ports()
        self.manager_port, _ = free_ports()
        self.pbs: Installation = install(
            folder / "pbs",
            server_name=HEAD,
            hosts=self.hosts,
            delay_scale=0.05,
            server_port=self.server_port,
            mom_service_port=self.service_port,
            mom_manager_port=self.manager_port,
        )
        self.account = submitter(os.geteuid(), os.environ, pwd.getpwall())
        self.out = folder / "out"
        self.out.mkdir()
        os.chown(self.out, self.account.uid, self.account.gid)

    def executor(self, node: str) -> dict[str, object]:
        settings = MomSettings(
            server_host=HEAD,
            node=node,
            builtin=True,
            server_port=self.server_port,
            service_port=self.service_port,
            manager_port=self.manager_port,
            hosts=self.hosts,
            usecp=("*:/ /",),
            stop_grace_s=2.0,
        )
        command = command_info(uri=str(self.bundle))
        return executor_info(
            settings, executor_id=f"mom-{node}", command=command, cpus=0.1, mem_mb=32
        )

    def command(self, *words: str) -> str:
        done = subprocess.run(
            [self.pbs.bin_dir / words[0], *words[1:]], capture_output=True, text=True
        )
        assert done.returncode == 0, (words, done)
        return done.stdout

    def submit(self, script: str, *options: str) -> str:
        more = {"user": self.account.uid, "group": self.account.gid} if os.geteuid() == 0 else {}
        done = subprocess.run(
            [
                self.pbs.bin_dir / "qsub",
                "-S",
                "/bin/sh",
                "-j",
                "oe",
                "-o",
                str(self.out / "o"),
                *options,
            ],
            input=script,
            capture_output=True,
            text=True,
            cwd=self.out,
            env={"HOME": str(self.out), "PATH": "/usr/bin:/bin", "USER": self.account.name},
            **more,
        )
        assert done.returncode == 0, done
        return done.stdout.strip()


@pytest.fixture
def site(mesos_build: Path, work_dir: Path, bundle: Path) -> Iterator[Site]:
    with Cluster(work_dir, HOSTS, resources="cpus:2;mem:512", build=mesos_build) as cluster:
        try:
            found = Site(cluster, work_dir, bundle)
        except NotHere as error:
            pytest.skip(str(error))
        daemons = [
            subprocess.Popen(
                [found.pbs.sbin_dir / name, *more], cwd=work_dir, env={"PBSDEBUG": "1"}
            )
            for name, more in (("pbs_server", ["-F"]), ("pbs_sched", []))
        ]
        try:
            wait_for(lambda: _answers(found), 60, "the server answers")
            yield found
        finally:
            for daemon in daemons:
                daemon.terminate()
                daemon.wait()


def _answers(site: Site) -> bool:
    asked = [site.pbs.bin_dir / "qmgr", "-c", "list server"]
    return subprocess.run(asked, capture_output=True).returncode == 0


def test_jobs_run_on_moms_under_executors(site):
    qmgr = (
        "create queue batch queue_type=execution,started=true,enabled=true",
        "set server default_queue=batch,scheduling=true",
        *(f"create node {node} np=2" for node in HOSTS),
    )
    for line in qmgr:
        site.command("qmgr", "-c", line)
    scheduler = Scheduler(site.cluster.master, getpass.getuser())
    for node in HOSTS:
        scheduler.launch(node, [node], site.executor(node))
    for node in HOSTS:
        scheduler.wait(node, "TASK_RUNNING")
    wait_for(lambda: site.command("pbsnodes").count("state = free") == 2, 60, "nodes are free")

    script = "cat $PBS_NODEFILE; ls /tmp/torque-mesos.$PBS_JOBID; env | grep MESOS_; echo over\n"
    job = site.submit(script, "-l", "nodes=2:ppn=1")
    output = site.out / "o"
    wait_for(lambda: output.exists() and "over" in output.read_text(), 60, "the job's output")
    assert sorted(output.read_text().split()) == sorted(
        ["machinefile", "hosts", "hostfile", "hostfile.openmpi", *HOSTS, "over"]
    )
    wait_for(lambda: not Path(f"/tmp/torque-mesos.{job}").exists(), 60, "epilogues are over")

    job = site.submit("(setsid -f sleep 1000) & sleep 1001\n", "-l", f"nodes={HOSTS[0]}")
    wait_for(lambda: len(jobs()) == 2, 60, "the job runs")
    scheduler.kill(HOSTS[0])
    scheduler.wait(HOSTS[0], "TASK_KILLED")
    assert jobs() == []
    wait_for(lambda: "exit_status = 271" in site.command("qstat", "-f", job), 60, "it was told")

    scheduler.kill(HOSTS[1])
    scheduler.wait(HOSTS[1], "TASK_KILLED")
    wait_for(lambda: "down" in site.command("pbsnodes", HOSTS[1]), 60, "the server knows")
    wait_for(lambda: not processes(site.cluster), 60, "nothing is left")
    scheduler.close()
