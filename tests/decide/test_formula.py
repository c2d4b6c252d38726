from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torque_mesos.decide.formula import Formula, FormulaError, amount

RESOURCES = {"ncpus": "4", "mem": "2gb", "walltime": "01:00:00"}
KNOWN = {"eligible_time": 120.0, "job_priority": 3.0, "queue_priority": 10.0}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("job_priority", 3.0),
        ("10 * queue_priority + eligible_time", 220.0),
        ("ncpus * walltime", 14400.0),
        ("mem / 1024", 2048.0),
        ("-job_priority ** 2", -9.0),
        ("max(ncpus, job_priority, 7)", 7.0),
        ("ngpus + 1", 1.0),
        ("1 / ngpus", 0.0),
        ("10 ** 10 ** 10", 0.0),
        ("sqrt(0 - 1)", 0.0),
    ],
)
def test_values(text: str, value: float) -> None:
    assert Formula.parse(text).value(KNOWN, RESOURCES) == value


@pytest.mark.parametrize(
    "text",
    ["", "1 +", "__import__('os')", "a.b", "[1]", "'x'", "fairshare_perc", "f(1)", "max()", "a < b",
     "True", "max(1, key=2)", "lambda: 1"],
)  # fmt: skip
def test_what_is_no_formula(text: str) -> None:
    with pytest.raises(FormulaError):
        Formula.parse(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [("4", 4.0), ("2mb", 2048.0), ("1b", 1 / 1024), ("3kw", 24.0), ("00:01:30", 90.0), ("x", 0.0)],
)
def test_amounts(text: str, value: float) -> None:
    assert amount(text) == value


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        formula = Formula.parse(text)
    except FormulaError:
        return
    assert isinstance(formula.value(KNOWN, RESOURCES), float)
