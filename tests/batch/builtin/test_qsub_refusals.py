"""Jobs that are larger than the nodes: refused by qsub, deleted by pbs_sched, or kept."""

from __future__ import annotations

import pytest

from tests.batch.builtin.cluster import Cluster
from tests.waiting import wait_for

pytestmark = pytest.mark.system

N1, N2 = "n1.cluster.test", "n2.cluster.test"
NO_FEASIBLE = (
    "qsub: submit error (Job exceeds queue resource limits MSG=cannot locate feasible nodes "
    "(nodes file is empty, all systems are busy, or no nodes have the requested feature))\n"
)
TOO_MANY = (
    "qsub: submit error (Job exceeds queue resource limits MSG=cannot locate feasible nodes "
    "(nodes file is empty or requested nodes exceed all systems))\n"
)


def _refused(cluster: Cluster, nodes: str, text: str) -> None:
    done = cluster.run("qsub", "-l", f"nodes={nodes}", user=True, text="true\n")
    assert (done.returncode, done.stderr) == (190, text), nodes


@pytest.fixture
def small(cluster: Cluster) -> Cluster:
    """Two nodes with two slots each; nothing runs on them."""
    cluster.qmgr(f"create node {N1} np=2,properties=thin", f"create node {N2} np=2")
    return cluster


def test_with_no_nodes_only_a_job_without_a_size_is_taken(cluster: Cluster) -> None:
    _refused(cluster, "1", NO_FEASIBLE)
    job_id = cluster.submit("true\n")
    cluster.kick()
    assert cluster.job(job_id)["job_state"] == "Q"


@pytest.fixture(scope="module")
def shared(quiet: Cluster) -> Cluster:
    """Two such nodes for several tests, which leave only queued jobs behind."""
    quiet.qmgr(f"create node {N1} np=2,properties=thin", f"create node {N2} np=2")
    return quiet


@pytest.mark.parametrize("nodes", ["3", "1:ppn=3", "1:fat", "nosuchhost", "2:thin", "9:ppn=2"])
def test_larger_than_the_nodes_is_refused(shared: Cluster, nodes: str) -> None:
    _refused(shared, nodes, NO_FEASIBLE)


@pytest.mark.parametrize("nodes", ["2:ppn=2", "1:thin", N2, f"{N1}:ppn=2+{N2}"])
def test_what_the_nodes_could_hold_is_taken(shared: Cluster, nodes: str) -> None:
    job_id = shared.submit("true\n", "-l", f"nodes={nodes}")
    shared.kick()
    wait_for(lambda: shared.job(job_id).get("comment"), 60, "the scheduler has looked at it")
    assert shared.job(job_id)["job_state"] == "Q"


@pytest.mark.parametrize("nodes", ["20", "5"])
def test_with_nodect_a_plain_number_is_taken_and_then_deleted(small: Cluster, nodes: str) -> None:
    small.qmgr("set server resources_available.nodect=1000")
    job_id = small.submit("true\n", "-l", f"nodes={nodes}")
    job = small.wait_state(job_id, "C")
    assert "exit_status" not in job
    assert "comment" not in job
    logs = "".join(path.read_text() for path in (small.home / "sched_logs").iterdir())
    assert "Job Deleted because it would never run" in logs


def test_with_nodect_more_slots_than_all_nodes_have_is_refused(small: Cluster) -> None:
    small.qmgr("set server resources_available.nodect=1000")
    _refused(small, "1:ppn=64", TOO_MANY)


@pytest.mark.parametrize("nodes", ["20:ppn=2", "1:ppn=64", "2:ppn=2:nosuch", "20"])
def test_nodect_and_a_capacity_record_keep_jobs_queued(small: Cluster, nodes: str) -> None:
    small.qmgr(
        "set server resources_available.nodect=1000",
        "set queue batch resources_available.nodect=1000",
        "create node 192.0.2.1 np=1000",
    )
    job_id = small.submit("true\n", "-l", f"nodes={nodes}")
    small.kick()
    wait_for(lambda: small.job(job_id).get("comment"), 60, "the scheduler has looked at it")
    job = small.job(job_id)
    assert job["job_state"] == "Q"
    assert job["comment"] == "Not Running: Not enough of the right type of nodes are available"
    _refused(small, "600:ppn=2", TOO_MANY)


def test_lowering_np_destroys_a_queued_job(small: Cluster) -> None:
    job_id = small.submit("true\n", "-l", "nodes=2:ppn=2")
    small.qmgr(f"set node {N1} np=1", f"set node {N2} np=1", "set server scheduling=true")
    assert "exit_status" not in small.wait_state(job_id, "C")


def test_procs_is_taken_at_any_size_and_never_runs(small: Cluster) -> None:
    job_id = small.submit("true\n", "-l", "procs=300")
    comment = "Not Running - PBS Error: Unknown node-attribute "
    wait_for(lambda: small.job(job_id).get("comment") == comment, 60, "its comment")


def test_a_queue_that_is_not_started_keeps_anything(cluster: Cluster) -> None:
    cluster.qmgr("create queue elastic queue_type=e,is_transit=True,enabled=True,started=False")
    job_id = cluster.submit("true\n", "-q", "elastic", "-l", "nodes=20:ppn=2")
    assert cluster.job(job_id)["job_state"] == "Q"
    done = cluster.run("qrun", job_id)
    text = f"qrun: Invalid request MSG=attempt to start job in non-started queue {job_id}\n"
    assert (done.returncode, done.stderr) == (2, text)
