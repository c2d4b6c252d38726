"""The development Mesos, as the tests and the demo use it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import psutil
import pytest

from dev.mesos.cluster import MASTER, Cluster, ClusterError
from tests.conftest import ROOT
from tests.waiting import wait_for

HOSTS = ["n1.cluster.test", "n2.cluster.test"]

# A framework in a few lines: subscribes, launches one command on the first offer, and stays.
FRAMEWORK = """
import http.client, json, sys
master, command, user = sys.argv[1:]
host, port = master.split(":")
headers = {"Content-Type": "application/json"}
framework = {"user": user, "name": "test", "failover_timeout": 60.0, "checkpoint": True}
stream = http.client.HTTPConnection(host, int(port))
body = json.dumps({"type": "SUBSCRIBE", "subscribe": {"framework_info": framework}})
stream.request("POST", "/api/v1/scheduler", body, headers)
answer = stream.getresponse()
headers["Mesos-Stream-Id"] = answer.headers["Mesos-Stream-Id"]
launched = False
while True:
    event = json.loads(answer.read(int(answer.readline())))
    if event["type"] == "SUBSCRIBED":
        framework_id = event["subscribed"]["framework_id"]
    if event["type"] == "OFFERS" and not launched:
        launched = True
        offer = event["offers"]["offers"][0]
        scalars = [("cpus", 1), ("mem", 64)]
        task = {"name": "t", "task_id": {"value": "t"}, "agent_id": offer["agent_id"],
                "command": {"value": command},
                "resources": [{"name": n, "type": "SCALAR", "scalar": {"value": v}}
                              for n, v in scalars]}
        accept = {"offer_ids": [offer["id"]], "operations": [
            {"type": "LAUNCH", "launch": {"task_infos": [task]}}]}
        call = http.client.HTTPConnection(host, int(port))
        call.request("POST", "/api/v1/scheduler", json.dumps(
            {"framework_id": framework_id, "type": "ACCEPT", "accept": accept}), headers)
        assert call.getresponse().status == 202
"""


def in_folder(folder: Path) -> list[psutil.Process]:
    """Processes that were started in `folder`, or are daemons that work in it."""
    found = []
    for process in psutil.process_iter():
        try:
            mine = any(str(folder) in part for part in process.cmdline())
            if mine or process.cwd().startswith(str(folder)):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


@pytest.mark.system
class TestCluster:
    def test_agents_have_their_names_resources_and_attributes(
        self, mesos_cluster: Callable[..., Cluster]
    ) -> None:
        cluster = mesos_cluster(
            HOSTS, resources=["cpus:2;mem:512", "cpus:4;mem:1024"], attributes=["rack:a", ""]
        )
        agents = {agent["hostname"]: agent for agent in cluster.agents()}
        assert {name: a["resources"]["cpus"] for name, a in agents.items()} == {
            HOSTS[0]: 2,
            HOSTS[1]: 4,
        }
        assert [agents[name]["attributes"] for name in HOSTS] == [{"rack": "a"}, {}]
        for name in HOSTS:
            assert cluster.agent_address(name) in agents[name]["pid"]
        assert cluster.used_resources() == {"cpus": 0, "mem": 0, "disk": 0, "gpus": 0}
        assert cluster.state()["activated_slaves"] == 2

    def test_an_agent_is_killed_alone_and_comes_back(
        self, mesos_cluster: Callable[..., Cluster]
    ) -> None:
        cluster = mesos_cluster(HOSTS)
        others = {name: pid for name, pid in cluster.running().items() if name != HOSTS[0]}
        cluster.kill(HOSTS[0])
        assert cluster.running() == others
        with pytest.raises(ClusterError, match="does not run"):
            cluster.kill(HOSTS[0])
        cluster.wait_ready()  # what was killed on purpose is not waited for
        cluster.restart(HOSTS[0])
        cluster.wait_ready()
        assert cluster.running().keys() == {MASTER, *HOSTS}

    def test_the_master_comes_back_with_its_agents(
        self, mesos_cluster: Callable[..., Cluster]
    ) -> None:
        cluster = mesos_cluster(HOSTS)
        before = {agent["id"] for agent in cluster.agents()}
        cluster.kill(MASTER)
        with pytest.raises(httpx.HTTPError):
            cluster.agents()
        cluster.restart(MASTER)
        cluster.wait_ready()
        assert {agent["id"] for agent in cluster.agents()} == before

    def test_two_clusters_side_by_side(self, mesos_cluster: Callable[..., Cluster]) -> None:
        one, two = mesos_cluster(HOSTS), mesos_cluster(HOSTS)
        assert one.master != two.master
        assert one.agent_endpoint(HOSTS[0]) != two.agent_endpoint(HOSTS[0])
        two.stop()
        assert len(one.agents()) == 2

    def test_nothing_outlives_it(
        self, mesos_cluster: Callable[..., Cluster], tmp_path: Path
    ) -> None:
        cluster = mesos_cluster(HOSTS)
        # A command that double-forks a process away from its executor and its agent.
        left = tmp_path / "left"
        command = f"cd {tmp_path}; setsid -f sh -c 'echo $$ > {left}; exec sleep 600'; sleep 600"
        user = psutil.Process().username()
        framework = subprocess.Popen(
            [sys.executable, "-c", FRAMEWORK, cluster.master, command, user]
        )
        try:
            wait_for(lambda: left.exists() and left.read_text().strip(), 60, "the task runs")
            wait_for(lambda: cluster.used_resources()["cpus"] >= 1, 60, "its cpu is counted")
            orphan = psutil.Process(int(left.read_text()))
            assert orphan.is_running()
            started = time.monotonic()
            cluster.stop()
            assert time.monotonic() - started < 60
            assert not orphan.is_running()
            assert [p.cmdline() for p in in_folder(cluster.work_dir)] == []
        finally:
            framework.kill()
            framework.wait()

    def test_it_ends_with_the_process_that_started_it(
        self, mesos_build: Path, tmp_path: Path
    ) -> None:
        code = (
            "import sys, time; from dev.mesos.cluster import Cluster\n"
            f"cluster = Cluster({str(tmp_path)!r}, {HOSTS!r}, build={str(mesos_build)!r})\n"
            "cluster.start(); print('up', flush=True); time.sleep(600)"
        )
        owner = subprocess.Popen(
            [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert owner.stdout is not None
        assert owner.stdout.readline() == "up\n"
        assert len(in_folder(tmp_path)) >= 3
        owner.kill()
        owner.wait()
        owner.stdout.close()
        wait_for(lambda: not in_folder(tmp_path), 60, "all daemons have ended")

    def test_a_daemon_that_does_not_start_shows_its_log(
        self, mesos_build: Path, tmp_path: Path
    ) -> None:
        cluster = Cluster(tmp_path, HOSTS, resources="cpus:nonsense", build=mesos_build)
        with pytest.raises(ClusterError, match=r"ended.*\n.*The end of .*cluster\.test\.log") as e:
            cluster.start()
        assert "nonsense" in str(e.value)
        assert in_folder(tmp_path) == []

    def test_a_stopped_agent_is_late(self, mesos_cluster: Callable[..., Cluster]) -> None:
        cluster = mesos_cluster(HOSTS)
        cluster.restart(HOSTS[0])
        cluster.kill(HOSTS[0], signal.SIGSTOP)
        with pytest.raises(ClusterError, match=rf"not registered: {HOSTS[0]}"):
            cluster.wait_ready(timeout_s=0.5)
        cluster.kill(HOSTS[0], signal.SIGCONT)
        cluster.wait_ready()


def test_lists_must_fit_the_host_names(tmp_path: Path) -> None:
    (tmp_path / "mesosd").touch()
    with pytest.raises(ClusterError, match="1 attributes for 2 agents"):
        Cluster(tmp_path, HOSTS, attributes=["rack:a"], build=tmp_path)
    with pytest.raises(ClusterError, match="must differ"):
        Cluster(tmp_path, [HOSTS[0], HOSTS[0]], build=tmp_path)
    with pytest.raises(ClusterError, match="no Mesos in"):
        Cluster(tmp_path, HOSTS, build=tmp_path / "nowhere")
