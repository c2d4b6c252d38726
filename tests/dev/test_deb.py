"""What the Debian packages are made of."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DEB = ROOT / "dev" / "deb"
SCRIPTS = sorted(
    path for path in DEB.iterdir() if path.suffix in (".postinst", ".prerm", ".postrm")
)


def test_the_lock_has_one_version_of_every_dependency() -> None:
    lines = (DEB / "lock.txt").read_text().splitlines()
    pins = [line.partition("==")[0] for line in lines if not line.startswith("#")]
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9][\w.]*", line) for line in lines[1:])
    assert len(pins) == len(set(pins))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {re.split(r"[<>=!~ ]", item)[0] for item in project["dependencies"]}
    assert wanted - {"http-parser"} <= set(pins)


@pytest.mark.parametrize("script", [*SCRIPTS, DEB / "build.sh"], ids=lambda path: path.name)
def test_scripts_are_posix_shell(script: Path) -> None:
    subprocess.run(["sh", "-n", script], check=True)


@pytest.mark.parametrize(
    "package", ["torque-mesos-scheduler", "torque-mesos-executor", "torque-mesos-client"]
)
def test_every_place_in_a_control_file_is_filled_by_the_build(package: str) -> None:
    control = (DEB / f"{package}.control").read_text()
    build = (DEB / "build.sh").read_text()
    places = set(re.findall(r"@[A-Z_]+@", control))
    assert {"@VERSION@", "@ARCHITECTURE@"} <= places
    assert places <= set(re.findall(r"s/(@[A-Z_]+@)/", build))
