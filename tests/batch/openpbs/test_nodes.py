import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.batch.recorded import recorded
from torque_mesos.batch.openpbs_nodes import NodeRecord, parse_nodes, with_slots
from torque_mesos.model import Node, NodeState

NODES = recorded("pbsnodes-mix", "openpbs").stdout


class TestNodes:
    def test_nodes_with_states_properties_and_jobs(self):
        nodes = {record.node.name: record for record in parse_nodes(NODES).nodes}
        assert nodes["n1"].node.states == {NodeState.JOB_EXCLUSIVE}
        assert nodes["n1"].node.note == "torque-mesos:online"
        assert nodes["n1"].node.np == 2
        assert len(nodes["n1"].jobs) == 2
        assert nodes["n3"].node.states == {NodeState.DOWN, NodeState.UNKNOWN, NodeState.OFFLINE}
        assert nodes["n3"].node.properties == {"fast", "mesos"}

    def test_a_later_version(self):
        nodes = parse_nodes(recorded("later-pbsnodes", "openpbs").stdout)
        assert [record.node.name for record in nodes.nodes] == ["pn1", "vn99", "pn3", "pn4", "pn5"]
        assert nodes.nodes[0].node.np == 0

    def test_an_unknown_node_comes_with_exit_code_0(self):
        nodes = parse_nodes(recorded("later-pbsnodes-unknown", "openpbs").stdout)
        assert nodes.nodes == ()
        assert nodes.unreadable == {"nosuch"}
        assert nodes.problems == ("node nosuch: Unknown node",)

    @pytest.mark.parametrize(
        "word",
        [
            *("free", "offline", "offline_by_mom", "down", "Stale", "job-busy", "job-exclusive"),
            *("resv-exclusive", "busy", "state-unknown", "provisioning", "wait-provisioning"),
            *("maintenance", "initializing", "unresolvable", "sleep"),
        ],
    )
    def test_every_state_of_openpbs_is_known(self, word):
        nodes = parse_nodes(NODES.replace('"state":"job-busy"', f'"state":"{word}"'))
        assert nodes.unreadable == frozenset()
        free = {NodeState.FREE}
        assert (nodes.nodes[0].node.states == free) is (word == "free")

    @pytest.mark.parametrize("word", ["Stale", "unresolvable", "sleep", "down"])
    def test_a_node_that_cannot_be_heard_is_down(self, word):
        nodes = parse_nodes(NODES.replace('"state":"job-busy"', f'"state":"{word}"'))
        assert nodes.nodes[0].node.states == {NodeState.DOWN}

    def test_a_node_that_cannot_be_read_is_named(self):
        nodes = parse_nodes(NODES.replace('"state":"job-busy"', '"state":"odd"', 1))
        assert nodes.unreadable == {"n1"}
        assert len(nodes.nodes) == 2

    def test_a_comment_that_is_not_json(self):
        text = NODES.replace('"comment":"torque-mesos:parked"', '"comment":+5')
        with pytest.raises(ValueError, match="Expecting value"):
            json.loads(text)
        nodes = parse_nodes(text)
        assert {record.node.name for record in nodes.nodes} == {"n1", "n2", "n3"}
        assert nodes.nodes[2].node.note == "+5"
        assert len(nodes.nodes[0].jobs) == 2

    @pytest.mark.parametrize(
        ("comment", "note"),
        [
            ("", "torque-mesos:online"),  # the server was restarted
            ("node down: communication closed", "torque-mesos:online"),  # the server's own
            ("torque-mesos:online", "torque-mesos:online"),
            ("broken fan", "broken fan"),  # a person's
        ],
    )
    def test_our_note_is_a_resource_and_no_property(self, comment, note):
        more = '"fast":"True",\n"torque_mesos":"torque-mesos:online",\n'
        text = NODES.replace('"fast":"True",', more)
        text = text.replace('"comment":"torque-mesos:parked"', f'"comment":"{comment}"')
        (node,) = (r.node for r in parse_nodes(text).nodes if r.node.name == "n3")
        assert node.note == note
        assert node.properties == {"fast", "mesos"}

    def test_a_node_that_was_never_heard_is_down(self):
        """A record that was set offline is `state-unknown,offline`, and not called down."""
        nodes = parse_nodes(NODES.replace('"state":"job-busy"', '"state":"state-unknown,offline"'))
        assert NodeState.DOWN in nodes.nodes[0].node.states

    def test_resources_are_words(self):
        more = '"fast":"True",\n"slow":"False",\n"pool":"gold,lead",\n"ngpus":2,\n'
        text = NODES.replace('"fast":"True",', more)
        (node,) = (r.node for r in parse_nodes(text).nodes if r.node.name == "n3")
        assert node.properties == {
            *("fast", "mesos", "pool=gold", "pool=lead"),
            *("ngpus>=1", "ngpus>=2"),
        }


def record(jobs: tuple[str, ...], assigned: int) -> NodeRecord:
    return NodeRecord(Node("n1", frozenset({NodeState.FREE}), 8), jobs, assigned)


class TestSlots:
    def test_each_job_has_indexes_by_its_cpus_there(self):
        node = with_slots(record(("1.h", "2.h"), 3), {"1.h": {"n1": 2, "n2": 9}, "2.h": {"n1": 1}})
        assert dict(node.slots) == {0: "1.h", 1: "1.h", 2: "2.h"}

    def test_a_job_without_cpus_holds_one_slot(self):
        assert dict(with_slots(record(("1.h",), 0), {"1.h": {"n1": 0}}).slots) == {0: "1.h"}

    def test_a_job_of_which_nothing_is_known_has_what_is_left(self):
        node = with_slots(record(("1.h", "2.h"), 5), {"1.h": {"n1": 2}})
        assert dict(node.slots) == {0: "1.h", 1: "1.h", 2: "2.h", 3: "2.h", 4: "2.h"}

    @given(
        st.lists(st.integers(1, 9), unique=True, max_size=6),
        st.dictionaries(st.integers(1, 9), st.integers(0, 5)),
        st.integers(0, 40),
    )
    def test_no_job_of_a_node_is_lost(self, jobs, cpus, assigned):
        ids = tuple(f"{n}.h" for n in jobs)
        node = with_slots(record(ids, assigned), {f"{n}.h": {"n1": c} for n, c in cpus.items()})
        assert node.jobs == set(ids)
        assert sorted(node.slots) == list(range(len(node.slots)))
