import itertools

import pytest

from tests.batch.recorded import FakeRunner
from tests.batch.recorded import recorded as recorded_of
from torque_mesos.batch.base import (
    BatchServer,
    InvalidName,
    NewNode,
    Refused,
    ServerUnreachable,
    UnreadableAnswer,
)
from torque_mesos.batch.commands import Answer
from torque_mesos.batch.openpbs import OpenPbsServer
from torque_mesos.batch.openpbs_commands import PacedRunner
from torque_mesos.batch.openpbs_settings import BURST, CALLS_A_SECOND, OpenPbsSettings
from torque_mesos.model import NodeState, Queue

WAKE = ("qmgr", "-c", "set server scheduling=True")
PARKED = "torque-mesos:parked"
NOTE = f'comment="{PARKED}",resources_available.torque_mesos="{PARKED}"'


def recorded(name: str) -> Answer:
    return recorded_of(name, "openpbs")


def said(exit_code: int = 0, stdout: str = "", stderr: str = "") -> Answer:
    return Answer(("x",), exit_code, stdout, stderr)


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def runner() -> FakeRunner:
    fake = FakeRunner()
    fake.answer("qstat", "-t", "-f", by=recorded("qstat-mix"))
    fake.answer("pbsnodes", "-av", by=recorded("pbsnodes-mix"))
    fake.answer("qstat", "-Q", "-f", by=recorded("qstat-queues"))
    fake.answer("qstat", "-B", "-f", by=recorded("qstat-server"))
    fake.answer("qmgr", "-c", "list resource", by=recorded("list-resource"))
    return fake


@pytest.fixture
def server(runner, clock, tmp_path) -> BatchServer:
    return OpenPbsServer(OpenPbsSettings(home=tmp_path), runner, clock=clock)


def states(server: BatchServer) -> dict[str, frozenset[NodeState]]:
    return {node.name: node.states for node in server.read().nodes}


def node_list(**states: str) -> Answer:
    nodes = ",".join(f'"{name}":{{"state":"{state}"}}' for name, state in states.items())
    return said(stdout=f'{{"pbs_server":"head","nodes":{{{nodes}}}}}')


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

    def test_a_rerun_is_the_servers_business(self, server, runner):
        """A job that `qrerun -W force` takes from a dead mom is never run again."""
        server.rerun("12[3].head")
        assert runner.changes() == []

    @pytest.mark.parametrize("value", ["0", "-1"])
    def test_a_server_that_does_not_run_jobs_again_is_told(self, server, runner, value):
        text = recorded("qstat-server").stdout.replace(
            '"node_fail_requeue":310', f'"node_fail_requeue":{value}'
        )
        runner.answer("qstat", "-B", "-f", by=said(stdout=text))
        with pytest.raises(Refused, match=f"12.head stays on its lost node.* is {value}"):
            server.rerun("12.head")

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

    @pytest.mark.parametrize("job", ["1;reboot", "", "-W", "9[].head"])
    def test_a_strange_job_id(self, server, runner, job):
        with pytest.raises(InvalidName):
            server.rerun(job)
        assert runner.asked == []


class TestPrepare:
    def test_a_server_that_is_right_is_left_alone(self, runner, tmp_path):
        settings = OpenPbsSettings(home=tmp_path, node_fail_requeue_s=310)
        OpenPbsServer(settings, runner).prepare(["workq"], 100)
        assert runner.changes() == [("qmgr", "-c", "list resource")]

    def test_what_the_settings_ask_for(self, runner, tmp_path):
        settings = OpenPbsSettings(home=tmp_path, node_fail_requeue_s=60)
        OpenPbsServer(settings, runner).prepare([], 100)
        assert [command[2] for command in runner.changes()] == [
            "set server node_fail_requeue=60",
            "list resource",
        ]

    @pytest.mark.parametrize(
        ("now", "longest", "then"),
        [("0", 60, "60"), ("-5", 60, "60"), ("30", 60, None), ("310", 1, "20"), ("5", 60, None)],
    )
    def test_jobs_do_not_stay_on_lost_nodes(self, runner, tmp_path, now, longest, then):
        text = recorded("qstat-server").stdout.replace('requeue":310', f'requeue":{now}')
        runner.answer("qstat", "-B", "-f", by=said(stdout=text))
        OpenPbsServer(OpenPbsSettings(home=tmp_path, node_fail_requeue_s=longest), runner).prepare(
            [], 100
        )
        set_to = [c[2].partition("requeue=")[2] for c in runner.changes() if "requeue" in c[2]]
        assert set_to == ([then] if then else [])

    def test_a_queue_that_is_missing(self, server, runner, tmp_path):
        with pytest.raises(Refused, match="elastic"):
            server.prepare(["elastic"], 100)
        allowed = OpenPbsSettings(home=tmp_path, create_queue=True)
        OpenPbsServer(allowed, runner).prepare(["elastic"], 100)
        assert runner.changes()[0][2].startswith("create queue elastic ")

    def test_resources_that_the_scheduler_does_not_look_at_are_told(self, server, runner, tmp_path):
        resources = (
            "Resource fast\n    type = boolean\n    flag = h\n\n"
            "Resource pool\n    type = string\n    flag = h\n\n"
            "Resource ngpus\n    type = long\n    flag = hn\n\n"
            "Resource total\n    type = long\n"
        )
        runner.answer("qmgr", "-c", "list resource", by=said(stdout=resources))
        (tmp_path / "sched_priv").mkdir()
        config = tmp_path / "sched_priv" / "sched_config"
        config.write_text('# resources: "pool"\nresources: "ncpus, mem, host, vnode, ngpus"\n')
        server.prepare([], 100)
        (problem,) = server.read().problems
        assert "pool" in problem
        assert str(config) in problem


class TestTraits:
    def test_openpbs_needs_no_capacity_record_and_parks(self, server):
        assert server.traits.capacity_record is None
        assert server.traits.parking


class TestPace:
    """512 privileged ports, each away for 60 s: above eight calls a second all calls hang."""

    def test_a_burst_is_free_and_then_calls_wait_their_turn(self):
        clock = Clock()
        waits: list[float] = []

        def sleep(seconds: float) -> None:
            waits.append(seconds)
            clock.now_s += seconds

        paced = PacedRunner(FakeRunner(), 6.0, 10, clock=clock, sleep=sleep)
        for _ in range(70):
            paced.run(["qstat"], timeout_s=1)
        assert len(waits) == 60
        assert clock.now_s - 1000.0 == pytest.approx(10.0)

    def test_no_minute_has_more_than_512_calls(self):
        clock = Clock()
        at: list[float] = []

        def sleep(seconds: float) -> None:
            clock.now_s += seconds

        runner = FakeRunner([((), lambda: (at.append(clock.now_s), said())[1])])
        paced = PacedRunner(runner, CALLS_A_SECOND, BURST, clock=clock, sleep=sleep)
        for _ in range(1000):
            paced.run(["qstat"], timeout_s=1)
        for start, end in itertools.pairwise(at[::419]):
            assert end - start >= 59.9
