"""The adapter for TORQUE drives the built-in server unchanged."""

from __future__ import annotations

import pytest

from tests.batch.builtin.adapter import adapter_of
from tests.batch.builtin.cluster import Cluster
from tests.waiting import wait_for
from torque_mesos.batch.base import NewNode, Refused, ServerUnreachable
from torque_mesos.batch.torque import TorqueServer
from torque_mesos.model import JobState, Node, NodeState

pytestmark = pytest.mark.system

N1, N2 = "n1.cluster.test", "n2.cluster.test"


@pytest.fixture
def adapter(cluster: Cluster) -> TorqueServer:
    """The adapter, run as whom the server belongs to."""
    return adapter_of(cluster, create_queue=True)


def _node(adapter: TorqueServer, name: str) -> Node:
    return next(node for node in adapter.read().nodes if node.name == name)


def test_a_record_from_its_creation_to_its_end(cluster: Cluster, adapter: TorqueServer) -> None:
    assert adapter.read().nodes == ()
    adapter.prepare(["batch"], 100)
    capacity = adapter.traits.capacity_record
    assert capacity is not None
    adapter.create_nodes(
        [
            NewNode(N1, 2, frozenset({"mesos", "fat"}), "mark: registering"),
            NewNode(capacity, 100, frozenset({"mesos"}), "mark: capacity"),
        ]
    )
    node = _node(adapter, N1)
    assert node.np == 2
    assert node.properties == {"mesos", "fat"}
    assert node.note == "mark: registering"
    assert NodeState.MOM_LIST_NOT_SENT in node.states
    with pytest.raises(Refused, match="okclients"):
        adapter.set_offline([N1], "mark: parked")
    wait_for(lambda: _node(adapter, N1).states == {NodeState.DOWN}, 60, "it can be parked")
    adapter.set_offline([N1], "mark: parked")
    large = cluster.submit("true\n", "-l", "nodes=20:ppn=2")
    job_id = cluster.submit("sleep 300\n", "-l", "nodes=1:ppn=2:fat")
    cluster.start_mom(N1)
    assert _node(adapter, N1).states == {NodeState.OFFLINE}
    adapter.set_np(N1, 3)
    adapter.set_online([N1], "mark: online")
    adapter.wake_scheduler()
    cluster.wait_state(job_id, "R")
    reading = adapter.read()
    jobs = {job.job_id: job for job in reading.jobs}
    assert jobs[job_id].state is JobState.RUNNING
    assert jobs[job_id].exec_nodes == (N1,)
    assert jobs[large].state is JobState.QUEUED
    node = _node(adapter, N1)
    assert dict(node.slots) == {0: job_id, 1: job_id}
    assert (node.np, node.note) == (3, "mark: online")
    assert [queue.name for queue in reading.queues] == ["batch"]
    with pytest.raises(Refused, match="has jobs"):
        adapter.delete_node(N1)
    adapter.set_offline([N1], "mark: draining")
    adapter.rerun(job_id)
    assert {job.job_id: job.state for job in adapter.read().jobs}[job_id] is JobState.QUEUED
    adapter.delete_node(N1)
    assert [node.name for node in adapter.read().nodes] == [capacity]


def test_what_is_refused_and_what_is_unreachable(cluster: Cluster, adapter: TorqueServer) -> None:
    with pytest.raises(Refused, match="Unknown node"):
        adapter.create_nodes([NewNode("nosuch.invalid", 1)])
    with pytest.raises(Refused):
        adapter.set_np("nosuch", 2)
    with pytest.raises(Refused, match="nosuch"):
        adapter.set_offline(["nosuch"], "mark")
    with pytest.raises(Refused):
        adapter.rerun("99.head.cluster.test")
    assert cluster.server is not None
    cluster.server.kill()
    cluster.server.wait()
    with pytest.raises(ServerUnreachable):
        adapter.read()
    with pytest.raises(ServerUnreachable):
        adapter.set_online([N1], "mark")
