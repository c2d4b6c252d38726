"""Daemons under a supervisor: any program will do."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from dev.supervised import Supervised, SupervisedError
from tests.waiting import wait_for


@pytest.fixture
def daemons() -> Iterator[Supervised]:
    with Supervised() as supervised:
        yield supervised


def start(daemons: Supervised, folder: Path, script: str, name: str = "x") -> int:
    return daemons.start(name, ["/bin/sh", "-c", script], dict(os.environ), folder / "log")


def supervisor_of(pid: int) -> psutil.Process:
    parent = psutil.Process(pid).parent()
    assert parent is not None
    return parent


def orphan_of(daemons: Supervised, folder: Path) -> psutil.Process:
    """A process that left its session and its parent, and ignores SIGTERM."""
    left = folder / "left"
    start(daemons, folder, f"setsid -f sh -c 'echo $$ > {left}; trap \"\" TERM; sleep 600'", "y")
    wait_for(lambda: left.exists() and left.read_text().strip(), 60, "the orphan runs")
    return psutil.Process(int(left.read_text()))


def test_tells_how_a_daemon_ended(daemons: Supervised, tmp_path: Path) -> None:
    start(daemons, tmp_path, "echo words; exit 3")
    wait_for(lambda: daemons.ended() == {"x": 3}, 60, "the end is known")
    assert daemons.running() == {}
    assert (tmp_path / "log").read_text() == "words\n"
    assert not daemons.signal("x", signal.SIGKILL)
    pid = start(daemons, tmp_path, "exec sleep 600")
    assert daemons.running() == {"x": pid}
    assert daemons.ended() == {}
    assert daemons.signal("x", signal.SIGKILL)
    assert daemons.ended() == {"x": -signal.SIGKILL}
    assert not psutil.pid_exists(pid)


def test_what_cannot_be_started_is_told(daemons: Supervised, tmp_path: Path) -> None:
    with pytest.raises(SupervisedError, match=r"y: .*No such file"):
        daemons.start("y", ["/none"], {}, tmp_path / "log")
    start(daemons, tmp_path, "exec sleep 600")
    with pytest.raises(SupervisedError, match="x is running already"):
        start(daemons, tmp_path, "exec sleep 600")


def test_stop_kills_what_double_forked_away(daemons: Supervised, tmp_path: Path) -> None:
    orphan = orphan_of(daemons, tmp_path)
    daemons.stop()
    assert not orphan.is_running()
    with pytest.raises(SupervisedError, match="stopped"):
        daemons.running()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_supervisor_does_too(
    daemons: Supervised, tmp_path: Path, number: int
) -> None:
    orphan = orphan_of(daemons, tmp_path)
    supervisor_of(start(daemons, tmp_path, "exec sleep 600")).send_signal(number)
    wait_for(lambda: not orphan.is_running(), 60, "the orphan has ended")
    with pytest.raises(SupervisedError, match="ended with code 0"):
        daemons.running()


def test_daemons_die_with_a_killed_supervisor(daemons: Supervised, tmp_path: Path) -> None:
    pid = start(daemons, tmp_path, "exec sleep 600")
    supervisor_of(pid).kill()
    wait_for(
        lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE,
        5,
        "the daemon has ended",
    )
