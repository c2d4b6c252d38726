from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.decide import POLICY
from tests.framework.test_journal import full_snapshot, published
from torque_mesos.cli.app import app
from torque_mesos.framework.journal import SNAPSHOTS, Journals


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    journals = Journals(tmp_path, snapshots=True)
    told = published(full_snapshot())
    journals.write(told, POLICY)
    journals.write(replace(told, turns=8), POLICY)
    journals.close()
    return tmp_path / SNAPSHOTS


def test_the_same_code_decides_the_same(journal: Path) -> None:
    result = CliRunner().invoke(app, ["replay", str(journal)])
    assert result.exit_code == 0, result.output
    assert result.stdout == "2 turns, 0 of them decided otherwise\n"


def test_what_is_decided_otherwise_is_shown(journal: Path) -> None:
    first, second = (json.loads(line) for line in journal.read_text().splitlines())
    launches = [action for action in second["actions"] if action["action"] == "Launch"]
    second["actions"].remove(launches[0])
    second["actions"].append({"action": "Wave", "name": "n1", "reason": {"text": "why not"}})
    for action in first["actions"]:
        action["reason"]["text"] = "said otherwise"  # the deed counts
    journal.write_text(f"{json.dumps(first)}\n{json.dumps(second)}\nnonsense\n")
    result = CliRunner().invoke(app, ["replay", str(journal)])
    assert result.exit_code == 1
    name, slots = launches[0]["name"], launches[0]["slots"]
    lines = result.stdout.splitlines()
    assert lines[0] == "turn 8:"
    assert lines[1] == "  - Wave n1: why not"
    assert lines[2].startswith(f"  + Launch {name} slots {slots}: waiting jobs want")
    assert lines[3] == "2 turns, 1 of them decided otherwise"
    assert "snapshots.jsonl:3: 'nonsense" in result.stderr
    values = CliRunner().invoke(app, ["replay", str(journal), "--json"]).stdout.splitlines()
    assert json.loads(values[0])["turn"] == 8


def test_a_file_that_is_not_there() -> None:
    result = CliRunner().invoke(app, ["replay", "/nowhere/snapshots.jsonl"])
    assert result.exit_code == 1
    assert "/nowhere" in result.stderr
