"""No wake of the scheduler is lost, whenever in a cycle it comes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.batch.builtin.test_sched_view import _job
from torque_mesos.batch.builtin.records import Node
from torque_mesos.batch.builtin.sched_link import SchedulerLink


class Scheduler:
    """A pbs_sched that is told of cycles."""

    closed = False

    def __init__(self) -> None:
        self.told: list[str] = []

    def send(self, message: dict[str, Any]) -> None:
        self.told += [message["cycle"]] if "cycle" in message else []


@pytest.fixture
def state() -> Any:
    touched: set[str] = set()
    return SimpleNamespace(
        nodes={"n1": Node("n1", np=2, down=False, offline=False, list_unsent=False)},
        jobs={"1.head": _job(1), "2.head": _job(2)},
        queues={"batch": {"started": "True"}},
        attributes={"scheduling": "True"},
        nodect=0,
        touched=touched,
        save_job=lambda job: touched.add(job.job_id),
        number=lambda _name, usual: usual,
        loop=SimpleNamespace(call_later=lambda _delay, _then: None),
    )


@pytest.fixture
def link(state: Any) -> SchedulerLink:
    return SchedulerLink(state, SimpleNamespace())  # type: ignore[arg-type]


def _attached(link: SchedulerLink) -> Scheduler:
    scheduler = Scheduler()
    link.attach(scheduler)  # type: ignore[arg-type]
    return scheduler


def test_wakes_within_a_cycle_lead_to_one_more(link: SchedulerLink) -> None:
    scheduler = _attached(link)
    link.kick("job submitted")
    link.kick("job ended")
    assert scheduler.told == ["scheduler started"]
    link.done()
    assert scheduler.told == ["scheduler started", "job submitted"]
    link.done()
    link.done()
    assert scheduler.told == ["scheduler started", "job submitted"]


def test_a_wake_without_a_scheduler_waits_for_one(link: SchedulerLink) -> None:
    link.kick("job submitted")
    assert _attached(link).told == ["job submitted"]


def test_a_wake_in_the_cycle_of_a_scheduler_that_dies_is_the_next_ones(
    link: SchedulerLink,
) -> None:
    first = _attached(link)
    link.kick("job submitted")
    first.closed = True
    assert _attached(link).told == ["job submitted"]


def test_without_scheduling_there_are_no_wakes(link: SchedulerLink, state: Any) -> None:
    state.attributes["scheduling"] = "False"
    scheduler = _attached(link)
    link.kick("job submitted")
    link.done()
    assert scheduler.told == []


def _looked_at(link: SchedulerLink) -> list[str]:
    return [job[0] for job in link.view.take()["jobs"]]


def test_a_job_that_is_changed_before_its_comment_comes_is_looked_at_again(
    link: SchedulerLink, state: Any
) -> None:
    assert _looked_at(link) == ["1.head", "2.head"]
    state.jobs["1.head"].resources = {"neednodes": "1"}
    state.save_job(state.jobs["1.head"])  # `qalter` between the view and what came of it
    for job in state.jobs.values():
        link.act(job, {"do": "comment", "comment": "Not Running: ..."})
    assert _looked_at(link) == ["1.head"]
    assert _looked_at(link) == []
