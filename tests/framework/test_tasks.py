from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torque_mesos.framework.recipe import Recipe
from torque_mesos.framework.tasks import TaskId, TaskIdError
from torque_mesos.model import Resources
from torque_mesos.mom.settings import MomSettings

HEX = st.text("0123456789abcdef", min_size=1, max_size=8)


@given(
    node=st.from_regex(r"[a-z][a-z0-9.-]{0,30}", fullmatch=True),
    slots=st.integers(0, 10_000),
    cpus=st.integers(1, 10_000_000).map(lambda n: n / 1000),
    mem=st.integers(1, 10_000_000).map(float),
    gpus=st.integers(0, 16),
    generation=HEX,
    nonce=HEX,
)
def test_an_id_gives_back_all_it_holds(
    node: str, slots: int, cpus: float, mem: float, gpus: int, generation: str, nonce: str
) -> None:
    task_id = TaskId(node, slots, Resources(cpus, mem, gpus), generation, nonce)
    assert TaskId.parse(str(task_id)) == task_id


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tm",
        "tm:n1:-1:1:1:a:b",
        "tm:n1:1:1:1:g0:a:b",
        "tm:n1:1:1:1:a",
        "tm:n 1:1:1:1:a:b",
        "x:n1:1:1:1:a:b",
        "tm::",
    ],
)
def test_what_is_not_ours_is_told_apart(text: str) -> None:
    with pytest.raises(TaskIdError, match="tm:NODE:SLOTS"):
        TaskId.parse(text)


@given(st.text("tm:.09a\n ", max_size=40))
def test_any_text_is_refused_or_read_as_what_it_says(text: str) -> None:
    try:
        task_id = TaskId.parse(text)
    except TaskIdError as error:
        assert repr(text) in str(error)
    else:
        assert TaskId.parse(str(task_id)) == task_id


def recipe(**changes: object) -> Recipe:
    values: dict[str, object] = {
        "template": MomSettings(server_host="head", node="template"),
        "share": Resources(0.1, 64),
        "content": "digest",
        "uri": "http://head:1/bundle.tar.gz",
    }
    return Recipe(**{**values, **changes})  # type: ignore[arg-type]


def scalars(entries: list[dict[str, object]]) -> dict[str, float]:
    return {entry["name"]: entry["scalar"]["value"] for entry in entries}  # type: ignore[index,misc]


def test_task_and_executor_together_hold_just_the_grant() -> None:
    task_id, info = recipe().make("n1.cluster.test", "agent", 2, Resources(2, 2048), "fw")
    own, share = scalars(info["resources"]), scalars(info["executor"]["resources"])
    assert own["cpus"] + share["cpus"] == pytest.approx(2)
    assert own["mem"] + share["mem"] == pytest.approx(2048)
    assert info["task_id"]["value"] == str(task_id)
    assert info["executor"]["executor_id"]["value"] == task_id.executor_id
    told = MomSettings.from_data(info["executor"]["data"])
    assert told.node == "n1.cluster.test"


def test_a_generation_is_all_that_differs_between_executors_but_not_their_nodes() -> None:
    same = recipe(template=MomSettings(server_host="head", node="template")).generation
    assert recipe().generation == same
    changes: list[dict[str, object]] = [
        {"content": "another"},
        {"uri": "http://head:2/bundle.tar.gz"},
        {"share": Resources(0.2, 64)},
        {"template": MomSettings(server_host="elsewhere", node="template")},
        {"user": "mom"},
    ]
    for change in changes:
        assert recipe(**change).generation != same


def test_a_further_grant_is_for_the_very_same_executor_and_holds_all_its_slots() -> None:
    first, info = recipe().make("n1", "agent", 1, Resources(1, 1024), "fw")
    second, more = recipe().make("n1", "agent", 2, Resources(2, 2048), "fw", first.executor_id)
    assert more["executor"] == info["executor"]
    assert second.nonce != first.nonce
    assert scalars(more["resources"]) == {"cpus": 2, "mem": 2048}


def test_a_grant_says_what_it_holds_and_nothing_that_it_does_not() -> None:
    first, info = recipe().make("n1", "agent", 1, Resources(1, 1024, 2), "fw")
    assert str(first).startswith("tm:n1:1:1:1024:g2:")
    assert scalars(info["resources"])["gpus"] == 2
    _, memory = recipe().make("n1", "agent", 0, Resources(0, 512), "fw", first.executor_id)
    assert scalars(memory["resources"]) == {"mem": 512}
