"""What is read of `maui.cfg`."""

from __future__ import annotations

from pathlib import Path

import pytest

from torque_mesos.batch.maui_config import maui_scheduling, parse_maui_config
from torque_mesos.batch.scheduler_file import SchedulerFile
from torque_mesos.model import MauiPriority, Scheduling

TEXT = """
# Maui's own names only are known to it: XFactorWeight is not
QUEUETIMEWEIGHT   10   # minutes
XFACTORWEIGHT[0]  100
XFACTORWEIGHT[1]  7
PROCWEIGHT=4
XFactorCap        50
 NODEWEIGHT       9
XFMINWCLIMIT      00:10:00
RMPOLLINTERVAL    00:00:30
RESCAP            many
ENABLENEGJOBPRIORITY TRUE
USERCFG[alice]    MAXJOB=4 PRIORITY=100 QDEF=hi
USERCFG[alice]    FSTARGET=20.0
USERCFG[DEFAULT]  PRIORITY=-5
CLASSCFG[fast]    PRIORITY=1000
NODECFG[n1]       PRIORITY=3
"""


def test_what_is_read() -> None:
    maui = parse_maui_config(TEXT)
    assert maui.numbers == {
        "QUEUETIMEWEIGHT": 10,
        "XFACTORWEIGHT": 100,
        "PROCWEIGHT": 4,
        "XFMINWCLIMIT": 600,
        "ENABLENEGJOBPRIORITY": 1,
    }
    assert maui.given == {"USER": {"alice": 100, "DEFAULT": -5}, "CLASS": {"fast": 1000}}


@pytest.mark.parametrize("text", ["", "#", "[x]", "USERCFG[", "USERCFG[] PRIORITY=1", "A B\0C"])
def test_what_says_nothing(text: str) -> None:
    assert parse_maui_config(text) == MauiPriority()


def test_the_file_is_read_again_when_it_has_changed(tmp_path: Path) -> None:
    config = SchedulerFile(tmp_path / "maui.cfg", maui_scheduling)
    assert config.scheduling() == Scheduling()
    (tmp_path / "maui.cfg").write_text("QUEUETIMEWEIGHT 2\n")
    assert config.scheduling() == Scheduling(maui=parse_maui_config("QUEUETIMEWEIGHT 2"))
    (tmp_path / "maui.cfg").write_text("QUEUETIMEWEIGHT 33\n")
    assert config.scheduling() == Scheduling(maui=parse_maui_config("QUEUETIMEWEIGHT 33"))
