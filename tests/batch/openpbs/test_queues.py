import pytest

from tests.batch.recorded import recorded
from torque_mesos.batch.base import UnreadableAnswer
from torque_mesos.batch.openpbs_queues import parse_queues, parse_server
from torque_mesos.model import Queue


class TestQueuesAndServer:
    def test_queues(self):
        assert parse_queues(recorded("qstat-queues", "openpbs").stdout) == (Queue("workq"),)

    def test_a_queue_of_an_unknown_kind_is_refused(self):
        text = recorded("qstat-queues", "openpbs").stdout.replace("Execution", "odd")
        with pytest.raises(UnreadableAnswer, match="workq"):
            parse_queues(text)

    def test_the_server(self):
        server = parse_server(recorded("qstat-server", "openpbs").stdout)
        assert server["node_fail_requeue"] == "310"
        assert server["scheduling"] == "True"
        assert "resources_default" not in server
