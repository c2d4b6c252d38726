import pytest

from tests.batch.openpbs.answers import NOTE, PARKED, recorded
from tests.batch.recorded import said
from torque_mesos.batch.base import InvalidName, Refused, ServerUnreachable


class TestChanges:
    def test_offline_and_online_with_their_notes(self, server, runner):
        """In a resource, for the server forgets comments when it restarts."""
        server.set_offline(["n1"], PARKED)
        server.set_online(["n1", "n2"], PARKED)
        assert [change[2] for change in runner.changes()] == [
            f"set node n1 state+=offline,{NOTE}",
            f"set node n1,n2 state-=offline,{NOTE}",
        ]

    def test_offline_without_a_note_leaves_what_is_noted(self, server, runner):
        server.set_offline(["n1"], None)
        assert runner.changes() == [("qmgr", "-c", "set node n1 state+=offline")]

    def test_a_mark_that_fails_is_told(self, server, runner):
        runner.answer("qmgr", by=recorded("qmgr-set-list"))
        with pytest.raises(Refused, match=r"^nosuch: Unknown node$"):
            server.set_offline(["n2", "nosuch", "n3"], PARKED)

    def test_who_may_not_mark_is_told(self, server, runner):
        runner.answer("qmgr", by=recorded("qmgr-set-not-allowed"))
        with pytest.raises(Refused, match="Unauthorized Request"):
            server.set_offline(["n3"], PARKED)

    def test_the_resource_of_the_note_is_made_where_there_is_none(self, server, runner):
        answers = iter([recorded("qmgr-set-unknown-resource"), said()])
        runner.answer("qmgr", "-c", f"set node n3 state+=offline,{NOTE}", by=answers.__next__)
        server.set_offline(["n3"], PARKED)
        assert runner.changes()[1][2] == "create resource torque_mesos type=string"
        assert len(runner.changes()) == 3

    def test_a_bad_name_keeps_no_other_from_its_mark(self, server, runner):
        with pytest.raises(Refused, match="-x"):
            server.set_offline(["-x", "n3"], PARKED)
        assert runner.changes() == [("qmgr", "-c", f"set node n3 state+=offline,{NOTE}")]

    @pytest.mark.parametrize("note", ['a"b', "a,b", "", "x" * 300])
    def test_a_strange_note_gets_nowhere_near_qmgr(self, server, runner, note):
        with pytest.raises(InvalidName):
            server.set_online(["n1"], note)
        assert runner.changes() == []

    def test_np_is_ncpus(self, server, runner):
        server.set_np("n1", 4)
        server.set_np("n1", 4, gpus=2)
        size = "resources_available.ncpus=4"
        assert runner.changes() == [
            ("qmgr", "-c", f"set node n1 {size}"),
            ("qmgr", "-c", f"set node n1 {size},resources_available.ngpus=2"),
        ]

    def test_a_node_with_a_job_is_not_deleted(self, server, runner):
        runner.answer("qmgr", "-c", by=recorded("qmgr-delete-busy"))
        with pytest.raises(Refused, match="busy"):
            server.delete_node("n1")

    def test_a_node_that_is_gone_is_deleted(self, server, runner):
        runner.answer("qmgr", "-c", by=recorded("qmgr-delete-unknown"))
        server.delete_node("nosuch")

    @pytest.mark.parametrize(
        ("change", "answer"),
        [
            (lambda server: server.wake_scheduler(), "qmgr-server-down"),
            (lambda server: server.set_offline(["n1"], PARKED), "qmgr-server-down"),
            (lambda server: server.rerun("1.head"), "qstat-server-down"),
        ],
    )
    def test_without_its_server(self, server, runner, change, answer):
        runner.answer(by=recorded(answer))
        with pytest.raises(ServerUnreachable):
            change(server)

    def test_a_syntax_error_is_not_a_server_that_is_away(self, server, runner):
        runner.answer("qmgr", by=said(3, stderr="qmgr: Syntax error"))
        with pytest.raises(Refused):
            server.wake_scheduler()
