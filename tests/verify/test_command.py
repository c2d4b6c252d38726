"""The command, where there is no batch server to verify."""

from __future__ import annotations

import getpass
import os
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from torque_mesos.cli.app import app


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    """Settings of a batch server that no command reaches."""
    settings = tmp_path / "settings.toml"
    settings.write_text(
        f'state_dir = "{tmp_path}"\n[mesos]\nmaster = "127.0.0.1:5050"\n'
        f'[batch]\nkind = "torque"\nmode = "existing"\nbin_dir = "{tmp_path}"\n'
    )
    return settings


USER = "daemon" if os.geteuid() == 0 else getpass.getuser()


def verify(settings: Path, report: Path, user: str) -> int:
    words = ["verify", "--config", str(settings), "--users", user, "--junit", str(report)]
    return CliRunner().invoke(app, words).exit_code


def test_a_server_that_cannot_be_read_is_in_the_report(wrong: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text("<an-earlier-run/>")
    assert verify(wrong, report, USER) == 1
    suite = ElementTree.parse(report).getroot()
    assert suite.get("failures") == "1"
    assert suite.findtext("testcase/failure")


def test_no_earlier_report_is_left(wrong: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text("<an-earlier-run/>")
    assert verify(wrong, report, "nobody-of-that-name") == 2
    assert not report.exists()


def test_a_report_that_cannot_be_written_is_told_at_once(wrong: Path, tmp_path: Path) -> None:
    assert verify(wrong, tmp_path / "no" / "report.xml", USER) == 2
