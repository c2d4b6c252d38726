import pytest

from tests.batch.recorded import FakeRunner, recorded, said
from torque_mesos.batch.base import Refused
from torque_mesos.batch.torque import TorqueServer
from torque_mesos.batch.torque_settings import TorqueSettings


class TestPrepare:
    def changes(self, runner: FakeRunner) -> list[str]:
        return [command[2] for command in runner.changes()]

    def test_a_plain_server_gets_what_an_elastic_cluster_needs(self, server, runner):
        server.prepare(["batch"], 1000)
        assert self.changes(runner) == [
            "set server note_append_on_error=False",
            "set server resources_available.nodect=1000",
            "set queue batch resources_available.nodect=1000",
        ]

    def test_a_prepared_server_is_left_alone(self, server, runner):
        text = recorded("qstat-server").stdout
        text = text.replace("append_on_error = True", "append_on_error = False")
        more = "    resources_available.nodect = 2000\n"
        runner.answer("qstat", "-B", by=said(stdout=text.rstrip() + "\n" + more))
        runner.answer(
            "qstat", "-Q", by=said(stdout=recorded("qstat-queues").stdout.rstrip() + "\n" + more)
        )
        server.prepare([], 1000)
        assert self.changes(runner) == []

    def test_np_is_not_left_to_the_moms(self, runner, server):
        text = recorded("qstat-server").stdout.rstrip() + "\n    auto_node_np = True\n"
        runner.answer("qstat", "-B", by=said(stdout=text))
        server.prepare([], 1)
        assert "set server auto_node_np=False" in self.changes(runner)

    def test_a_queue_that_is_missing_is_made_only_when_allowed(self, runner, server):
        with pytest.raises(Refused, match="no queue long"):
            server.prepare(["long"], 10)
        assert self.changes(runner) == []
        TorqueServer(TorqueSettings(create_queue=True), runner).prepare(["long"], 10)
        assert self.changes(runner)[0] == (
            "create queue long queue_type=execution,resources_default.nodes=1,"
            "enabled=true,started=true"
        )
        assert not any("default_queue" in change for change in self.changes(runner))

    def test_a_bare_server_gets_a_default_queue_when_allowed(self, runner):
        runner.answer("qstat", "-Q", by=said())
        runner.answer("qstat", "-B", by=said(stdout="Server: head\n    scheduling = False\n"))
        TorqueServer(TorqueSettings(create_queue=True), runner).prepare([], 10)
        changes = self.changes(runner)
        assert changes[0].startswith("create queue batch queue_type=execution")
        assert changes[1] == "set server default_queue=batch"
        assert "set server scheduling=True" in changes
