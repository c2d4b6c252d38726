"""Any daemon may be killed; nothing is lost."""

from __future__ import annotations

import pytest

from tests.batch.builtin.cluster import Cluster
from tests.waiting import wait_for

pytestmark = pytest.mark.system

N1, N2 = "n1.cluster.test", "n2.cluster.test"


def _kill_server(cluster: Cluster) -> None:
    assert cluster.server is not None
    cluster.server.kill()
    cluster.server.wait()


def test_the_server_killed_keeps_jobs_nodes_and_settings(cluster: Cluster) -> None:
    cluster.qmgr("set server keep_completed=77")
    cluster.with_nodes(N1)
    cluster.qmgr(f"create node {N2} np=3,properties=mesos,note=ours")
    cluster.wait_node(N2, "down")
    cluster.run("pbsnodes", "-o", N2)
    running = cluster.submit("sleep 2; echo survived\n", "-N", "long")
    held = cluster.submit("true\n", "-h")
    cluster.wait_state(running, "R")
    _kill_server(cluster)
    done = cluster.run("qstat", "-x")
    assert done.returncode == 111
    cluster.start_server()
    assert cluster.job(running)["exec_host"] == f"{N1}/0"
    assert cluster.job(held)["job_state"] == "H"
    node = cluster.node(N2)
    assert set(node["state"].split(",")) == {"down", "offline"}
    assert (node["np"], node["properties"], node["note"]) == ("3", "mesos", "ours")
    assert cluster.run("qmgr", "-c", "list server keep_completed").stdout.split() == [
        "Server",
        "head.cluster.test",
        "keep_completed",
        "=",
        "77",
    ]
    assert cluster.wait_state(running, "C")["exit_status"] == "0"
    assert (cluster.work / "long.o0").read_text() == "survived\n"
    cluster.wait_node(N1, "free")
    next_job = cluster.submit("true\n")
    assert next_job.startswith("2.")


def test_after_a_restart_all_nodes_are_down_until_they_report(cluster: Cluster) -> None:
    cluster.with_nodes(N1)
    cluster.moms[N1].kill()
    cluster.moms[N1].wait()
    assert cluster.states(N1) == {"free"}
    _kill_server(cluster)
    cluster.start_server()
    assert cluster.states(N1) == {"down"}
    cluster.start_mom(N1)
    assert cluster.states(N1) == {"free"}


def test_a_job_that_ends_while_the_server_is_away_is_told_of_later(cluster: Cluster) -> None:
    cluster.with_nodes(N1)
    done = cluster.work / "done"
    job_id = cluster.submit(f"echo early; touch {done}; exit 5\n", "-h", "-N", "away")
    go = cluster.submit(f"until [ -e {done}.go ]; do sleep 0.05; done; touch {done}; exit 5\n")
    cluster.wait_state(go, "R")
    _kill_server(cluster)
    (cluster.work / "done.go").touch()
    wait_for(done.exists, 60, "the job has ended")
    cluster.start_server()
    assert cluster.wait_state(go, "C")["exit_status"] == "5"
    assert cluster.job(job_id)["job_state"] == "H"


def test_qterm_and_a_new_server(cluster: Cluster) -> None:
    cluster.with_nodes(N1)
    job_id = cluster.submit("sleep 1\n")
    cluster.wait_state(job_id, "R")
    assert cluster.run("qterm").returncode == 0
    assert cluster.server is not None
    assert cluster.server.wait(timeout=60) == 0
    cluster.start_server()
    assert cluster.wait_state(job_id, "C")["exit_status"] == "0"


@pytest.mark.parametrize(
    ("command", "text"),
    [
        ("create node 192.0.2.1", 'token "192.0.2.1" doesn\'t start with alpha on line 2'),
        (f"set node {N1} properties=a+b", 'token "a+b" in error on line 1'),
        (f"set node {N1} properties=a/b", 'token "a/b" in error on line 1'),
    ],
)
def test_a_server_does_not_start_with_a_nodes_file_that_it_cannot_read(
    cluster: Cluster, command: str, text: str
) -> None:
    """qmgr takes it, the next start does not: so does TORQUE's."""
    cluster.qmgr(f"create node {N1} np=2,note=ours", command)
    cluster.run("qterm")
    assert cluster.server is not None
    cluster.server.wait(timeout=60)
    refused = cluster.spawn_server()
    assert refused.wait(timeout=60) == 3
    logs = "".join(path.read_text() for path in (cluster.home / "server_logs").iterdir())
    assert text in logs
    (cluster.home / "server_priv" / "nodes").write_text(f"{N1} np=3 good\n")
    cluster.start_server()
    node = cluster.node(N1)
    assert (node["np"], node["properties"], node["note"]) == ("3", "good", "ours")


def test_the_scheduler_killed_is_replaced_by_the_next(cluster: Cluster) -> None:
    cluster.with_nodes(N1)
    assert cluster.scheduler is not None
    cluster.scheduler.kill()
    cluster.scheduler.wait()
    job_id = cluster.submit("true\n")
    cluster.start_scheduler()
    cluster.wait_state(job_id, "C")


def test_a_mom_killed_and_started_again_takes_its_jobs_up(cluster: Cluster) -> None:
    cluster.with_nodes(N1)
    job_id = cluster.submit("sleep 2; echo still here\n", "-N", "kept")
    wait_for(lambda: "session_id" in cluster.job(job_id), 60, "the job runs")
    cluster.moms[N1].kill()
    cluster.moms[N1].wait()
    cluster.start_mom(N1)
    cluster.wait_state(job_id, "C")
    assert (cluster.work / "kept.o0").read_text() == "still here\n"


def test_a_mom_started_anew_without_its_jobs_leaves_them_running_in_the_books(
    cluster: Cluster,
) -> None:
    cluster.with_nodes(N1)
    job_id = cluster.submit("sleep 300\n")
    wait_for(lambda: "session_id" in cluster.job(job_id), 60, "the job runs")
    cluster.moms[N1].kill()
    cluster.moms[N1].wait()
    for record in (cluster.mom_home(N1) / "mom_priv" / "jobs").iterdir():
        record.unlink()
    cluster.start_mom(N1)
    assert cluster.job(job_id)["job_state"] == "R"
    assert cluster.run("qrerun", job_id).returncode == 195
    assert cluster.run("qrerun", "-f", job_id).returncode == 0
    wait_for(lambda: cluster.job(job_id).get("start_count") == "2", 60, "it runs again")


def test_a_job_that_was_rerun_by_force_is_killed_when_its_mom_comes_back(
    cluster: Cluster,
) -> None:
    cluster.with_nodes(N1)
    job_id = cluster.submit("sleep 300\n", "-l", "nodes=1:ppn=2")
    wait_for(lambda: "session_id" in cluster.job(job_id), 60, "the job runs")
    session = int(cluster.job(job_id)["session_id"])
    cluster.moms[N1].kill()
    cluster.moms[N1].wait()
    cluster.run("pbsnodes", "-o", N1)
    assert cluster.run("qrerun", "-f", job_id).returncode == 0
    cluster.start_mom(N1)
    log = cluster.mom_home(N1) / "log"
    wait_for(lambda: "purged at the server's word" in log.read_text(), 60, "the job is purged")
    from torque_mesos.batch.builtin.processes import of_session

    wait_for(lambda: not of_session(session), 60, "its processes are gone")
    assert cluster.job(job_id)["job_state"] == "Q"
