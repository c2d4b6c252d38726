"""Something else in the place of a job's folder, which could not be made: nobody uses it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pelog.conftest import Run, folder_of
from tests.pelog.scripts import ONLY_ROOT, USER
from torque_mesos.mom import pelog

KINDS = [pytest.param("another's", marks=ONLY_ROOT), "link"]


@pytest.fixture(params=KINDS)
def foreign(request: pytest.FixtureRequest, job: str, tmp_path: Path) -> Iterator[Path]:
    """A folder of another user's in the place, or a link to one of the user's own."""
    place = folder_of(job)
    if request.param == "link":
        target = tmp_path / "precious"
        target.mkdir()
        place.symlink_to(target)
        yield target
        place.unlink()
        return
    place.mkdir()
    shutil.chown(place, "nobody")
    place.chmod(0o777)
    yield place


def set_conf(home: Path, **values: str) -> None:
    conf = home / "torque-mesos" / "conf"
    conf.write_text(conf.read_text() + "".join(f"{key}={values[key]}\n" for key in values))


def program(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


def launch(home: Path, job: str, path: str) -> str:
    done = subprocess.run(
        [home / "torque-mesos" / "launch", "n1", "true"],
        env={"PATH": f"{path}:/usr/bin:/bin", "PBS_JOBID": job},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done
    return done.stdout + done.stderr


def test_launch_takes_no_ssh_settings_of_others(
    home: Path, job: str, foreign: Path, tmp_path: Path
) -> None:
    program(tmp_path / "fake", "ssh", 'printf "%s\\n" "$@"')
    set_conf(home, launch="ssh")
    (foreign / "ssh").mkdir()
    (foreign / "ssh" / "config").write_text("Host *\n  ProxyCommand touch /tmp/owned\n")
    words = launch(home, job, str(tmp_path / "fake")).splitlines()
    assert words[:3] == ["-x", "-o", "BatchMode=yes"]
    assert "-F" not in words


def test_launch_writes_nothing_there(home: Path, job: str, foreign: Path, tmp_path: Path) -> None:
    # A pbsdsh that shows what is there while it runs.
    program(tmp_path / "batch", "pbsdsh", f"ls '{foreign}'; echo ran >&2")
    set_conf(home, bin=str(tmp_path / "batch"))
    assert launch(home, job, "/bin") == "ran\n"


def test_start_does_not_name_it(home: Path, job: str, foreign: Path) -> None:
    (foreign / "failed").write_text("not so\n")
    done = subprocess.run(
        [home / "torque-mesos" / "start", sys.executable, "-c", "import os; print(os.environ)"],
        env={"PATH": "/usr/bin:/bin", "PBS_JOBID": job, "PBS_TASKNUM": "2"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "TMPDIR" not in done.stdout


@pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="no ssh-keygen here")
def test_no_key_is_put_there(run: Run, home: Path, job: str, foreign: Path, tmp_path: Path) -> None:
    set_conf(home, launch="ssh")
    done = run("prologue.user", job, USER, HOME=str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert list(foreign.iterdir()) == []
    assert not (tmp_path / ".ssh").exists()


@pytest.mark.parametrize("script", ["epilogue.user", "clear"])
def test_nothing_there_is_taken_away(
    run: Run, home: Path, job: str, foreign: Path, tmp_path: Path, script: str
) -> None:
    (foreign / "ssh").mkdir()
    if script == "clear":
        words = [str(home / pelog.FOLDER / script), job, USER]
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
        done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60)
    else:
        done = run(script, job, USER, HOME=str(tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (foreign / "ssh").is_dir()
    assert os.listdir(foreign) == ["ssh"]
