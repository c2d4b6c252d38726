import pytest

from tests.batch.openpbs.answers import NOTE, PARKED, recorded
from tests.batch.recorded import said
from torque_mesos.batch.base import NewNode, Refused


class TestCreate:
    def test_alike_nodes_are_made_by_one_command_with_their_mark(self, server, runner):
        server.create_nodes([NewNode(name, 2, note=PARKED) for name in ("n5", "n6", "n7.c.test")])
        assert runner.changes() == [
            (
                *("qmgr", "-c"),
                f"create node n5,n6,n7.c.test resources_available.ncpus=2,{NOTE}",
            )
        ]

    def test_many_nodes_are_given_time(self, server, runner):
        """The release saves every node for each one that is made or set."""
        server.create_nodes([NewNode(f"n{number}", 2) for number in range(120)])
        assert [len(command[2].split()[2].split(",")) for command in runner.changes()] == [
            *(50, 50, 20)
        ]
        assert runner.timeouts == [79.0, 79.0, 49.0]

    def test_unlike_nodes_are_made_apart(self, server, runner):
        server.create_nodes([NewNode("n5", 2), NewNode("n6", 4), NewNode("n7", 2)])
        assert [command[2].split()[2] for command in runner.changes()] == ["n5,n7", "n6"]

    def test_a_port_of_the_moms(self, server, runner):
        server.create_nodes([NewNode("n5", 2, mom_service_port=16002, mom_manager_port=16003)])
        assert runner.changes()[0][2].endswith("resources_available.ncpus=2,Port=16002")

    def test_properties_are_set_after_the_creation(self, server, runner):
        """A creation that fails because of a resource would leave a ghost."""
        server.create_nodes([NewNode("n5", 2, frozenset({"fast", "mesos"}))])
        assert [command[2] for command in runner.changes()] == [
            "create node n5 resources_available.ncpus=2",
            "set node n5 resources_available.fast=True,resources_available.mesos=True",
        ]

    def test_resources_are_made_where_the_server_has_none(self, server, runner):
        answers = iter([recorded("qmgr-set-unknown-resource"), said()])
        runner.answer(
            "qmgr", "-c", "set node n5 resources_available.fast=True", by=answers.__next__
        )
        runner.answer(
            *("qmgr", "-c", "create resource fast type=boolean,flag=h"),
            by=recorded("qmgr-create-resource-exists"),
        )
        server.create_nodes([NewNode("n5", 2, frozenset({"fast"}))])
        assert [command[2].split()[0] for command in runner.changes()] == [
            *("create", "set", "create", "set")
        ]

    def test_a_record_that_cannot_have_its_properties_is_taken_back(self, server, runner):
        command = ("qmgr", "-c", "set node n5 resources_available.fast=True")
        runner.answer(
            *command, by=said(159, stderr="qmgr obj=n5 svr=default: Unauthorized Request")
        )
        with pytest.raises(Refused, match="n5"):
            server.create_nodes([NewNode("n5", 2, frozenset({"fast"}))])
        assert runner.changes()[-1][2] == "delete node n5"

    def test_a_name_that_exists_is_left_as_it_is(self, server, runner):
        answer = said(218, stderr="qmgr obj=n1 svr=default: Node name already exists\n")
        runner.answer("qmgr", "-c", by=answer)
        server.create_nodes([NewNode("n1", 2, frozenset({"fast"}))])
        assert len(runner.changes()) == 1

    def test_the_others_of_a_list_are_made(self, server, runner):
        command = "create node n1,nohost7,n9 resources_available.ncpus=2"
        runner.answer("qmgr", "-c", command, by=recorded("qmgr-create-exists"))
        with pytest.raises(Refused, match=r"^nohost7: Unknown node$"):
            server.create_nodes(
                [NewNode(name, 2, frozenset({"fast"})) for name in ("n1", "nohost7", "n9")]
            )
        assert runner.changes()[-1][2] == "set node n9 resources_available.fast=True"

    def test_a_ghost_is_deleted_and_made_anew(self, server, runner):
        """A creation with an unknown resource fails, and leaves a record."""
        command = f"create node n8,n9 resources_available.ncpus=2,{NOTE}"
        left = "".join(
            f"qmgr obj={name} svr=default: Unknown resource\nqmgr: Error (15035) returned\n"
            for name in ("n8", "n9")
        )
        answers = iter([said(187, stderr=left), said()])
        runner.answer("qmgr", "-c", command, by=answers.__next__)
        server.create_nodes([NewNode("n8", 2, note=PARKED), NewNode("n9", 2, note=PARKED)])
        assert [change[2] for change in runner.changes()] == [
            command,
            "create resource torque_mesos type=string",
            "delete node n8,n9",
            command,
        ]

    def test_what_fails_for_another_reason_is_not_deleted(self, server, runner):
        """Of a wrong attribute the server complains before it sees that a node exists."""
        text = "qmgr obj=n9 svr=default: Undefined attribute\nqmgr: Error (15002) returned\n"
        runner.answer(
            "qmgr", "-c", "create node n8,n9 resources_available.ncpus=2", by=said(154, stderr=text)
        )
        with pytest.raises(Refused, match=r"^n9: Undefined attribute$"):
            server.create_nodes([NewNode("n8", 2), NewNode("n9", 2)])
        assert not any("delete" in change[2] for change in runner.changes())

    def test_who_may_not_is_told(self, server, runner):
        runner.answer("qmgr", "-c", by=recorded("qmgr-create-not-allowed"))
        with pytest.raises(Refused, match="n3: Unauthorized Request"):
            server.create_nodes([NewNode("n3", 2)])

    @pytest.mark.parametrize(
        "node",
        [
            NewNode("n1 np=3", 2),
            NewNode("n1", 2, note='a"b'),
            NewNode("n1", 2, frozenset({"a.b"})),
            NewNode("n1", 2, frozenset({"ncpus"})),
            NewNode("n1", 2, frozenset({"torque_mesos"})),
            NewNode("n1", 0),
        ],
    )
    def test_what_is_unsafe_gets_nowhere_near_qmgr(self, server, runner, node):
        with pytest.raises(Refused):
            server.create_nodes([node])
        assert runner.changes() == []

    def test_nothing_is_nothing(self, server, runner):
        server.create_nodes([])
        assert runner.asked == []
