"""Jobs really run, and their output comes back."""

from __future__ import annotations

import os
import pwd
import socket
from pathlib import Path

import pytest

from tests.accounts import need_root
from tests.batch.builtin.cluster import Cluster
from tests.waiting import wait_for

pytestmark = pytest.mark.system

N1, N2, N3 = "n1.cluster.test", "n2.cluster.test", "n3.cluster.test"


def test_a_job_runs_as_its_user_in_his_home_and_its_files_come_back(cluster: Cluster) -> None:
    cluster.with_nodes(N1)
    script = "#!/bin/bash\n#PBS -N hello\nid -un; pwd; env | grep ^PBS_; echo oops >&2; exit 3\n"
    job_id = cluster.submit(script, "-v", "COLOUR=blue")
    assert job_id == "0.head.cluster.test"
    job = cluster.wait_state(job_id, "C")
    assert job["exit_status"] == "3"
    assert job["exec_host"] == f"{N1}/0"
    assert job["Resource_List.walltime"] == "01:00:00"
    out = (cluster.work / "hello.o0").read_text().splitlines()
    account = cluster.account
    assert out[:2] == [account.pw_name, account.pw_dir]
    variables = dict(line.split("=", 1) for line in out[2:])
    assert variables["PBS_JOBID"] == job_id
    assert variables["PBS_O_WORKDIR"] == str(cluster.work)
    assert variables["PBS_O_QUEUE"] == variables["PBS_QUEUE"] == "batch"
    assert variables["PBS_NP"] == variables["PBS_NUM_NODES"] == variables["PBS_NUM_PPN"] == "1"
    assert variables["PBS_WALLTIME"] == "3600"
    assert variables["PBS_O_HOST"] == socket.gethostname()
    assert (cluster.work / "hello.e0").read_text() == "oops\n"
    assert (cluster.work / "hello.o0").stat().st_mode & 0o777 == 0o600
    assert pwd.getpwuid((cluster.work / "hello.o0").stat().st_uid) == account


def _alive(pid: str) -> bool:
    try:
        stat = Path("/proc", pid, "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def test_a_job_does_not_wait_for_the_schedulers_next_round(cluster: Cluster) -> None:
    cluster.qmgr("set server scheduler_iteration=600")
    cluster.with_nodes(N1)
    for _ in range(3):
        cluster.wait_state(cluster.submit("true\n"), "C", timeout_s=60)


def test_a_job_over_two_hosts_gets_a_line_a_slot(cluster: Cluster) -> None:
    cluster.with_nodes(N1, N2)
    job_id = cluster.submit("cat $PBS_NODEFILE; echo $PBS_NP\n", "-l", "nodes=2:ppn=2", "-N", "two")
    job = cluster.wait_state(job_id, "C")
    assert job["exec_host"] == f"{N2}/0-1+{N1}/0-1"
    assert (cluster.work / "two.o0").read_text().splitlines() == [N2, N2, N1, N1, "4"]
    assert "JOIN JOB as node 1" in (cluster.mom_home(N1) / "log").read_text()


def test_named_hosts_keep_their_order(cluster: Cluster) -> None:
    cluster.with_nodes(N1, N2)
    job_id = cluster.submit("true\n", "-l", f"nodes={N1}:ppn=2+{N2}:ppn=1")
    assert cluster.wait_state(job_id, "C")["exec_host"] == f"{N1}/0-1+{N2}/0"


def test_jobs_that_fit_pass_those_that_do_not(cluster: Cluster) -> None:
    cluster.with_nodes(N1)
    cluster.qmgr(f"create node {N2} np=2")
    wide = cluster.submit("true\n", "-l", "nodes=2:ppn=2")
    small = cluster.submit("true\n")
    cluster.wait_state(small, "C")
    job = cluster.job(wide)
    assert job["job_state"] == "Q"
    assert job["comment"] == "Not Running: Not enough of the right type of nodes are available"


def test_a_job_above_its_walltime_is_killed(cluster: Cluster) -> None:
    cluster.with_nodes(N1)
    job_id = cluster.submit("sleep 100\n", "-N", "long", "-l", "walltime=1")
    job = cluster.wait_state(job_id, "C")
    assert job["exit_status"] == "-11"
    assert (
        "=>> PBS: job killed: walltime 1 exceeded limit 1" in (cluster.work / "long.e0").read_text()
    )


def test_qdel_ends_every_process_of_a_job(cluster: Cluster) -> None:
    cluster.with_nodes(N1)
    pids = cluster.work / "pids"
    job_id = cluster.submit(
        f"trap '' TERM\n(trap '' TERM; sleep 300) & echo $! > {pids}.new\n"
        f"echo $$ >> {pids}.new; mv {pids}.new {pids}\nsleep 300; sleep 300\n"
    )
    wait_for(pids.exists, 60, "the job has started")
    cluster.qmgr("set server kill_delay=1")
    assert cluster.run("qdel", job_id, user=True).returncode == 0
    job = cluster.wait_state(job_id, "C")
    assert int(job["exit_status"]) in (256 + 9, 256 + 15)
    for pid in pids.read_text().split():
        assert not _alive(pid)
    assert "jobs" not in cluster.node(N1)


def test_qdel_of_a_queued_job_leaves_no_exit_status(cluster: Cluster) -> None:
    job_id = cluster.submit("true\n")
    assert cluster.run("qdel", job_id, user=True).returncode == 0
    job = cluster.job(job_id)
    assert job["job_state"] == "C"
    assert "exit_status" not in job
    again = cluster.run("qdel", job_id, user=True)
    assert again.returncode == 170
    assert again.stderr == (
        f"qdel: Request invalid for state of job MSG=invalid state for job - COMPLETE {job_id}\n"
    )


def test_accounting_tells_the_life_of_a_job_at_once(cluster: Cluster) -> None:
    cluster.with_nodes(N1)
    job_id = cluster.submit("exit 4\n", "-h")
    assert cluster.accounting()[-1].split(" ", 1)[1][8:] == f";Q;{job_id};queue=batch"
    other = cluster.submit("exit 4\n")
    cluster.wait_state(other, "C")
    cluster.run("qdel", job_id)
    lines = [line.split(";", 3) for line in cluster.accounting()]
    assert [(kind, job) for _, kind, job, _ in lines] == [
        ("Q", job_id),
        ("Q", other),
        ("S", other),
        ("E", other),
        ("D", job_id),
    ]
    ended = dict(word.split("=", 1) for word in lines[3][3].split())
    assert ended["Exit_status"] == "4"
    assert ended["exec_host"] == f"{N1}/0"
    assert ended["resources_used.cput"] == "0"


def test_qrerun_puts_a_job_back_and_it_starts_anew(cluster: Cluster) -> None:
    cluster.with_nodes(N1)
    job_id = cluster.submit("sleep 300\n")
    cluster.wait_state(job_id, "R")
    assert cluster.run("qrerun", job_id).returncode == 0
    wait_for(lambda: cluster.job(job_id).get("start_count") == "2", 60, "it runs again")
    assert cluster.job(job_id)["job_state"] == "R"


def test_a_prologue_that_fails_with_1_aborts_the_job(cluster: Cluster) -> None:
    cluster.with_nodes(N1)
    prologue = cluster.mom_home(N1) / "mom_priv" / "prologue"
    prologue.write_text("#!/bin/sh\necho $# $4 $6\nexit 1\n")
    prologue.chmod(0o500)
    job_id = cluster.submit("true\n", "-N", "never")
    assert cluster.wait_state(job_id, "C")["exit_status"] == "-2"


def test_prologue_and_epilogue_write_into_the_output(cluster: Cluster) -> None:
    cluster.with_nodes(N1)
    priv = cluster.mom_home(N1) / "mom_priv"
    for name in ("prologue", "epilogue"):
        (priv / name).write_text(f"#!/bin/sh\necho {name} $# $2 $4 ${{10}}\n")
        (priv / name).chmod(0o500)
    job_id = cluster.submit("echo job; exit 7\n", "-N", "framed")
    cluster.wait_state(job_id, "C")
    user = cluster.account.pw_name
    assert (cluster.work / "framed.o0").read_text().splitlines() == [
        f"prologue 8 {user} framed",
        "job",
        f"epilogue 11 {user} framed 7",
    ]


def test_a_prologue_that_others_may_write_is_retried_for_ever(cluster: Cluster) -> None:
    cluster.qmgr("set server down_on_error=false")
    cluster.with_nodes(N1)
    prologue = cluster.mom_home(N1) / "mom_priv" / "prologue"
    prologue.write_text("#!/bin/sh\n")
    prologue.chmod(0o775)
    job_id = cluster.submit("true\n")
    wait_for(lambda: int(cluster.job(job_id).get("start_count", 0)) > 2, 60, "it is retried")
    assert cluster.job(job_id)["exit_status"] == "-14"
    prologue.chmod(0o500)
    assert cluster.wait_state(job_id, "C")["exit_status"] == "0"


def test_single_user_mode(single_user: Cluster) -> None:
    cluster = single_user.with_nodes(N1)
    job_id = cluster.submit("id -un\n", "-N", "mine")
    cluster.wait_state(job_id, "C")
    assert (cluster.work / "mine.o0").read_text() == cluster.account.pw_name + "\n"
    if os.geteuid() == 0:
        done = cluster.run("qsub", text="true\n")
        assert done.returncode == 0


def test_root_may_not_submit(cluster: Cluster) -> None:
    need_root("to be refused")
    done = cluster.run("qsub", text="true\n")
    assert (done.returncode, done.stderr) == (1, "qsub can not be run as root\n")
