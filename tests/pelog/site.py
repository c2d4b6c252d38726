"""Mesos, the framework and a batch server on namespaced hosts: moms are started by executors."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dev.mesos.layout import AGENT_FLAGS, ENVIRONMENT, MASTER_FLAGS
from tests.accounts import ordinary_account
from tests.pelog.batches import BATCHES, Batch
from tests.pelog.hosts import HEAD, ROOT, Hosts
from tests.waiting import wait_for

SLOTS = 2
MASTER_PORT, AGENT_PORT = 5050, 5051
SETTINGS = """\
state_dir = "{state}"
grace_s = 60.0
min_compute_node = {{cpus = 1.0, mem_mb = 256.0}}
[mesos]
master = "{head}:5050"
hostname = "head"
[http]
host = "{head}"
[executor]
python = "/usr/bin/python3"
mem_mb = 32.0
usecp = ["*:{work} {work}"]
{pbs_mom}
{executor}
[batch]
kind = "{kind}"
server_host = "head"
{batch}
"""

TOOLS = ("unshare", "nsenter", "ip", "setpriv")


@contextmanager
def started(build: Path, kind: str, count: int = 4, executor: str = "") -> Iterator[Site]:
    """A site with so many agents; skips the test where there can be none.

    `kind`: of the batch server. `executor`: further lines of the settings' section.
    """
    if os.geteuid() != 0 or ordinary_account() is None:
        pytest.skip("namespaced hosts need root, and an ordinary account whose jobs run there")
    if missing := [name for name in TOOLS if not shutil.which(name)]:
        pytest.skip(f"namespaced hosts need {', '.join(missing)}")
    # (A real pbs_mom wants no home below /var/tmp, where anybody may write.)
    hosts = Hosts(count, parent="/var/lib")
    try:
        hosts.start()
        site = Site(hosts, kind, executor)
        site.start(build)
        yield site
    finally:
        hosts.close()


class Site:
    """A Mesos master, the framework and a batch server on `head`; agents on the other hosts."""

    def __init__(self, hosts: Hosts, kind: str, executor: str = "") -> None:
        account = ordinary_account()
        assert account is not None
        self.account = account
        self.hosts = hosts
        self.nodes = hosts.names[1:]
        self.work = hosts.folder / "work"
        self.work.mkdir()
        self.work.chmod(0o777)
        self.state = hosts.folder / "state"
        self.batch: Batch = BATCHES[kind](self.state)
        self._executor = executor

    def start(self, build: Path) -> None:
        """Start everything; all nodes are known. `build`: of Mesos."""
        self._mesos(build)
        self.batch.prepare(self.hosts)
        if self.batch.kind == "openpbs":  # its jobs' folders are there
            for node in self.nodes:
                self.hosts.check(node, "mount", "--bind", "/tmp", "/var/tmp")
        settings = self.hosts.folder / "torque-mesos.toml"
        settings.write_text(
            SETTINGS.format(
                state=self.state,
                work=self.work,
                head=self.hosts.addresses[HEAD],
                pbs_mom=f'pbs_mom = "{self.batch.pbs_mom}"' if self.batch.pbs_mom else "",
                executor=self._executor,
                kind=self.batch.kind,
                batch=self.batch.settings(self.hosts),
            )
        )
        words = ("-m", "torque_mesos.cli", "run", "--config", str(settings))
        environment = {**ENVIRONMENT, **self.batch.environment, "PYTHONPATH": str(ROOT)}
        self.hosts.spawn(HEAD, sys.executable, *words, **environment)
        wait_for(self._all_known, 90, "every agent has its node")

    def _mesos(self, build: Path) -> None:
        def start(host: str, port: int, *words: str, **flags: str) -> None:
            folder = self.hosts.local / "mesos"
            flags |= {"hostname": host, "work_dir": str(folder / "work")}
            options = [f"--{name}={value}" for name, value in flags.items()]
            own = {"LIBPROCESS_IP": self.hosts.addresses[host], "LIBPROCESS_PORT": str(port)}
            self.hosts.spawn(host, str(build / "mesosd"), *words, *options, **ENVIRONMENT, **own)

        start(HEAD, MASTER_PORT, "master", **MASTER_FLAGS)
        for node in self.nodes:
            more = {
                **AGENT_FLAGS,
                "runtime_dir": str(self.hosts.local / "mesos" / "run"),
                "fetcher_cache_dir": str(self.hosts.local / "mesos" / "fetch"),
                "launcher_dir": str(build),
                "resources": f"cpus:{SLOTS};mem:{SLOTS * 256}",
            }
            master = f"{self.hosts.addresses[HEAD]}:{MASTER_PORT}"
            start(node, AGENT_PORT, "agent", master, **more)

    def _all_known(self) -> bool:
        done = self.command("pbsnodes", "-a")
        return done is not None and all(f"{node}\n" in done for node in self.nodes)

    # --- jobs ------------------------------------------------------------------------------

    def command(self, name: str, *words: str, user: str | None = None) -> str | None:
        """What a command of the batch server prints on `head`; None where it fails."""
        done = self.hosts.run(
            HEAD,
            str(self.batch.bin_dir / name),
            *words,
            user=user,
            environment=self.batch.environment,
        )
        return done.stdout if done.returncode == 0 else None

    def submit(self, script: str, request: str, *options: str) -> str:
        """Submit a job as the user; its output and errors go to `work/out`."""
        path = self.work / "job.sh"
        path.write_text(script)
        places = ("-j", "oe", "-o", str(self.work / "out"))
        words = ("-l", request, *places, *options, str(path))
        job_id = self.command("qsub", *words, user=self.account.pw_name)
        assert job_id is not None, words
        return job_id.strip()

    def job(self, job_id: str) -> tuple[str, int]:
        """A job's state (C: complete) and exit status."""
        answer = self.command("qstat", *self.batch.asked(job_id))
        return ("?", 0) if answer is None else self.batch.told(answer)

    def finish(self, job_id: str) -> tuple[int, list[str]]:
        """Wait for a job's end, and of what it leaves; its exit status and its output."""
        try:
            wait_for(lambda: self.job(job_id)[0] == "C", 90, f"the end of {job_id}")
        except AssertionError:
            self.qdel(job_id)  # for the tests that follow
            raise
        for node in self.nodes:
            wait_for(lambda node=node: not self.left(node), 60, f"nothing is left on {node}")
        out = self.work / "out"
        lines = out.read_text(errors="replace").splitlines() if out.exists() else []
        out.unlink(missing_ok=True)
        return self.job(job_id)[1], lines

    def left(self, node: str) -> list[str]:
        """Processes of the user on a host, and folders of jobs."""
        return [*self.hosts.processes(node, self.account.pw_uid), *self.hosts.tmp(node)]

    def qdel(self, job_id: str) -> None:
        """Delete a job."""
        assert self.command("qdel", job_id) is not None
