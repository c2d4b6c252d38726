from __future__ import annotations

from pathlib import Path

import pytest

from torque_mesos.decide.budget import Spending, Spent
from torque_mesos.framework.spending import NAME, SpendingFile
from torque_mesos.model import frozen_map

SPENT = Spending(
    1000.0,
    frozen_map({"": Spent(20780, 1.5, 24323, 9.25), "gpu": Spent(1, 1, 1, 1)}),
    pools=frozen_map({"a-1": "gpu"}),
    began=frozen_map({"7.head": 990.5}),
)


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    SpendingFile(tmp_path).keep(SPENT)
    assert SpendingFile(tmp_path).read() == SPENT
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_no_file_is_nothing_spent(tmp_path: Path) -> None:
    assert SpendingFile(tmp_path).read() == Spending()


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"at": 1}', '{"at": "1", "spent": {}}', '{"at": NaN, "spent": {}}',
     '{"at": 1, "spent": {"": {"day": 1, "in_day": -1, "month": 1, "in_month": 1}}}',
     '{"at": 1, "spent": {"": {"day": 1}}}', '{"at": 1, "spent": 3}', "\udcff",
     '{"at": 1, "spent": {}, "pools": 3}', '{"at": 1, "spent": {}, "began": {"7": "x"}}'],
)  # fmt: skip
def test_a_file_that_cannot_be_read_says_so_and_is_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / NAME
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    before = path.read_bytes()
    file = SpendingFile(tmp_path)
    read = file.read()
    assert NAME in read.unknown
    assert "delete it" in read.unknown
    file.keep(read.until(5000.0, 0.0, {"": 1.0}), now=True)
    assert path.read_bytes() == before


def test_it_is_written_now_and_then_and_at_the_end(tmp_path: Path) -> None:
    file = SpendingFile(tmp_path)
    rates = {"": 3600.0}
    begun = Spending().until(1000.0, 0.0, rates)
    file.keep(begun.until(1001.0, 0.0, rates))
    file.keep(begun.until(1009.0, 0.0, rates))
    assert file.read().of("", 1009.0, 0.0) == (1.0, 1.0)
    file.keep(begun.until(1011.0, 0.0, rates))
    assert file.read().of("", 1011.0, 0.0) == (11.0, 11.0)
    file.keep(begun.until(1012.0, 0.0, rates), now=True)
    assert file.read().of("", 1012.0, 0.0) == (12.0, 12.0)


def test_nothing_is_written_where_nothing_costs(tmp_path: Path) -> None:
    SpendingFile(tmp_path).keep(Spending(), now=True)
    SpendingFile(tmp_path).keep(Spending().until(5.0, 0.0, {"": 0.0}), now=True)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_a_problem(tmp_path: Path) -> None:
    file = SpendingFile(tmp_path / "none")
    file.keep(SPENT)
    assert "cannot be written" in (file.problem or "")
    (tmp_path / "none").mkdir()
    file.keep(SPENT)
    assert file.problem is None


def test_a_file_without_pools_is_read(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text('{"at": 1000, "spent": {}}', encoding="utf-8")
    assert SpendingFile(tmp_path).read() == Spending(1000.0)
