"""What is put on the server's host: the script and the example of settings."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.conftest import ROOT
from torque_mesos.config import Settings, load


def script(folder: Path, *arguments: str, path: str = "/usr/bin:/bin") -> tuple[int, str, str]:
    done = subprocess.run(
        [folder / "torquesched.sh", *arguments],
        env={"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def installed(folder: Path) -> None:
    folder.mkdir(parents=True)
    command = folder / "torque-mesos"
    command.write_text(f'#!/bin/sh\nprintf "%s\\n" "{folder.name}" "$@"\n')
    command.chmod(0o755)


def test_torquesched_wants_a_master() -> None:
    for arguments in ([], [""], ["--config", "x"]):
        code, _, told = script(ROOT / "scheduler", *arguments)
        assert code == 2
        assert told.startswith("usage: torquesched.sh MASTER")
    assert script(ROOT / "scheduler", "--help")[0] == 0


def test_torquesched_finds_the_command(tmp_path: Path) -> None:
    folder = tmp_path / "a place" / "scheduler"
    folder.mkdir(parents=True)
    (folder / "torquesched.sh").symlink_to(ROOT / "scheduler" / "torquesched.sh")
    copy = tmp_path / "other" / "scheduler"
    copy.mkdir(parents=True)
    (copy / "torquesched.sh").write_bytes((ROOT / "scheduler" / "torquesched.sh").read_bytes())
    (copy / "torquesched.sh").chmod(0o755)
    code, _, told = script(copy, "m:5050")
    assert code == 127
    assert "neither" in told
    installed(tmp_path / "onpath")
    path = f"{tmp_path / 'onpath'}:/usr/bin:/bin"
    assert script(copy, "m:5050", "--config", "a b", path=path) == (
        0,
        "onpath\nrun\nm:5050\n--config\na b\n",
        "",
    )
    installed(tmp_path / "other" / ".venv" / "bin")
    assert script(copy, "m:5050", path=path)[1] == "bin\nrun\nm:5050\n"


def test_the_example_holds_the_defaults(tmp_path: Path) -> None:
    file = ROOT / "scheduler" / "torque-mesos.toml"
    assert load(file, {}) == Settings()
    told = file.read_text().splitlines()
    uncommented = [
        line[2:] if line.startswith("# ") and " = " in line and not line.endswith(".") else line
        for line in told
    ]
    (tmp_path / "all.toml").write_text("\n".join(uncommented))
    assert load(tmp_path / "all.toml", {}).safe_allocation.nodes == 16
