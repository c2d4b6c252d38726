import pytest

from tests.batch.openpbs.answers import WAKE, node_list, recorded
from tests.batch.recorded import said
from torque_mesos.batch.base import BatchServer, NewNode, ServerUnreachable, UnreadableAnswer
from torque_mesos.model import NodeState, Queue


def states(server: BatchServer) -> dict[str, frozenset[NodeState]]:
    return {node.name: node.states for node in server.read().nodes}


class TestRead:
    def test_a_reading_is_of_jobs_nodes_and_queues(self, server):
        reading = server.read()
        assert (len(reading.jobs), len(reading.nodes)) == (14, 3)
        assert reading.queues == (Queue("workq"),)
        assert reading.problems == ()

    def test_jobs_hold_slots_by_their_cpus(self, server):
        slots = {node.name: dict(node.slots) for node in server.read().nodes}
        assert slots["n1"] == {0: "43.head", 1: "44[1].head"}
        assert slots["n3"] == {}

    def test_no_nodes_is_not_a_failure(self, server, runner):
        runner.answer("pbsnodes", "-av", by=recorded("pbsnodes-no-nodes"))
        assert server.read().nodes == ()

    def test_without_its_server_qstat_prints_an_empty_list_that_is_not_believed(
        self, server, runner
    ):
        down = recorded("qstat-server-down")
        assert "Jobs" not in down.stdout
        assert down.stdout.startswith("{")
        runner.answer("qstat", "-t", "-f", by=down)
        with pytest.raises(ServerUnreachable):
            server.read()

    def test_without_its_server_pbsnodes_is_not_believed(self, server, runner):
        runner.answer("pbsnodes", "-av", by=recorded("pbsnodes-server-down"))
        with pytest.raises(ServerUnreachable):
            server.read()

    def test_half_a_list_is_refused(self, server, runner):
        half = recorded("pbsnodes-mix").stdout[:900]
        runner.answer("pbsnodes", "-av", by=said(stdout=half))
        with pytest.raises(UnreadableAnswer):
            server.read()

    def test_problems_of_records_are_told(self, server, runner):
        bad = recorded("pbsnodes-mix").stdout.replace('"state":"job-busy"', '"state":"odd"', 1)
        runner.answer("pbsnodes", "-av", by=said(stdout=bad))
        reading = server.read()
        assert reading.unreadable_nodes == {"n1"}
        assert len(reading.nodes) == 2
        assert "n1" in reading.problems[0]

    def test_queues_are_asked_for_now_and_then(self, server, runner, clock):
        for _ in range(10):
            server.read()
            clock.now_s += 5.0
        assert sum(1 for command in runner.asked if "-Q" in command) == 2


class TestWaking:
    """OpenPBS starts no scheduling cycle when a node becomes free."""

    def test_a_node_that_became_usable_wakes_the_scheduler_once(self, server, runner):
        runner.answer("pbsnodes", "-av", by=node_list(n1="down,offline"))
        server.read()
        runner.answer("pbsnodes", "-av", by=node_list(n1="offline"))
        server.read()
        assert WAKE not in runner.asked
        runner.answer("pbsnodes", "-av", by=node_list(n1="free"))
        server.read()
        server.read()
        assert runner.asked.count(WAKE) == 1


class TestFlap:
    """Every `create node` makes the server call all nodes down for one to two seconds."""

    @pytest.fixture
    def up(self, server, runner):
        runner.answer("pbsnodes", "-av", by=node_list(n1="free", n2="offline", n3="job-busy"))
        server.read()
        runner.asked.clear()
        return server

    def test_nodes_that_were_up_stay_up(self, up, runner):
        up.create_nodes([NewNode("n4", 2)])
        runner.answer(
            *("pbsnodes", "-av"),
            by=node_list(n1="down", n2="down,offline", n3="down", n4="state-unknown,down"),
        )
        assert states(up) == {
            "n1": {NodeState.FREE},
            "n2": {NodeState.OFFLINE},
            "n3": {NodeState.FREE},
            "n4": {NodeState.UNKNOWN, NodeState.DOWN},
        }

    def test_the_scheduler_is_woken_when_they_are_back(self, up, runner):
        up.create_nodes([NewNode("n4", 2)])
        runner.answer("pbsnodes", "-av", by=node_list(n1="down", n4="down"))
        up.read()
        assert WAKE not in runner.asked
        runner.answer("pbsnodes", "-av", by=node_list(n1="free", n4="down"))
        up.read()
        up.read()
        assert runner.asked.count(WAKE) == 1

    def test_who_is_down_for_longer_is_down(self, up, runner, clock):
        up.create_nodes([NewNode("n4", 2)])
        runner.answer("pbsnodes", "-av", by=node_list(n1="down", n4="down"))
        clock.now_s += 4.9
        assert NodeState.DOWN not in states(up)["n1"]
        clock.now_s += 0.2
        assert NodeState.DOWN in states(up)["n1"]

    def test_who_was_down_before_is_down(self, up, runner):
        runner.answer("pbsnodes", "-av", by=node_list(n1="down"))
        up.read()
        up.create_nodes([NewNode("n4", 2)])
        assert states(up)["n1"] == {NodeState.DOWN}

    def test_a_node_that_goes_online_meanwhile_is_online(self, up, runner):
        up.create_nodes([NewNode("n4", 2)])
        runner.answer("pbsnodes", "-av", by=node_list(n2="down"))
        assert states(up)["n2"] == {NodeState.FREE}

    def test_without_a_creation_down_is_down_at_once(self, up, runner):
        runner.answer("pbsnodes", "-av", by=node_list(n1="down"))
        assert states(up)["n1"] == {NodeState.DOWN}


class TestTraits:
    def test_openpbs_needs_no_capacity_record_and_parks(self, server):
        assert server.traits.capacity_record is None
        assert server.traits.parking
