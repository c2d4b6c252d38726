"""docs/explain.md says what the commands say. To write it anew:

python -m tests.explain.test_explain
"""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.admin.published import published
from tests.explain.situations import PUBLISHED, SITES, SNAPSHOT
from torque_mesos.admin.board import StatusBoard
from torque_mesos.admin.server import AdminServer
from torque_mesos.cli import app as cli
from torque_mesos.cli import asking
from torque_mesos.decide import decide

DOCUMENT = Path(__file__).resolve().parent.parent.parent / "docs" / "explain.md"
_SECTION = re.compile(r"^### (.*)$", re.MULTILINE)
_EXAMPLE = re.compile(r"^```\n\$ torque-mesos ([^\n]*)\n(.*?)^```\n", re.MULTILINE | re.DOTALL)


@contextmanager
def running(heading: str, folder: Path) -> Iterator[None]:
    """A status socket in `folder` that tells of a situation."""
    site = SITES[heading]()
    snapshot = site.snapshot(**SNAPSHOT.get(heading, {}))
    board = StatusBoard(site.policy)
    board.publish(
        published(
            at_s=snapshot.now_s,
            wall_s=time.time() + 60.0,  # its age is told as 0 s
            snapshot=snapshot,
            plan=decide(snapshot, site.policy),
            **{"action_errors": (), "last_turn_error": None, **PUBLISHED.get(heading, {})},
        )
    )
    server = AdminServer(board, folder / "status.sock", host="127.0.0.1")
    server.start()
    try:
        yield
    finally:
        server.stop()


def said(command: str, folder: Path) -> str:
    """What a command prints, with the socket of `folder`."""
    environment = {"TORQUE_MESOS_STATE_DIR": str(folder)}
    result = CliRunner().invoke(cli.app, command.split(), env=environment)
    assert result.exit_code == 0, result.output
    return result.stdout


def rewritten(text: str, folder: Path) -> str:
    """The document with every example as the commands answer now."""
    first, *rest = _SECTION.split(text)
    parts = [first]
    for heading, body in zip(rest[::2], rest[1::2], strict=True):
        with running(heading, folder):
            again = _EXAMPLE.sub(
                lambda found: f"```\n$ torque-mesos {found[1]}\n{said(found[1], folder)}```\n", body
            )
        parts.append(f"### {heading}{again}")
    return "".join(parts)


@pytest.fixture(autouse=True)
def _not_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(asking, "_SETTLES_S", 0.0)
    for name in list(os.environ):
        if name.startswith("TORQUE_MESOS_"):
            monkeypatch.delenv(name)


def test_every_situation_is_told_and_every_example_is_true(tmp_path: Path) -> None:
    text = DOCUMENT.read_text()
    told = _SECTION.split(text)[1:]
    assert sorted(told[::2]) == sorted(SITES)
    for heading, body in zip(told[::2], told[1::2], strict=True):
        assert _EXAMPLE.search(body), f"no example: {heading}"
    assert rewritten(text, tmp_path) == text, "run: python -m tests.explain.test_explain"


@pytest.mark.parametrize("heading", SITES)
def test_jobs_nodes_and_actions_all_carry_a_reason(heading: str) -> None:
    site = SITES[heading]()
    snapshot = site.snapshot(**SNAPSHOT.get(heading, {}))
    plan = decide(snapshot, site.policy)
    jobs = snapshot.reading.jobs if snapshot.reading is not None else ()
    assert {job.job_id for job in jobs} <= plan.jobs.keys()
    assert {worker.node for worker in snapshot.workers} <= plan.nodes.keys()
    for reason in (*plan.jobs.values(), *plan.nodes.values(), *(a.reason for a in plan.actions)):
        assert reason.text
        for figure in re.findall(r"\d{3,}", reason.text):
            assert float(figure) >= 0  # a figure, not a format that went wrong


def test_a_dry_run_changes_nothing_and_says_what_comes_next(tmp_path: Path) -> None:
    with running("A node in its grace", tmp_path):
        first, again = (said("plan --json", tmp_path) for _ in range(2))
    assert first == again
    assert '"now": []' in first
    assert '"in_s": 48.0, "actions": [{"action": "Offline", "name": "n1"' in first


def test_other_settings_are_tried(tmp_path: Path) -> None:
    settings = tmp_path / "other.toml"
    settings.write_text("grace_s = 10\n")
    with running("A node in its grace", tmp_path):
        assert "nothing would be done now" in said("plan", tmp_path)
        out = said(f"plan --settings {settings}", tmp_path)
    assert "would be done now:\n  Offline n1" in out


def test_none_runs(tmp_path: Path) -> None:
    environment = {"TORQUE_MESOS_STATE_DIR": str(tmp_path)}
    result = CliRunner().invoke(cli.app, ["plan"], env=environment)
    assert result.exit_code == 3
    assert result.stderr.startswith("torque-mesos: not running here: ")


def test_a_busy_framework_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A turn that launched something is followed by one that knows of it."""
    site = SITES["A node in its grace"]()
    quiet = published(
        wall_s=time.time() + 60.0,
        snapshot=site.snapshot(),
        plan=decide(site.snapshot(), site.policy),
        turns=8,
    )
    other = SITES["A node whose grace is over"]()
    busy = replace(
        quiet, snapshot=other.snapshot(), plan=decide(other.snapshot(), other.policy), turns=7
    )
    board = StatusBoard(site.policy)
    board.publish(busy)
    asked = board.last_turn

    def asked_and_gone_on() -> object:
        line = asked()
        board.publish(quiet)
        return line

    monkeypatch.setattr(board, "last_turn", asked_and_gone_on)
    monkeypatch.setattr(asking, "_SETTLES_S", 30.0)
    server = AdminServer(board, tmp_path / "status.sock", host="127.0.0.1")
    server.start()
    try:
        assert said("plan", tmp_path).startswith("after turn 8, ")
    finally:
        server.stop()


def main() -> None:
    cli._SETTLES_S = 0.0
    with tempfile.TemporaryDirectory() as folder:
        DOCUMENT.write_text(rewritten(DOCUMENT.read_text(), Path(folder)))


if __name__ == "__main__":
    main()
