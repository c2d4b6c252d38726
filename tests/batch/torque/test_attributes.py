import pytest

from tests.batch.recorded import recorded
from torque_mesos.batch.base import UnreadableAnswer
from torque_mesos.batch.torque_attributes import parse_attributes, parse_queues
from torque_mesos.model import Queue


class TestAttributes:
    def test_recorded_queues(self):
        assert parse_queues(recorded("qstat-queues").stdout) == (Queue("batch"),)

    def test_a_stopped_route_queue(self):
        text = "Queue: in\n    queue_type = Route\n    enabled = True\n\n"
        assert parse_queues(text) == (Queue("in", execution=False, enabled=True, started=False),)

    def test_the_limits_of_a_queue(self):
        text = (
            "Queue: q\n    queue_type = Execution\n    Priority = 50\n    max_queuable = 100\n"
            "    max_running = 9\n    max_user_run = 2\n    enabled = True\n    started = True\n"
        )
        (queue,) = parse_queues(text)
        assert queue.priority == 50
        assert [(limit.setting, limit.most) for limit in queue.run_limits] == [
            ("max_running", 9),
            ("max_user_run", 2),
        ]

    def test_no_queues(self):
        assert parse_queues("") == ()

    def test_a_long_line_goes_on_after_a_tab(self):
        ((name, attributes),) = parse_attributes(recorded("qstat-server").stdout, "Server")
        assert name == "head"
        assert attributes["state_count"].split()[-1] == "Complete:1"
        assert attributes["down_on_error"] == "True"

    @pytest.mark.parametrize(
        "text", ["qstat: Unknown queue", "    enabled = True", "Queue: q\n    enabled = True\nwhat"]
    )
    def test_other_text_is_an_error_that_quotes_the_line(self, text):
        with pytest.raises(UnreadableAnswer, match="cannot read line"):
            parse_queues(text)

    def test_a_queue_without_a_type_is_an_error(self):
        with pytest.raises(UnreadableAnswer, match="queue q: unknown queue_type"):
            parse_queues("Queue: q\n    enabled = True\n")
