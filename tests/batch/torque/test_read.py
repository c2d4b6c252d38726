import threading

import pytest

from tests.batch.recorded import recorded, said
from torque_mesos.batch.base import Refused, ServerUnreachable, UnreadableAnswer
from torque_mesos.batch.commands import Answer
from torque_mesos.model import Queue


class TestRead:
    def test_a_reading_is_of_jobs_nodes_and_queues(self, server, runner):
        reading = server.read()
        assert (len(reading.jobs), len(reading.nodes)) == (25, 6)
        assert reading.queues == (Queue("batch"),)
        assert reading.problems == ()

    def test_the_three_commands_run_at_once(self, runner, server):
        together = threading.Barrier(3, timeout=20)

        def answer(name):
            def wait() -> Answer:
                together.wait()
                return recorded(name)

            return wait

        runner.answer("qstat", "-x", "-t", by=answer("qstat-x-empty"))
        runner.answer("pbsnodes", "-x", by=answer("pbsnodes-x-mix"))
        runner.answer("qstat", "-Q", "-f", by=answer("qstat-queues"))
        assert server.read().jobs == ()

    @pytest.mark.parametrize("answer", ["pbsnodes-x-no-nodes", "pbsnodes-x-last-node-deleted"])
    def test_no_nodes_is_not_a_failure(self, server, runner, answer):
        runner.answer("pbsnodes", "-x", by=recorded(answer))
        assert server.read().nodes == ()

    def test_problems_of_records_are_told(self, server, runner):
        bad = recorded("pbsnodes-x-mix").stdout.replace("<state>down<", "<state>odd<")
        runner.answer("pbsnodes", "-x", by=said(stdout=bad))
        reading = server.read()
        assert reading.unreadable_nodes == {"n13"}
        assert len(reading.nodes) == 5
        assert "n13" in reading.problems[0]

    def test_a_record_with_which_the_server_would_not_start_again_is_told(self, server, runner):
        text = recorded("pbsnodes-x-mix").stdout.replace("<name>n13<", "<name>10.0.0.13<")
        runner.answer("pbsnodes", "-x", by=said(stdout=text))
        reading = server.read()
        assert len(reading.nodes) == 6
        assert len(reading.problems) == 1
        assert "10.0.0.13" in reading.problems[0]

    @pytest.mark.parametrize(
        ("command", "answer", "error"),
        [
            (("pbsnodes", "-x"), recorded("pbsnodes-x-none-resolves"), Refused),
            (("qstat", "-x", "-t"), said(), UnreadableAnswer),
            (("pbsnodes", "-x"), said(), UnreadableAnswer),
            (("qstat", "-x", "-t"), said(1, stderr="qstat: no"), Refused),
            (("pbsnodes", "-x"), said(1, stderr="pbsnodes: no"), Refused),
            (("pbsnodes", "-x"), said(1, "<Data>", "node list is empty"), Refused),
            (("qstat", "-Q", "-f"), said(1, stderr="qstat: no"), Refused),
            (("qstat", "-x", "-t"), recorded("qstat-server-down"), ServerUnreachable),
            (("pbsnodes", "-x"), recorded("pbsnodes-server-down"), ServerUnreachable),
            (("pbsnodes", "-x"), recorded("pbsnodes-trqauthd-down"), ServerUnreachable),
            (("qstat", "-Q", "-f"), ServerUnreachable("late"), ServerUnreachable),
        ],
    )
    def test_anything_less_than_a_whole_answer_is_an_error(
        self, server, runner, command, answer, error
    ):
        runner.answer(*command, by=answer)
        with pytest.raises(error):
            server.read()
