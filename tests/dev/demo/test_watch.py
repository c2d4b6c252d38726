"""The words of the live log."""

from __future__ import annotations

import pytest

from dev.demo.watch import Sample
from torque_mesos.decide.worker import DRAINING_NOTE, PARKED_NOTE
from torque_mesos.model import Job, JobState, Node, NodeState

NAME = "n1.cluster.test"


def sample(*nodes: Node, lent: float = 0, jobs: tuple[Job, ...] = ()) -> Sample:
    return Sample(jobs, nodes, {NAME: lent}, lent * 256)


def node(*states: NodeState, slots: int = 0, note: str = PARKED_NOTE) -> Node:
    return Node(NAME, frozenset(states), 2, slots=dict.fromkeys(range(slots), "1.head"), note=note)


@pytest.mark.parametrize(
    ("record", "lent", "words"),
    [
        (None, 0, "no record"),
        (node(NodeState.OFFLINE, NodeState.DOWN), 0, "parked"),
        (node(NodeState.OFFLINE), 0, "parked"),
        (node(NodeState.OFFLINE, NodeState.DOWN), 2, "starting"),
        (node(NodeState.OFFLINE, note=DRAINING_NOTE), 2, "stopping"),
        (node(NodeState.OFFLINE), 0.1, "stopping"),
        (node(NodeState.OFFLINE, note=DRAINING_NOTE, slots=1), 2, "draining"),
        (node(NodeState.OFFLINE, NodeState.MOM_LIST_NOT_SENT), 0, "registering"),
        (node(NodeState.DOWN), 0, "registering"),
        (node(NodeState.FREE), 2, "2 free"),
        (node(NodeState.FREE, slots=1), 2, "1 of 2 busy"),
        (node(NodeState.JOB_EXCLUSIVE, slots=2), 2, "2 of 2 busy"),
        (node(NodeState.DOWN), 2, "down"),
    ],
)
def test_a_node_in_words(record: Node | None, lent: float, words: str) -> None:
    nodes = () if record is None else (record,)
    assert sample(*nodes, lent=lent).node(NAME) == words


@pytest.mark.parametrize(
    ("letters", "words"),
    [
        ("", "empty"),
        ("CC", "empty"),
        ("Q", "1 waits"),
        ("QHR", "2 wait, 1 runs"),
        ("REC", "2 run"),
    ],
)
def test_the_queue_in_words(letters: str, words: str) -> None:
    jobs = tuple(
        Job(f"{i}.head", "j", "ann@head", "batch", JobState(letter))
        for i, letter in enumerate(letters)
    )
    assert sample(jobs=jobs).queue() == words


def test_a_line_tells_what_is_lent() -> None:
    assert sample().line().endswith("lent: nothing")
    assert sample(lent=2).line().endswith("lent: 2 cpus, 512 MB")
