import pytest

from tests.batch.recorded import recorded, said
from torque_mesos.batch.base import NewNode, Refused, ServerUnreachable
from torque_mesos.batch.torque import TorqueServer
from torque_mesos.batch.torque_settings import TorqueSettings


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
            ("qmgr", "-c", 'set node n1.cluster.test note="torque-mesos: new (new)"'),
            ("qmgr", "-c", 'set node n1.cluster.test note="torque-mesos: new"'),
        ]

    def test_a_note_is_changed_so_that_the_server_writes_all_of_them(self, server, runner):
        """What a record is made with it forgets when it is restarted."""
        exists = recorded("qmgr-create-exists")
        runner.answer("qmgr", "-c", 'create node n1 np=2,note="mine"', by=exists)
        server.create_nodes([NewNode(name, 2, note="mine") for name in ("n1", "n2", "n3")])
        assert runner.changes()[-2:] == [
            ("qmgr", "-c", 'set node n2 note="mine (new)"'),
            ("qmgr", "-c", 'set node n2 note="mine"'),
        ]
        assert len(runner.changes()) == 5, "once for all; and the note of n1 is not ours"

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
