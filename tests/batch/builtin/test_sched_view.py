"""Which jobs a scheduling cycle is told of."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from torque_mesos.batch.builtin.records import QUEUED, RUNNING, Node
from torque_mesos.batch.builtin.sched_view import SchedulerView


def _job(number: int, state: str = QUEUED) -> Any:
    return SimpleNamespace(
        job_id=f"{number}.head",
        rank=number,
        state=state,
        queue="batch",
        user="ann",
        group="people",
        comment="",
        resources={"neednodes": "1"},
    )


@pytest.fixture
def state() -> Any:
    node = Node("n1", np=2, down=False, offline=False, list_unsent=False)
    jobs = [_job(number) for number in (3, 1, 2)]
    return SimpleNamespace(
        nodes={"n1": node},
        jobs={job.job_id: job for job in jobs},
        queues={"batch": {"started": "True"}},
        attributes={},
        nodect=0,
        touched={job.job_id for job in jobs},
    )


def _seen(view: SchedulerView) -> list[str]:
    return [job[0] for job in view.take()["jobs"]]


def test_the_first_cycle_sees_all_queued_jobs_in_order(state: Any) -> None:
    state.touched.clear()
    state.jobs["2.head"].state = RUNNING
    assert _seen(SchedulerView(state)) == ["1.head", "3.head"]


def test_the_next_sees_what_is_new_or_changed(state: Any) -> None:
    view = SchedulerView(state)
    view.take()
    assert _seen(view) == []
    state.jobs["4.head"] = _job(4)
    state.touched |= {"4.head", "1.head", "9.head"}
    assert _seen(view) == ["1.head", "4.head"]
    assert _seen(view) == []


def _take_a_slot(state: Any) -> None:
    state.nodes["n1"].take("7.head", 1)


def _go_offline(state: Any) -> None:
    state.nodes["n1"].offline = True


@pytest.mark.parametrize("change", [_take_a_slot, _go_offline])
def test_fewer_slots_make_no_old_job_fit(state: Any, change: Callable[[Any], None]) -> None:
    view = SchedulerView(state)
    view.take()
    change(state)
    assert _seen(view) == []


def _np(state: Any) -> None:
    state.nodes["n1"].set_np(1)


def _property(state: Any) -> None:
    state.nodes["n1"].properties.append("fat")


def _new_node(state: Any) -> None:
    state.nodes["n2"] = Node("n2")


def _gone(state: Any) -> None:
    del state.nodes["n1"]


def _setting(state: Any) -> None:
    state.attributes = dict(state.attributes)


def _queue(state: Any) -> None:
    state.queues["batch"] = dict(state.queues["batch"])


def _nodect(state: Any) -> None:
    state.nodect = 1000


@pytest.mark.parametrize("change", [_np, _property, _new_node, _gone, _setting, _queue, _nodect])
def test_what_may_let_an_old_job_run_or_end_it_shows_all(
    state: Any, change: Callable[[Any], None]
) -> None:
    view = SchedulerView(state)
    view.take()
    change(state)
    assert _seen(view) == ["1.head", "2.head", "3.head"]


def test_slots_that_are_given_back_show_all(state: Any) -> None:
    state.nodes["n1"].take("7.head", 2)
    view = SchedulerView(state)
    view.take()
    state.nodes["n1"].release("7.head")
    assert _seen(view) == ["1.head", "2.head", "3.head"]
    view.forget()
    assert _seen(view) == ["1.head", "2.head", "3.head"]


def test_slots_of_a_job_that_began_and_ended_since_show_all(state: Any) -> None:
    view = SchedulerView(state)
    view.take()
    node = state.nodes["n1"]
    started = state.jobs["1.head"]
    started.hosts = [("n1", node.take("1.head", 2))]
    started.state = RUNNING
    view.started(started)
    assert _seen(view) == []
    node.release("1.head")
    assert _seen(view) == ["2.head", "3.head"]


def test_with_limits_every_cycle_sees_all_queued_jobs(state: Any) -> None:
    state.attributes["max_user_run"] = "1"
    view = SchedulerView(state)
    assert _seen(view) == _seen(view) == ["1.head", "2.head", "3.head"]
