"""A job on several hosts: what it uses on all of them, and what becomes of it when one dies.

Held to what TORQUE did in the same situations.
"""

from __future__ import annotations

import pytest

from tests.batch.builtin.cluster import Cluster
from tests.waiting import wait_for
from torque_mesos.batch.builtin.processes import of_session

pytestmark = pytest.mark.system

N1, N2 = "n1.cluster.test", "n2.cluster.test"
TWO = f"nodes={N1}:ppn=2+{N2}:ppn=2"
BURN = "i=0; while [ $i -lt 4000000 ]; do i=$((i+1)); done; sleep 300"


def _dsh(cluster: Cluster, arguments: str) -> str:
    """A script that runs our `pbsdsh`, whatever a login shell puts into the PATH."""
    return f'PATH="{cluster.installed.bin_dir}:$PATH" pbsdsh {arguments}\n'


def _seconds(text: str) -> int:
    hours, minutes, seconds = map(int, text.split(":"))
    return hours * 3600 + minutes * 60 + seconds


def _kb(text: str) -> int:
    return int(text.removesuffix("kb"))


def test_what_a_job_uses_is_summed_over_its_hosts(cluster: Cluster) -> None:
    cluster.with_nodes(N1, N2)
    job_id = cluster.submit(_dsh(cluster, f"-h {N2} sh -c '{BURN}'"), "-l", TWO)

    def used(name: str) -> str:
        return cluster.job(job_id).get(f"resources_used.{name}", "")

    # All of it is the sister's: pbsdsh itself waits.
    wait_for(lambda: used("cput") and _seconds(used("cput")) >= 1, 60, "the sister's cput")
    assert _kb(used("mem")) > 0
    assert _kb(used("vmem")) > 0
    cluster.run("qdel", job_id)
    job = cluster.wait_state(job_id, "C")
    assert _seconds(job["resources_used.cput"]) >= 1
    ended = [line for line in cluster.accounting() if f";E;{job_id};" in line]
    assert f"resources_used.cput={_seconds(job['resources_used.cput'])} " in ended[0]
    assert f"resources_used.mem={job['resources_used.mem']}" in ended[0]
    assert f"resources_used.vmem={job['resources_used.vmem']}" in ended[0]


def test_processor_time_on_all_hosts_counts_against_the_limit(cluster: Cluster) -> None:
    cluster.with_nodes(N1, N2)
    loop = "while :; do :; done"
    job_id = cluster.submit(_dsh(cluster, f"-h {N2} sh -c '{loop}'"), "-l", f"{TWO},cput=1")
    assert cluster.wait_state(job_id, "C")["exit_status"] == "-12"


def test_tasks_that_are_over_still_count(cluster: Cluster) -> None:
    cluster.with_nodes(N1, N2)
    task = f"-u sh -c '{BURN.replace('sleep 300', 'true')}'"
    done = cluster.work / "done"
    script = _dsh(cluster, task) + f"touch {done}\nsleep 300\n"
    job_id = cluster.submit(script, "-l", TWO)
    wait_for(done.exists, 60, "the tasks are over")
    wait_for(
        lambda: _seconds(cluster.job(job_id).get("resources_used.cput", "00:00:00")) >= 1,
        60,
        "what they used is shown",
    )


def test_the_environment_of_tasks_is_torques(cluster: Cluster) -> None:
    cluster.with_nodes(N1, N2)
    script = f"env | sort >{cluster.work}/shell\n" + _dsh(
        cluster, f"-o -u sh -c 'env | sort >{cluster.work}/task$PBS_NODENUM'"
    )
    job_id = cluster.submit(script, "-l", TWO)
    assert cluster.wait_state(job_id, "C")["exit_status"] == "0"

    def read(name: str) -> dict[str, str]:
        lines = (cluster.work / name).read_text().splitlines()
        return dict(line.partition("=")[::2] for line in lines if line.startswith("PBS_"))

    shell, first, second = read("shell"), read("task0"), read("task1")
    folder = cluster.mom_home(N1) / "aux"
    wanted = {
        "PBS_ENVIRONMENT": "PBS_BATCH",
        "PBS_JOBID": job_id,
        "PBS_JOBNAME": "STDIN",
        "PBS_NUM_NODES": "2",
        "PBS_NUM_PPN": "2",
        "PBS_QUEUE": "batch",
        "PBS_O_QUEUE": "batch",
        "PBS_O_SERVER": "head.cluster.test",
        "PBS_O_WORKDIR": str(cluster.work),
        "PBS_VERSION": "TORQUE-6.1.3.h5",
        "PBS_WALLTIME": "3600",
        "PBS_JOBCOOKIE": shell["PBS_JOBCOOKIE"],
    }
    files = {
        "PBS_NODEFILE": str(folder / job_id),
        "PBS_GPUFILE": f"{folder / job_id}gpu",
        "PBS_MICFILE": f"{folder / job_id}mic",
    }
    for found, numbers, extra in (
        (shell, ("0", "0", "1"), {**files, "PBS_NP": "4"}),
        (first, ("0", "0", "2"), files),
        (second, ("1", "2", "3"), {}),
    ):
        assert {key: found.get(key) for key in wanted} == wanted
        own = {key: found[key] for key in ("PBS_NODENUM", "PBS_VNODENUM", "PBS_TASKNUM")}
        assert tuple(own.values()) == numbers
        for key in (*files, "PBS_NP"):
            assert found.get(key) == extra.get(key), key


def test_a_job_goes_on_when_a_sisters_mom_dies_and_can_be_deleted(cluster: Cluster) -> None:
    """Seen on TORQUE for 14 minutes: it stays R, also once the node is down."""
    cluster.qmgr("set server node_check_rate=60")
    cluster.with_nodes(N1, N2)
    pid = cluster.work / "pid"
    job_id = cluster.submit(
        _dsh(cluster, f"-h {N2} sh -c 'echo $$ >{pid}; {BURN}'"), "-l", TWO, "-r", "y"
    )
    wait_for(
        lambda: _seconds(cluster.job(job_id).get("resources_used.cput", "00:00:00")) >= 1,
        60,
        "it uses something",
    )
    cluster.moms[N2].kill()
    cluster.moms[N2].wait()
    cluster.wait_node(N2, "down", "job-exclusive")
    job = cluster.job(job_id)
    assert (job["job_state"], job["start_count"]) == ("R", "1")
    assert _seconds(job["resources_used.cput"]) >= 1
    assert cluster.run("qdel", job_id, user=True).returncode == 0
    assert cluster.wait_state(job_id, "C")["exit_status"] == "271"
    task = int(pid.read_text())
    assert of_session(task)
    cluster.start_mom(N2)
    wait_for(lambda: not of_session(task), 60, "the sister's mom ends what the job left there")


def test_a_job_whose_sister_died_is_rerun_elsewhere(cluster: Cluster) -> None:
    cluster.qmgr("set server node_check_rate=60")
    cluster.with_nodes(N1, N2, "n3.cluster.test")
    job_id = cluster.submit("sleep 300\n", "-l", "nodes=2:ppn=2")
    first = cluster.wait_state(job_id, "R")["exec_host"]
    lost = first.split("+")[1].split("/")[0]
    wait_for(lambda: "session_id" in cluster.job(job_id), 60, "it runs")
    cluster.moms[lost].kill()
    cluster.moms[lost].wait()
    cluster.run("pbsnodes", "-o", lost)
    assert cluster.run("qrerun", job_id).returncode == 0
    wait_for(lambda: cluster.job(job_id).get("start_count") == "2", 60, "it runs again")
    job = cluster.wait_state(job_id, "R")
    assert lost not in job["exec_host"]
    kinds = [line.split(";")[1] for line in cluster.accounting() if f";{job_id};" in line]
    assert kinds == ["Q", "S", "R", "S"]


def test_the_server_knows_no_node_fail_requeue(cluster: Cluster) -> None:
    done = cluster.run("qmgr", "-c", "set server node_fail_requeue=60")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("qmgr: Syntax error - cannot locate attribute\n")
