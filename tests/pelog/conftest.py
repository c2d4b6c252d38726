"""A mom's home with our scripts in it, and scripts run as a mom runs them."""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.pelog import table
from torque_mesos.mom import pelog
from torque_mesos.mom.settings import MomSettings

Run = Callable[..., subprocess.CompletedProcess[str]]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in table.lines():
        terminalreporter.write_line(line)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A mom's home, as the executor makes it; the site's folder is `site` beside it."""
    folder = tmp_path / "home"
    (folder / "mom_priv").mkdir(parents=True)
    (folder / "mom_logs").mkdir()
    settings = MomSettings("head", "n1", site_scripts=str(tmp_path / "site"))
    pelog.install(settings, folder, ROOT)
    return folder


@pytest.fixture
def job() -> Iterator[str]:
    """The id of a job of its own; its folder goes."""
    name = f"1[2].{uuid.uuid4().hex}"
    yield name
    shutil.rmtree(folder_of(name), ignore_errors=True)


@pytest.fixture
def run(home: Path, tmp_path: Path) -> Run:
    """A function that runs a script as a mom does.

    `nodes`: lines of the node file; `user`: who runs it; others: the environment.
    """

    def run_script(
        name: str,
        *arguments: str,
        nodes: str | None = None,
        user: str | None = None,
        **environment: str,
    ) -> subprocess.CompletedProcess[str]:
        variables = {"LANG": "C", "PATH": "/usr/bin:/bin", "PBS_NP": "1", **environment}
        if nodes is not None:
            (tmp_path / "nodes").write_text(nodes)
            variables["PBS_NODEFILE"] = str(tmp_path / "nodes")
        return subprocess.run(
            [home / "mom_priv" / name, *arguments],
            cwd=home / "mom_priv",
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            timeout=60,
            user=user if os.geteuid() == 0 else None,
        )

    return run_script


def folder_of(job: str) -> Path:
    """The folder that a prologue makes."""
    return Path(f"/tmp/torque-mesos.{job}")
