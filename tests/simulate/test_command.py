from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from tests.simulate.worlds import MACHINES, SWF
from torque_mesos.cli.app import app

BASE = ["simulate", str(SWF), "--machines", str(MACHINES), "--jobs", "60"]


def test_json_has_every_mode_and_what_was_left_out(tmp_path: Path) -> None:
    plot = tmp_path / "p.svg"
    modes = ["--mode", "static", "--mode", "elastic", "--mode", "original"]
    result = CliRunner().invoke(app, [*BASE, *modes, "--json", "--plot", str(plot)])
    assert result.exit_code == 0, result.output
    values = json.loads(result.stdout)
    assert [run["mode"] for run in values["runs"]] == ["static", "elastic", "original"]
    static, elastic, original = values["runs"]
    assert static["ended"] == elastic["ended"] == 60
    assert original["unended"] > 0
    assert elastic["used_cpu_h"] == pytest.approx(static["used_cpu_h"])
    assert elastic["used_cpu_h"] <= elastic["held_cpu_h"] < static["held_cpu_h"]
    ElementTree.parse(plot)


def test_the_table(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, [*BASE, "--mode", "static", "--scheduler", "easy"])
    assert result.exit_code == 0, result.output
    assert "wait, p95" in result.stdout
    assert "9 to 32" in result.stdout


def test_settings_grace_and_delays_count(tmp_path: Path) -> None:
    settings = tmp_path / "s.toml"
    settings.write_text("min_slots_held = 8\ngrace_s = 5.0\n")

    def held(*more: str) -> float:
        result = CliRunner().invoke(app, [*BASE, *more, "--json"])
        assert result.exit_code == 0, result.output
        return float(json.loads(result.stdout)["runs"][0]["held_cpu_h"])

    assert held("--grace", "600") > held("--grace", "10")
    assert held("--delay", "mom_stop_s=500") > held()
    assert held("--settings", str(settings)) > held("--grace", "5")


@pytest.mark.parametrize(
    ("more", "code", "text"),
    [
        (["--delay", "mom_start_s"], 2, "'mom_start_s' is not NAME=SECONDS"),
        (["--delay", "speed=1"], 2, "no delay 'speed'; there are: detect_s"),
        (["--delay", "mom_start_s=-1"], 2, "is no time"),
        (["--machines", "/nowhere"], 1, "/nowhere"),
        (["--plot", "/nowhere/p.svg"], 1, "/nowhere/p.svg"),
    ],
)
def test_what_is_wrong_is_told(more: list[str], code: int, text: str) -> None:
    result = CliRunner().invoke(app, [*BASE, "--mode", "static", *more])
    assert result.exit_code == code
    assert text in result.stderr
