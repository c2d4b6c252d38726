"""The adapter and the watcher on a real TORQUE: a node's whole life, on the server's own host.

It needs a server that runs here, no mom here, root, and two variables:

    TORQUE_MESOS_TEST_TORQUE   where TORQUE is installed (has bin and sbin)
    TORQUE_MESOS_TEST_USER     an ordinary user who may submit jobs
"""

import os
import pwd
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

from torque_mesos.batch.base import BatchError, NewNode, Refused
from torque_mesos.batch.commands import CommandRunner
from torque_mesos.batch.journal import CommandJournal
from torque_mesos.batch.torque import TorqueServer
from torque_mesos.batch.torque_settings import TorqueSettings
from torque_mesos.batch.watch import QueueWatcher
from torque_mesos.model import JobState, Node, NodeState

PREFIX = os.environ.get("TORQUE_MESOS_TEST_TORQUE", "")
USER = os.environ.get("TORQUE_MESOS_TEST_USER", "")

pytestmark = [
    pytest.mark.torque,
    pytest.mark.system,
    pytest.mark.skipif(
        not (PREFIX and USER),
        reason="TORQUE_MESOS_TEST_TORQUE and TORQUE_MESOS_TEST_USER name no TORQUE that runs here",
    ),
    pytest.mark.skipif(os.geteuid() != 0, reason="pbs_mom and qmgr's changes need root"),
]

REGISTERED_S = 150.0
DEADLINE_S = 60.0
NAME = socket.gethostname()


def until(condition, deadline_s: float = DEADLINE_S):
    deadline = time.monotonic() + deadline_s
    while not (result := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
    return result


class Site:
    """The server, and what a user and a mom do there."""

    def __init__(self, folder: Path) -> None:
        self.settings = TorqueSettings(
            bin_dir=Path(PREFIX, "bin"), sbin_dir=Path(PREFIX, "sbin"), create_queue=True
        )
        self.folder = folder
        runner = CommandRunner(self.settings.command_environment(), CommandJournal(folder))
        self.server = TorqueServer(self.settings, runner)
        self.log = folder / "mom.log"
        self.mom: subprocess.Popen[bytes] | None = None

    def node(self, name: str = NAME) -> Node | None:
        return next((node for node in self.server.read().nodes if node.name == name), None)

    def states(self) -> frozenset[NodeState]:
        node = self.node()
        assert node is not None
        return node.states

    def job(self, job_id: str):
        return next((job for job in self.server.read().jobs if job.job_id == job_id), None)

    def command(self, name: str, *arguments: str, user: str | None = None) -> str:
        done = subprocess.run(
            [str(self.settings.bin_dir / name), *arguments],
            env=self.settings.command_environment() | {"HOME": "/", "USER": user or "root"},
            user=user,
            cwd="/",
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return done.stdout.strip()

    def submit(self, nodes: str, script: str) -> str:
        path = self.folder / f"job-{time.monotonic_ns()}.sh"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        home = pwd.getpwnam(USER).pw_dir
        arguments = ["-l", f"nodes={nodes}", "-j", "oe", "-o", f"{home}/", str(path)]
        return self.command("qsub", *arguments, user=USER)

    def start_mom(self) -> None:
        self.log.unlink(missing_ok=True)
        self.mom = subprocess.Popen(
            [str(self.settings.sbin_dir / "pbs_mom"), "-F", "-H", NAME, "-L", str(self.log)],
            env=self.settings.command_environment(),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def mom_has_its_list(self) -> bool:
        return self.log.exists() and b"okclients list" in self.log.read_bytes()

    def stop_mom(self) -> None:
        assert self.mom is not None
        subprocess.run([str(self.settings.sbin_dir / "momctl"), "-s"], check=True, timeout=30)
        self.mom.wait(30)
        self.mom = None

    def is_away(self) -> bool:
        try:
            self.node()
        except BatchError:
            return True
        return False

    def restart_server(self) -> None:
        self.command("qterm", "-t", "quick")
        until(self.is_away)
        subprocess.run([str(self.settings.sbin_dir / "pbs_server")], check=True, timeout=60)
        until(lambda: not self.is_away())


@pytest.fixture
def site(tmp_path):
    tmp_path.chmod(0o755)
    for parent in list(tmp_path.parents)[:2]:
        parent.chmod(0o755)  # the job's user comes here for his script
    site = Site(tmp_path)
    jobs_before = {job.job_id for job in site.server.read().jobs}
    assert site.node() is None, f"a node {NAME} exists: this test would change it"
    yield site
    for job in site.server.read().jobs:
        if job.job_id not in jobs_before and job.state is not JobState.COMPLETE:
            site.command("qdel", "-p", job.job_id)
    if site.mom is not None:
        site.mom.kill()
        site.mom.wait()
    for name in (NAME, site.server.traits.capacity_record):
        until(lambda name=name: not ((node := site.node(name)) and node.jobs))
        site.server.delete_node(name)


def test_a_nodes_life(site):
    server = site.server
    capacity = server.traits.capacity_record
    server.prepare([], 1000)
    server.create_nodes(
        [
            NewNode(NAME, 2, frozenset({"mesos", "rack-1"}), "torque-mesos: new"),
            NewNode(capacity, 1000, frozenset({"mesos", "fat"}), "torque-mesos: capacity"),
        ]
    )
    node = site.node()
    assert node is not None
    assert (node.np, node.properties, node.note) == (2, {"mesos", "rack-1"}, "torque-mesos: new")

    # It cannot be parked yet, and that is noticed although the command exits with 0.
    assert NodeState.MOM_LIST_NOT_SENT in node.states
    with pytest.raises(Refused, match="okclients"):
        server.set_offline([NAME], "torque-mesos: parked")
    until(lambda: NodeState.MOM_LIST_NOT_SENT not in site.states(), REGISTERED_S)
    server.set_offline([NAME], "torque-mesos: parked")
    node = site.node()
    assert node is not None
    assert node.states == {NodeState.DOWN, NodeState.OFFLINE}
    assert node.note == "torque-mesos: parked"

    # What the whole cluster could hold stays queued, though nothing runs.
    large = site.submit("20:ppn=4", "true")
    fat = site.submit("1:ppn=64:fat", "true")
    server.wake_scheduler()

    heard = threading.Event()
    watcher = QueueWatcher(site.settings.accounting_dir, heard.set)
    watcher.start()
    until(lambda: watcher.problem is None)
    small = site.submit(f"{NAME}:ppn=2", "cat $PBS_NODEFILE; sleep 3")
    assert heard.wait(1.0), "the watcher told nothing of a new job"
    watcher.stop()

    # The mom is ready before its node is given to the scheduler.
    site.start_mom()
    until(site.mom_has_its_list)
    until(lambda: site.states() == {NodeState.OFFLINE})
    job = site.job(small)
    assert job is not None
    assert job.state is JobState.QUEUED
    server.set_online([NAME], "torque-mesos: online")
    assert site.states() in ({NodeState.FREE}, {NodeState.JOB_EXCLUSIVE})
    server.wake_scheduler()
    job = until(lambda: (job := site.job(small)) and job.state is JobState.RUNNING and job)
    assert job.exec_nodes == (NAME,)
    node = site.node()
    assert node is not None
    assert dict(node.slots) == {0: small, 1: small}
    with pytest.raises(Refused, match="it has jobs"):
        server.delete_node(NAME)

    # It drains: its job goes on to its end.
    server.set_offline([NAME], "torque-mesos: draining")
    assert NodeState.OFFLINE in site.states()
    until(lambda: not ((node := site.node()) and node.jobs))
    job = site.job(small)
    assert job is None or (job.state, job.exit_status) == (JobState.COMPLETE, 0)
    site.stop_mom()
    until(lambda: site.states() == {NodeState.DOWN, NodeState.OFFLINE})
    for job_id in (large, fat):
        job = site.job(job_id)
        assert job is not None
        assert job.state is JobState.QUEUED


def test_what_the_server_refuses_is_told(site):
    server = site.server
    with pytest.raises(Refused, match="Unknown node"):
        server.create_nodes([NewNode("no-such-host.invalid", 1)])
    with pytest.raises(Refused, match="Unknown node"):
        server.set_np("no-such-host.invalid", 1)
    with pytest.raises(Refused, match="no-such-host"):
        server.set_offline(["no-such-host.invalid"], "torque-mesos: parked")
    with pytest.raises(Refused, match="Unknown Job Id"):
        server.rerun("999999." + NAME)
    server.delete_node("no-such-host.invalid")


def test_np_and_notes_outlive_a_restart_of_the_server(site):
    server, mark = site.server, "torque-mesos:parked"
    server.create_nodes([NewNode(NAME, 4, frozenset({"mesos"}), mark)])
    server.set_np(NAME, 2)
    site.restart_server()
    node = site.node()
    assert node is not None
    assert (node.np, node.note, node.properties) == (2, mark, {"mesos"})


def test_a_hierarchy_file_forbids_records_once_it_was_seen_until_a_restart(site):
    server, file = site.server, site.settings.home / "server_priv" / "mom_hierarchy"
    if file.exists():
        pytest.skip(f"{file} is there")
    file.write_text(f"<path>\n<level>{NAME}</level>\n</path>\n")
    try:
        server.create_nodes([NewNode(NAME, 1)])
        with pytest.raises(Refused, match="if there is a mom_hierarchy file"):
            server.delete_node(NAME)
        with pytest.raises(Refused, match="if there is a mom_hierarchy file"):
            server.create_nodes([NewNode("localhost", 1)])
    finally:
        file.unlink()
    with pytest.raises(Refused, match="if there is a mom_hierarchy file"):
        server.delete_node(NAME)
    server.set_np(NAME, 2)
    site.restart_server()
    server.delete_node(NAME)
    assert site.node() is None
