import threading
from pathlib import Path

import pytest

from tests.batch.recorded import FakeRunner, recorded
from torque_mesos.batch.base import (
    BatchServer,
    InvalidName,
    NewNode,
    Refused,
    ServerUnreachable,
    UnreadableAnswer,
)
from torque_mesos.batch.commands import Answer
from torque_mesos.batch.torque import TorqueServer
from torque_mesos.batch.torque_settings import TorqueSettings
from torque_mesos.model import Queue


def said(exit_code: int = 0, stdout: str = "", stderr: str = "") -> Answer:
    return Answer(("x",), exit_code, stdout, stderr)


@pytest.fixture
def runner() -> FakeRunner:
    fake = FakeRunner()
    fake.answer("qstat", "-x", "-t", by=recorded("qstat-x-t-mix"))
    fake.answer("pbsnodes", "-x", by=recorded("pbsnodes-x-mix"))
    fake.answer("qstat", "-Q", "-f", by=recorded("qstat-queues"))
    fake.answer("qstat", "-B", "-f", by=recorded("qstat-server"))
    return fake


@pytest.fixture
def server(runner) -> BatchServer:
    return TorqueServer(TorqueSettings(bin_dir=Path("/t/bin")), runner)


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


class TestCreate:
    def test_mark_np_and_properties_are_set_by_the_creating_command(self, server, runner):
        node = NewNode("n1.cluster.test", 4, frozenset({"mesos", "fat"}), "torque-mesos: new")
        server.create_nodes([node, NewNode("n2", 2, mom_service_port=25002)])
        assert sorted(runner.changes()) == [
            (
                "qmgr",
                "-c",
                'create node n1.cluster.test np=4,properties="fat,mesos",note="torque-mesos: new"',
            ),
            ("qmgr", "-c", "create node n2 np=2,mom_service_port=25002,mom_manager_port=15003"),
        ]

    def test_the_moms_ports_of_the_settings_are_told(self, runner):
        settings = TorqueSettings(mom_service_port=25002, mom_manager_port=25003)
        TorqueServer(settings, runner).create_nodes([NewNode("n1", 1)])
        assert runner.changes()[0][2].endswith("mom_service_port=25002,mom_manager_port=25003")

    def test_the_capacity_record_is_a_name_that_resolves_and_has_no_mom(self, server, runner):
        assert server.traits.capacity_record == "localhost"
        server.create_nodes([NewNode("localhost", 1000, note="torque-mesos: capacity")])
        assert runner.changes()[0][2].endswith("mom_service_port=1,mom_manager_port=1")

    def test_a_name_with_which_the_server_would_not_start_again_is_refused(self, server, runner):
        with pytest.raises(Refused, match=r"192\.0\.2\.1.*could not start again"):
            server.create_nodes([NewNode("192.0.2.1", 1000)])
        assert runner.changes() == []

    def test_a_record_that_exists_is_no_error(self, server, runner):
        runner.answer("qmgr", by=recorded("qmgr-create-exists"))
        server.create_nodes([NewNode("n1", 2)])

    def test_all_are_tried_and_all_failures_named(self, server, runner):
        runner.answer(
            "qmgr", "-c", "create node nosuchhost np=2", by=recorded("qmgr-create-unknown-host")
        )
        with pytest.raises(Refused) as caught:
            server.create_nodes(
                [NewNode("nosuchhost", 2), NewNode("a b", 2), NewNode("n1", 2), NewNode("n2", 0)]
            )
        assert "obj=nosuchhost svr=default: Unknown node" in str(caught.value)
        assert "'a b'" in str(caught.value)
        assert "at least 1" in str(caught.value)
        assert ("qmgr", "-c", "create node n1 np=2") in runner.asked

    def test_an_unreachable_server_is_told_as_such(self, server, runner):
        runner.answer("qmgr", by=recorded("qmgr-server-down"))
        with pytest.raises(ServerUnreachable):
            server.create_nodes([NewNode("n1", 2), NewNode("n2", 2)])

    @pytest.mark.parametrize(
        "node",
        [
            NewNode("n1\ndelete node n2", 2),
            NewNode("n1,n2", 2),
            NewNode("n1", 2, frozenset({'a",np=9'})),
            NewNode("n1", 2, frozenset(), 'mark",np=9'),
            NewNode("n1", 2, mom_service_port=0x1FFFF),
        ],
    )
    def test_what_could_be_misread_never_gets_there(self, server, runner, node):
        with pytest.raises(Refused):
            server.create_nodes([node])
        assert runner.changes() == []


class TestDelete:
    def test_a_record_without_jobs_is_deleted_with_patience(self, server, runner):
        nodes = "<Data><Node><name>n13</name><state>down</state><np>2</np></Node></Data>"
        runner.answer("pbsnodes", "-x", "n13", by=said(stdout=nodes))
        server.delete_node("n13")
        assert runner.asked[-1] == ("qmgr", "-c", "delete node n13")
        assert runner.timeouts[-1] >= 122  # what the server may take

    def test_a_record_with_jobs_is_not(self, server, runner):
        runner.answer("pbsnodes", "-x", "n1", by=recorded("pbsnodes-x-offline-busy"))
        with pytest.raises(Refused, match=r"it has jobs: 2090\.head"):
            server.delete_node("n1")
        assert runner.changes() == []

    def test_a_record_that_cannot_be_read_is_not(self, server, runner):
        nodes = "<Data><Node><name>n1</name><state>odd</state><np>2</np></Node></Data>"
        runner.answer("pbsnodes", "-x", "n1", by=said(stdout=nodes))
        with pytest.raises(Refused, match="cannot be read"):
            server.delete_node("n1")
        assert runner.changes() == []

    @pytest.mark.parametrize(
        "name", ["pbsnodes-x-unknown", "pbsnodes-x-no-nodes", "pbsnodes-x-last-node-deleted"]
    )
    def test_one_that_is_gone_is_no_error(self, server, runner, name):
        runner.answer("pbsnodes", "-x", by=recorded(name))
        server.delete_node("n1")
        assert runner.changes() == []

    def test_one_that_goes_meanwhile_is_no_error(self, server, runner):
        nodes = "<Data><Node><name>n4</name><state>down</state><np>2</np></Node></Data>"
        runner.answer("pbsnodes", "-x", by=said(stdout=nodes))
        runner.answer("qmgr", by=recorded("qmgr-delete-gone"))
        server.delete_node("n4")


class TestMarks:
    def test_offline_is_one_command_with_the_note(self, server, runner):
        server.set_offline(["n1", "n2.cluster.test"], "torque-mesos: parked")
        expected = ("pbsnodes", "-o", "-N", "torque-mesos: parked", "n1", "n2.cluster.test")
        assert runner.asked == [expected]

    def test_offline_can_leave_the_note_as_it_is(self, server, runner):
        server.set_offline(["n1"], None)
        assert runner.asked == [("pbsnodes", "-o", "n1")]

    def test_online_is_one_command_with_the_note(self, server, runner):
        server.set_online(iter(["n1", "n2"]), "torque-mesos: online")
        assert runner.asked == [("pbsnodes", "-c", "-N", "torque-mesos: online", "n1", "n2")]

    def test_no_nodes_is_no_command(self, server, runner):
        server.set_online([], "torque-mesos: online")
        assert runner.asked == []

    @pytest.mark.parametrize(
        ("answer", "says"),
        [
            ("pbsnodes-o-unknown", "nosuch: .*Unknown node"),
            ("pbsnodes-o-not-allowed", "n1: .*PERM_OPorMGR"),
            ("pbsnodes-o-list-not-sent", r"n1\.cluster\.test: .*okclients list hasn't been sent"),
        ],
    )
    def test_a_failure_that_exits_with_0_is_noticed(self, server, runner, answer, says):
        assert recorded(answer).exit_code == 0
        runner.answer("pbsnodes", by=recorded(answer))
        with pytest.raises(Refused, match=says):
            server.set_offline(["n1", "n2"], "x")
        with pytest.raises(Refused, match=says):
            server.set_online(["n1", "n2"], "x")

    def test_a_failure_that_names_no_node_concerns_all(self, server, runner):
        runner.answer("pbsnodes", by=said(0, stderr="something odd\n"))
        with pytest.raises(Refused, match="n1, n2: something odd"):
            server.set_offline(["n1", "n2"], "x")

    def test_a_bad_name_is_left_out_and_told(self, server, runner):
        with pytest.raises(Refused, match="'-o'"):
            server.set_offline(["-o", "n2"], "x")
        assert runner.asked == [("pbsnodes", "-o", "-N", "x", "n2")]

    def test_a_note_that_could_be_misread_never_gets_there(self, server, runner):
        with pytest.raises(InvalidName):
            server.set_offline(["n1"], "a\nb")
        assert runner.asked == []

    def test_very_many_names_go_in_several_commands(self, server, runner):
        names = [f"n{number}" for number in range(450)]
        server.set_offline(names, "x")
        assert [len(command) - 4 for command in runner.asked] == [200, 200, 50]


def test_np_wake_and_rerun(server, runner):
    server.set_np("n1.cluster.test", 3)
    server.set_np("n1.cluster.test", 4, gpus=2)
    server.wake_scheduler()
    server.rerun("9[3].head")
    assert runner.asked == [
        ("qmgr", "-c", "set node n1.cluster.test np=3"),
        ("qmgr", "-c", "set node n1.cluster.test np=4,gpus=2"),
        ("qmgr", "-c", "set server scheduling=true"),
        ("qrerun", "-f", "9[3].head"),
    ]


def test_a_hold_with_its_reason(server, runner):
    server.hold("9.head", "user 'bob' is not known, there")
    assert runner.asked == [
        ("qhold", "-h", "s", "9.head"),
        ("qalter", "-W", "comment=user 'bob' is not known, there", "9.head"),
    ]


def test_refusals_are_told_with_the_servers_words(server, runner):
    runner.answer("qmgr", by=recorded("qmgr-set-unknown-node"))
    with pytest.raises(Refused, match="obj=zzz svr=default: Unknown node"):
        server.set_np("zzz", 3)
    runner.answer("qrerun", by=recorded("qrerun-unknown"))
    with pytest.raises(Refused, match="Unknown Job Id"):
        server.rerun("99.head")


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


def test_the_commands_get_a_small_environment(monkeypatch):
    monkeypatch.setenv("LD_PRELOAD", "/tmp/x.so")
    settings = TorqueSettings(
        bin_dir=Path("/t/bin"), server_host="head.test", environment={"EXTRA": "1"}
    )
    environment = settings.command_environment()
    assert environment["PATH"].startswith("/t/bin:")
    assert environment["PBS_DEFAULT"] == "head.test"
    assert environment["EXTRA"] == "1"
    assert environment["LANG"] == "C"
    assert "LD_PRELOAD" not in environment
