"""Requests, the search over nodes, and the scheduler's plan."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torque_mesos.batch.builtin.nodespec import (
    BadSpec,
    Choice,
    Chunk,
    choose,
    never,
    node_count,
    parse,
    ranges,
    slot_count,
)
from torque_mesos.batch.builtin.records import Node
from torque_mesos.batch.builtin.scheduler import plan


@dataclass
class Place:
    name: str
    np: int
    free: int
    properties: tuple[str, ...] = ()


def _choose(spec: str, places: list[Place]) -> Choice:
    return choose(
        parse(spec),
        places,
        lambda place: frozenset([place.name, *place.properties]),
        lambda place: place.np,
        lambda place: place.free,
    )


@pytest.mark.parametrize(
    ("spec", "chunks"),
    [
        ("1", [Chunk(1, 1, frozenset())]),
        ("2:ppn=4:fat:x86", [Chunk(2, 4, frozenset({"fat", "x86"}))]),
        ("n1", [Chunk(1, 1, frozenset({"n1"}))]),
        (
            "n1.a.test:ppn=2+3:fat",
            [Chunk(1, 2, frozenset({"n1.a.test"})), Chunk(3, 1, frozenset({"fat"}))],
        ),
        ("2:ppn=2#fat", [Chunk(2, 2, frozenset({"fat"}))]),
    ],
)
def test_specifications(spec: str, chunks: list[Chunk]) -> None:
    assert list(parse(spec)) == chunks


@pytest.mark.parametrize("spec", ["", "0", "1:ppn=x", "1:ppn=0", "abc:ppn=x", "1++2", "1:"])
def test_specifications_that_cannot_be_read(spec: str) -> None:
    with pytest.raises(BadSpec):
        parse(spec)


def test_one_chunk_is_spread_over_different_nodes() -> None:
    # Seen on TORQUE: `nodes=4` is refused where three nodes have six slots.
    places = [Place(f"n{i}", 2, 2) for i in (1, 2, 3)]
    assert _choose("3", places).picked == [(2, 1), (1, 1), (0, 1)]
    refused = _choose("4", places)
    assert refused.picked is None
    assert never(parse("4"), refused.eligible, 6, 0)


def test_two_chunks_may_share_a_node() -> None:
    choice = _choose("1:ppn=1+1:ppn=1", [Place("n1", 2, 2)])
    assert choice.picked == [(0, 2)]


def test_a_full_node_is_eligible_but_not_picked() -> None:
    choice = _choose("1:ppn=2", [Place("n1", 2, 1)])
    assert choice == Choice(1, None)
    assert not never(parse("1:ppn=2"), choice.eligible, 2, 0)


@pytest.mark.parametrize(
    ("eligible", "total", "nodect", "expected"),
    [(1, 4, 0, True), (1, 4, 2, False), (1, 1, 1000, True), (2, 4, 0, False)],
)
def test_never(eligible: int, total: int, nodect: int, expected: bool) -> None:
    assert never(parse("2"), eligible, total, nodect) is expected


@given(
    st.lists(st.tuples(st.integers(1, 8), st.integers(0, 8)), min_size=1, max_size=6),
    st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4)), min_size=1, max_size=3),
)
def test_what_is_picked_fits(nodes: list[tuple[int, int]], asked: list[tuple[int, int]]) -> None:
    places = [Place(f"n{i}", np, min(np, free)) for i, (np, free) in enumerate(nodes)]
    spec = "+".join(f"{count}:ppn={ppn}" for count, ppn in asked)
    choice = _choose(spec, places)
    if choice.picked is None:
        return
    assert sum(count for _, count in choice.picked) == slot_count(parse(spec))
    assert all(count <= places[index].free for index, count in choice.picked)
    assert len({index for index, _ in choice.picked}) == len(choice.picked)
    assert len(choice.picked) >= max(count for count, _ in asked)
    assert node_count(parse(spec)) >= len(choice.picked)


@pytest.mark.parametrize(
    ("indexes", "text"), [([0], "0"), ([1, 0], "0-1"), ([0, 2, 3, 4, 7], "0,2-4,7"), ([], "")]
)
def test_ranges(indexes: list[int], text: str) -> None:
    assert ranges(indexes) == text


def test_slots_forgotten_by_a_lower_np_are_given_twice() -> None:
    node = Node("n1", 4, down=False, offline=False, list_unsent=False)
    assert node.take("a", 4) == [0, 1, 2, 3]
    node.set_np(2)
    node.set_np(4)
    assert node.free_slots == 2
    assert node.take("b", 2) == [2, 3]
    node.release("a")
    assert node.busy == [False] * 4
    assert node.state == "free"


def test_a_plan_keeps_the_order_and_lets_small_jobs_pass() -> None:
    view = {
        "nodes": [["n1", ["n1"], 2, 2], ["n2", ["n2"], 2, 0]],
        "nodect": [0],
        "limits": [],
        "jobs": [
            ["1", "2:ppn=2", "", "", []],
            ["2", "1:ppn=2", "", "", []],
            ["3", "1", "", "", []],
            ["4", "3", "", "", []],
            ["5", "1", "Not Running: Queue not started.", "Not Running: Queue not started.", []],
            ["6", None, "", "", []],
            [
                "7",
                "2:ppn=2",
                "",
                "Not Running: Not enough of the right type of nodes are available",
                [],
            ],
        ],
    }
    orders = [(order["id"], order["do"]) for order in plan(view)]
    assert orders == [
        ("1", "comment"),
        ("2", "run"),
        ("3", "comment"),
        ("4", "delete"),
        ("6", "comment"),
    ]


def test_without_nodes_a_plan_deletes_nothing() -> None:
    assert plan({"nodes": [], "nodect": [0], "limits": [], "jobs": [["1", "5", "", "", []]]}) == []
