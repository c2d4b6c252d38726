from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torque_mesos.batch.base import UnreadableAnswer
from torque_mesos.batch.run_limits import run_limits
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


def test_nothing_set_is_no_limit() -> None:
    assert run_limits({"queue_type": "Execution"}) == ()


@pytest.mark.parametrize(
    "attributes",
    [{"max_user_run": "two"}, {"max_run": "[u:PBS_GENERIC]"}, {"max_run": "[x:a=1]"}],
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
