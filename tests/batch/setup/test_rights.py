"""Which right is missing, and what gives it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.batch.recorded import FakeRunner
from torque_mesos.batch.base import Refused
from torque_mesos.batch.commands import Answer
from torque_mesos.batch.setup.rights import PROBE, account, gaps

QMGR = Path("/t/bin/qmgr")


def answering(exit_code: int, text: str) -> FakeRunner:
    runner = FakeRunner()
    name = PROBE.rpartition(" ")[2]
    stderr = f"qmgr obj={name} svr=default: {text}"
    runner.answer("qmgr", "-c", PROBE, by=Answer(("x",), exit_code, "", stderr))
    return runner


@pytest.mark.parametrize(
    ("exit_code", "text"),
    [
        (2, "Unauthorized Request  MSG=error in permissions (PERM_MANAGER)"),
        (159, "Unauthorized Request"),
    ],
)
def test_no_manager(exit_code: int, text: str) -> None:
    (gap,) = gaps(answering(exit_code, text), QMGR, (), "alice@head")
    assert gap.needed
    assert "qmgr -c 'set server managers += alice@head'" in gap.remedy


@pytest.mark.parametrize("exit_code", [2, 214])
def test_a_manager(exit_code: int) -> None:
    assert gaps(answering(exit_code, "Unknown node "), QMGR, (), "alice@head") == []


def test_another_answer_is_no_answer() -> None:
    with pytest.raises(Refused, match="internal error"):
        gaps(answering(2, "PBS server internal error"), QMGR, (), "alice@head")


def test_what_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "accounting"
    folder.mkdir()
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != folder)
    (gap,) = gaps(answering(2, "Unknown node"), QMGR, [(folder, "polling only")], "alice@head")
    assert not gap.needed
    assert f"setfacl -m u:alice:rX {tmp_path} {folder}" in gap.remedy


def test_what_is_not_there_needs_no_right(tmp_path: Path) -> None:
    runner = answering(2, "Unknown node")
    assert gaps(runner, QMGR, [(tmp_path / "none", ""), (tmp_path, "")], "alice@head") == []


def test_who_asks() -> None:
    user, _, host = account().partition("@")
    assert user
    assert host
