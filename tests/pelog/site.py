"""The built-in batch server on namespaced hosts, with our scripts in every mom's home."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

from tests.batch.builtin.cluster import ordinary_account
from tests.conftest import ROOT
from tests.pelog.hosts import HEAD, Hosts
from tests.waiting import wait_for
from torque_mesos.batch.builtin.install import install
from torque_mesos.mom.settings import MomSettings

SLOTS = 2
# On the host itself, where the mom's paths are what they are.
MAKE_HOME = """
import sys
from pathlib import Path
words = sys.argv[1:]
sys.path.insert(0, words[2])
from torque_mesos.mom.home import make_home
from torque_mesos.mom.settings import MomSettings
make_home(MomSettings.from_json(words[0]), Path(words[1]), Path(words[2]))
"""


class Site:
    """A server on `head` and a mom on each of the other hosts."""

    def __init__(self, hosts: Hosts) -> None:
        account = ordinary_account()
        assert account is not None
        self.account = account
        self.hosts = hosts
        self.nodes = hosts.names[1:]
        self.work = hosts.folder / "work"
        self.work.mkdir()
        self.work.chmod(0o777)
        self.pbs = install(
            hosts.folder / "pbs",
            server_name=HEAD,
            hosts=hosts.addresses,
            delay_scale=0.05,
            secret=True,
        )

    def start(self, settings: MomSettings) -> None:
        """Start everything; all nodes are free. `settings`: of the moms, but for the node."""
        for name, more in (("pbs_server", ["-F"]), ("pbs_sched", [])):
            self.hosts.spawn(HEAD, str(self.pbs.sbin_dir / name), *more, PBSDEBUG="1")
        wait_for(lambda: not self.qmgr("list server"), 60, "the server answers")
        for line in (
            "create queue batch queue_type=execution,started=true,enabled=true",
            "set server default_queue=batch,scheduling=true,keep_completed=300",
            *(f"create node {node} np={SLOTS}" for node in self.nodes),
        ):
            assert not self.qmgr(line), line
        for node in self.nodes:
            self.start_mom(node, settings)
        for node in self.nodes:
            log = self.home(node) / "mom_logs" / "mom.log"
            wait_for(
                lambda log=log: log.exists() and b"okclients list" in log.read_bytes(),
                60,
                f"the mom of {node} is ready",
            )
            wait_for(lambda node=node: self.is_free(node), 60, f"{node} is free")

    def start_mom(self, node: str, settings: MomSettings) -> None:
        """Start a mom as the executor does."""
        home = self.hosts.local / "mom"
        mine = replace(settings, node=node, home=str(home))
        words = (mine.to_json(), str(home), str(ROOT))
        self.hosts.check(node, sys.executable, "-c", MAKE_HOME, *words)
        self.hosts.spawn(
            node,
            *(str(self.pbs.sbin_dir / "pbs_mom"), "-F", "-d", str(home), "-H", node),
            *("-L", str(home / "mom_logs" / "mom.log")),
            PBS_BUILTIN_SECRET_FILE=str(self.pbs.home / "server_priv" / "secret"),
            PBS_BUILTIN_HOSTS=str(self.pbs.home / "hosts"),
        )

    def home(self, node: str) -> Path:
        """A mom's home, as this process sees it."""
        return self.hosts.seen(node, self.hosts.local / "mom")

    def qmgr(self, line: str) -> int:
        """`qmgr -c`; its exit status."""
        return self.hosts.run(HEAD, str(self.pbs.bin_dir / "qmgr"), "-c", line).returncode

    def is_free(self, node: str) -> bool:
        """Whether jobs can start there."""
        answer = self.hosts.run(HEAD, str(self.pbs.bin_dir / "pbsnodes"), "-x", node).stdout
        return "<state>free</state>" in answer

    def submit(self, script: str, request: str, *options: str) -> str:
        """Submit a job as the user; its output and errors go to `work/out`."""
        path = self.work / "job.sh"
        path.write_text(script)
        return self.hosts.check(
            HEAD,
            *(str(self.pbs.bin_dir / "qsub"), "-l", request, "-j", "oe"),
            *("-o", str(self.work / "out"), *options, str(path)),
            user=self.account.pw_name,
        ).strip()

    def job(self, job_id: str) -> dict[str, str]:
        """What `qstat` tells of a job."""
        answer = self.hosts.check(HEAD, str(self.pbs.bin_dir / "qstat"), "-x", job_id)
        found = ElementTree.fromstring(answer).find("Job")
        assert found is not None
        return {item.tag: item.text or "" for item in found}

    def finish(self, job_id: str) -> tuple[int, list[str]]:
        """Wait for a job's end, and of what it leaves; its exit status and its output."""
        try:
            wait_for(lambda: self.job(job_id)["job_state"] == "C", 60, f"the end of {job_id}")
        except AssertionError:
            self.qdel(job_id)  # for the tests that follow
            raise
        for node in self.nodes:
            wait_for(lambda node=node: not self.left(node), 60, f"nothing is left on {node}")
        out = self.work / "out"
        lines = out.read_text().splitlines() if out.exists() else []
        out.unlink(missing_ok=True)
        return int(self.job(job_id)["exit_status"]), lines

    def left(self, node: str) -> list[str]:
        """Processes of the user on a host, and folders of jobs."""
        return [*self.hosts.processes(node, self.account.pw_uid), *self.hosts.tmp(node)]

    def qdel(self, job_id: str) -> None:
        """Delete a job."""
        self.hosts.check(HEAD, str(self.pbs.bin_dir / "qdel"), job_id)
