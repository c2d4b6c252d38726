"""Traps of TORQUE's that no other test is about (docs/traps.md has them all)."""

import re
import threading

import pytest

from tests.batch.recorded import recorded, said
from torque_mesos.batch.base import NewNode, Refused
from torque_mesos.batch.torque_xml import parse_nodes
from torque_mesos.model import JobState, NodeState

MIX = recorded("pbsnodes-x-mix").stdout


def test_what_a_mom_reports_of_states_and_jobs_is_not_believed():
    """`<status>` has its own `state=` and `jobs=`: the mom's view, and an old one."""
    assert ",state=free," in MIX
    other = MIX.replace(",state=free,", ",state=down,offline,").replace(
        "jobs=</status>", "jobs=99.head 98.head</status>"
    )
    assert other != MIX
    assert parse_nodes(other) == parse_nodes(MIX)


def test_a_node_in_part_use_is_free_and_has_jobs():
    text = MIX.replace("<state>job-exclusive</state>", "<state>free</state>")
    nodes = {node.name: node for node in parse_nodes(text).nodes}
    assert nodes["n1"].states == {NodeState.FREE}
    assert nodes["n1"].jobs == {"1.head", "9[0].head"}


@pytest.mark.parametrize("word", ["job-sharing", "busy", "reserve", "state-unknown"])
def test_states_that_the_server_has_and_was_never_seen_in_are_read(word):
    text = MIX.replace("<state>down</state>", f"<state>{word},offline</state>")
    nodes = parse_nodes(text)
    assert nodes.unreadable == frozenset()
    assert {node.name: node for node in nodes.nodes}["n13"].states == {
        NodeState(word),
        NodeState.OFFLINE,
    }


def test_jobs_without_ranges_as_of_4_2_are_read():
    text = re.sub("<jobs>0-1/2.head</jobs>", "<jobs>0/2.head, 1/2.head</jobs>", MIX)
    assert text != MIX
    assert parse_nodes(text) == parse_nodes(MIX)


def test_jobs_that_are_over_are_listed_for_a_while_and_are_over(server):
    over = [job for job in server.read().jobs if job.state is JobState.COMPLETE]
    assert over
    assert all(job.exit_status is not None for job in over)


def test_a_hierarchy_file_that_forbids_records_is_told(server, runner):
    runner.answer("qmgr", by=recorded("qmgr-create-mom-hierarchy"))
    with pytest.raises(Refused, match="if there is a mom_hierarchy file"):
        server.create_nodes([NewNode("tcpa", 1)])
    text = "<Data><Node><name>n1</name><state>down</state><np>2</np></Node></Data>"
    runner.answer("pbsnodes", "-x", "n1", by=said(stdout=text))
    runner.answer("qmgr", by=recorded("qmgr-delete-mom-hierarchy"))
    with pytest.raises(Refused, match="if there is a mom_hierarchy file"):
        server.delete_node("n1")


def test_each_change_is_a_command_of_its_own(server, runner):
    """Of a session only the last command's exit code is known, and which one failed is not."""
    server.create_nodes([NewNode(f"n{number}", 2) for number in range(30, 34)])
    assert all(command[:2] == ("qmgr", "-c") for command in runner.asked)
    assert sorted(command[2].split()[2] for command in runner.asked) == [
        *("n30", "n31", "n32", "n33")
    ]


def test_few_commands_run_side_by_side(server, runner):
    """Of some hundred at once the server fails most."""
    lock, now, most = threading.Lock(), [0], [0]

    def answer():
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        threading.Event().wait(0.002)
        with lock:
            now[0] -= 1
        return said()

    runner.answer("qmgr", by=answer)
    server.create_nodes([NewNode(f"n{number}", 2) for number in range(60)])
    assert len(runner.asked) == 60
    assert 1 < most[0] <= 25
