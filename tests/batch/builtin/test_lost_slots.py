"""What becomes of a job's slots where np has changed since it began, as seen on TORQUE 6.1.3."""

from __future__ import annotations

import pytest

from tests.batch.builtin.cluster import Cluster
from tests.waiting import wait_for
from torque_mesos.batch.builtin.records import Node

N1 = "n1.cluster.test"


@pytest.fixture
def node() -> Node:
    return Node("n1", np=4, down=False, offline=False, list_unsent=False)


def _ends(node: Node, job: str) -> None:
    node.release(job, node.loses(job))


def test_slots_that_np_still_has_are_lost(node: Node) -> None:
    assert node.take("1.head", 1) == [0]
    node.set_np(2)
    _ends(node, "1.head")
    assert (node.jobs, node.free_slots) == ({}, 1)
    node.set_np(4)
    assert node.take("2.head", 3) == [1, 2, 3]
    assert node.state == "job-exclusive"
    _ends(node, "2.head")
    assert node.free_slots == 3, "np did not fall under the second job"


def test_those_that_np_cut_off_come_back_when_it_rises(node: Node) -> None:
    node.take("1.head", 3)
    node.set_np(1)
    _ends(node, "1.head")
    node.set_np(4)
    assert node.take("2.head", 3) == [1, 2, 3]


def test_nothing_is_lost_where_np_is_back_at_the_end(node: Node) -> None:
    node.take("1.head", 2)
    node.set_np(2)
    node.set_np(4)
    _ends(node, "1.head")
    assert node.free_slots == 4


@pytest.mark.system
def test_slots_are_lost_where_np_fell_under_a_job(cluster: Cluster) -> None:
    cluster.with_nodes(N1, np=4)
    first = cluster.submit("sleep 300\n")
    cluster.wait_state(first, "R")
    cluster.qmgr(f"set node {N1} np=2")
    cluster.run("qdel", first)
    cluster.wait_state(first, "C")
    assert "jobs" not in cluster.node(N1)
    assert cluster.states(N1) == {"free"}
    pair = cluster.submit("sleep 300\n", "-l", "nodes=1:ppn=2")
    single = cluster.submit("sleep 300\n")
    cluster.wait_state(single, "R")
    assert cluster.job(pair)["job_state"] == "Q"
    assert cluster.job(single)["exec_host"] == f"{N1}/1"
    assert cluster.states(N1) == {"job-exclusive"}
    cluster.run("qdel", single)
    cluster.restart()
    wait_for(lambda: cluster.states(N1) == {"free"}, 60, "the mom reports")
    cluster.kick()
    cluster.wait_state(pair, "R")
    assert cluster.job(pair)["exec_host"] == f"{N1}/0-1"


@pytest.mark.system
def test_after_a_restart_a_job_began_with_what_its_slots_need(cluster: Cluster) -> None:
    cluster.with_nodes(N1, np=4)
    job = cluster.submit("sleep 300\n", "-l", "nodes=1:ppn=2")
    cluster.wait_state(job, "R")
    cluster.restart()
    wait_for(lambda: "down" not in cluster.states(N1), 60, "the mom reports")
    cluster.qmgr(f"set node {N1} np=2")
    cluster.run("qdel", job)
    cluster.wait_state(job, "C")
    after = cluster.submit("sleep 300\n", "-l", "nodes=1:ppn=2")
    cluster.wait_state(after, "R")
