from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.batch.recorded import recorded
from torque_mesos.batch.base import UnreadableAnswer
from torque_mesos.batch.openpbs_queues import parse_queues, parse_server
from torque_mesos.batch.run_limits import limits_of, openpbs_limits, pbs_sched_limits, run_limits
from torque_mesos.batch.torque_attributes import parse_attributes
from torque_mesos.model import RunLimit, Whose


def test_the_limits_of_torque() -> None:
    attributes = {"max_running": "40", "max_user_run": "2", "max_group_run": "9", "max_queuable": 3}
    assert run_limits(attributes) == (
        RunLimit(Whose.ALL, 40, None, "max_running"),
        RunLimit(Whose.USER, 2, None, "max_user_run"),
        RunLimit(Whose.GROUP, 9, None, "max_group_run"),
    )


def test_the_limits_of_openpbs() -> None:
    text = '[u:PBS_GENERIC=2],[u:alice=5], [g:"my staff"=9],[p:p1=0],[o:PBS_ALL=40]'
    assert run_limits({"max_run": text}) == (
        RunLimit(Whose.USER, 2, None, "max_run"),
        RunLimit(Whose.USER, 5, "alice", "max_run"),
        RunLimit(Whose.GROUP, 9, "my staff", "max_run"),
        RunLimit(Whose.PROJECT, 0, "p1", "max_run"),
        RunLimit(Whose.ALL, 40, None, "max_run"),
    )


def test_the_limits_of_openpbs_on_resources() -> None:
    attributes = {"max_run_res.ncpus": "[u:PBS_GENERIC=4]", "max_run_res.mem": "[o:PBS_ALL=8gb]"}
    assert run_limits(attributes) == (
        RunLimit(Whose.USER, 4, None, "max_run_res.ncpus", "ncpus"),
        RunLimit(Whose.ALL, 8 * 1024**2, None, "max_run_res.mem", "mem"),
    )


def test_what_openpbs_lets_the_jobs_of_a_queue_or_server_ask_for_together() -> None:
    attributes = {
        "resources_available.ncpus": "16",
        "resources_available.mem": "64gb",
        "resources_available.arch": "linux",
        "resources_max.ncpus": "8",
        "resources_assigned.ncpus": "3",
        "max_run": "[o:PBS_ALL=40]",
    }
    assert set(openpbs_limits(attributes)) == {
        RunLimit(Whose.ALL, 40, None, "max_run"),
        RunLimit(Whose.ALL, 16, None, "resources_available.ncpus", "ncpus"),
        RunLimit(Whose.ALL, 64 * 1024**2, None, "resources_available.mem", "mem"),
    }
    with pytest.raises(UnreadableAnswer, match=r"resources_available\.mem = 'much' is no amount"):
        openpbs_limits({"resources_available.mem": "much"})


def test_the_limits_that_an_openpbs_tells_of() -> None:
    """It gives each limit of a list its own key, all of them the same."""
    server = parse_server(recorded("qstat-server-limits", "openpbs").stdout)
    assert set(run_limits(server)) == {
        RunLimit(Whose.ALL, 40, None, "max_run"),
        RunLimit(Whose.USER, 5, None, "max_run"),
        RunLimit(Whose.USER, 2, "alice", "max_run"),
        RunLimit(Whose.GROUP, 3, "bob", "max_run"),
        RunLimit(Whose.PROJECT, 9, "_pbs_project_default", "max_run"),
        RunLimit(Whose.USER, 4, None, "max_run_res.ncpus", "ncpus"),
        RunLimit(Whose.ALL, 64, None, "max_run_res.ncpus", "ncpus"),
        RunLimit(Whose.USER, 8 * 1024**2, None, "max_run_res.mem", "mem"),
        RunLimit(Whose.USER, 1500 * 1024, "alice", "max_run_res.mem", "mem"),
    }
    queues = parse_queues(recorded("qstat-queues-limits", "openpbs").stdout)
    assert {queue.name: queue.run_limits for queue in queues} == {
        "workq": (),
        "lim": (
            RunLimit(Whose.USER, 1, None, "max_run"),
            RunLimit(Whose.ALL, 3, None, "max_run_res.ncpus", "ncpus"),
            RunLimit(Whose.ALL, 6, None, "resources_available.ncpus", "ncpus"),
        ),
    }


def test_the_limits_of_pbs_sched_on_resources_are_those_it_looks_at() -> None:
    (_, attributes), *_ = parse_attributes(recorded("qstat-queue-limits").stdout, "Queue")
    assert limits_of(attributes, pbs_sched=True) == (
        RunLimit(Whose.ALL, 500 * 1024, None, "resources_available.mem", "mem"),
        RunLimit(Whose.ALL, 9, None, "resources_available.nodect", "nodect"),
    )
    assert limits_of(attributes, pbs_sched=False) == ()
    both = {"resources_available.mem": "2gb", "resources_max.mem": "1gb", "resources_max.ncpus": 3}
    assert pbs_sched_limits(both) == (
        RunLimit(Whose.ALL, 2 * 1024**2, None, "resources_available.mem", "mem"),
        RunLimit(Whose.ALL, 3, None, "resources_max.ncpus", "ncpus", one_job=True),
    )
    assert pbs_sched_limits({"resources_max.walltime": "01:00:00"}) == ()
    with pytest.raises(UnreadableAnswer, match=r"resources_max\.mem = 'much'"):
        pbs_sched_limits({"resources_max.mem": "much"})


def test_nothing_set_is_no_limit() -> None:
    assert run_limits({"queue_type": "Execution"}) == ()


@pytest.mark.parametrize(
    "attributes",
    [
        {"max_user_run": "two"},
        {"max_run": "[u:PBS_GENERIC]"},
        {"max_run": "[x:a=1]"},
        {"max_run": "[u:a=1gb]"},
        {"max_run_res.mem": "[u:a=lots]"},
    ],
)
def test_a_limit_that_cannot_be_read_is_never_none(attributes: dict[str, str]) -> None:
    with pytest.raises(UnreadableAnswer, match=next(iter(attributes))):
        run_limits(attributes)


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        run_limits({"max_run": text})
    except UnreadableAnswer as error:
        assert "max_run" in str(error)
