import pytest

from tests.batch.recorded import recorded, said
from torque_mesos.batch.base import InvalidName, Refused


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
        ("qmgr", "-c", "set node n1.cluster.test np=3,requestid=np3gpus0"),
        ("qmgr", "-c", "set node n1.cluster.test np=4,gpus=2,requestid=np4gpus2"),
        ("qmgr", "-c", "set server scheduling=true"),
        ("qrerun", "-f", "9[3].head"),
    ]


def test_np_is_set_where_the_server_has_no_requestid(server, runner):
    unknown = said(2, stderr="qmgr obj=n1 svr=default: Undefined attribute  requestid\n")
    runner.answer("qmgr", "-c", "set node n1 np=3,requestid=np3gpus0", by=unknown)
    server.set_np("n1", 3)
    server.set_np("n1", 4)
    assert [command[2] for command in runner.asked] == [
        "set node n1 np=3,requestid=np3gpus0",
        "set node n1 np=3",
        "set node n1 np=4",
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
