from __future__ import annotations

import time
from pathlib import Path

import pytest

from torque_mesos.batch.builtin.accounting import Accounting
from torque_mesos.batch.builtin.home import LogFile
from torque_mesos.batch.builtin.install import install
from torque_mesos.batch.builtin.rotation import LOGS, Limits, limits, prune

DAY_S = 86400
BEGIN = 1_800_000_000.0


class Clock:
    now = BEGIN

    def __call__(self) -> float:
        return self.now


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def test_three_years_of_logs_stay_below_the_limits(tmp_path: Path) -> None:
    clock = Clock()
    log = LogFile(str(tmp_path), "pbs_server", "", {"log_days": 10, "log_mb": 0.1}, clock)
    for _ in range(3 * 365):
        for _ in range(30):
            log.write("x" * 300)
        clock.now += DAY_S
        assert size(tmp_path) <= 150_000
    assert len(list(tmp_path.iterdir())) <= 11
    assert time.strftime("%Y%m%d", time.localtime(clock.now - DAY_S)) in {
        path.name for path in tmp_path.iterdir()
    }


def test_one_day_of_very_much_stays_below_them_too(tmp_path: Path) -> None:
    log = LogFile(str(tmp_path), "pbs_server", "", {"log_mb": 0.1}, Clock())
    for number in range(3000):
        log.write(f"{number} " + "x" * 300)
    assert size(tmp_path) <= 130_000
    today = tmp_path / time.strftime("%Y%m%d", time.localtime(BEGIN))
    assert "2999 x" in today.read_text()


def test_the_one_file_of_a_mom_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "mom.log"
    log = LogFile(str(tmp_path), "pbs_mom", str(path), {"log_mb": 0.1})
    for number in range(1000):
        log.write(f"{number} " + "x" * 300)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["mom.log", "mom.log.1"]
    assert size(tmp_path) <= 60_000
    assert "999 x" in path.read_text()


def test_three_years_of_accounting_keep_the_days_that_are_asked_for(tmp_path: Path) -> None:
    clock = Clock()
    accounting = Accounting(str(tmp_path), Limits(90, 1), clock)
    for number in range(3 * 365):
        accounting.write("Q", f"{number}.head", "queue=batch")
        clock.now += DAY_S
    days = sorted(path.name for path in tmp_path.iterdir())
    assert len(days) == 91
    assert days[-1] == time.strftime("%Y%m%d", time.localtime(clock.now - DAY_S))


def test_what_is_no_day_is_left_alone(tmp_path: Path) -> None:
    for name in ("20200101", "20200101.1", "20200101.gz", "notes", "mom.log"):
        (tmp_path / name).write_text("x")
    assert prune(str(tmp_path), LOGS, BEGIN) == ["20200101.1", "20200101"]
    assert {path.name for path in tmp_path.iterdir()} == {"20200101.gz", "notes", "mom.log"}


@pytest.mark.parametrize("settings", [{"log_days": 0}, {"log_mb": -1}, {"log_days": "x"}])
def test_impossible_limits_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"log_days|invalid literal"):
        limits(settings, "log", LOGS)


def test_limits_that_are_set_outlive_a_new_installation(tmp_path: Path) -> None:
    installed = install(tmp_path / "home", server_name="head")
    file = installed.home / "server_priv" / "builtin.json"
    file.write_text(file.read_text().replace("{", '{"log_days": 3, ', 1))
    install(tmp_path / "home", server_name="head", delay_scale=0.5)
    assert '"log_days": 3' in file.read_text()
    assert '"delay_scale": 0.5' in file.read_text()
