"""Every way in which the scripts end, with arguments as users choose them.

A prologue of the first host ends with 0 or 1, everything else with 0: TORQUE starts a job
again and again after any other status.
"""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.pelog.conftest import Run, folder_of
from tests.pelog.scripts import HOSTILE, MAY_ABORT, ONLY_ROOT, SCRIPTS, USER, site_script
from torque_mesos.mom import pelog
from torque_mesos.mom.settings import MomSettings

AS_USER = ("prologue.user", "epilogue.user", "epilogue.precancel")


def allowed(script: str) -> tuple[int, ...]:
    return (0, 1) if script in MAY_ABORT else (0,)


@pytest.mark.parametrize("script", SCRIPTS)
def test_hostile_words_in_every_place(run: Run, job: str, script: str) -> None:
    for text in HOSTILE:
        fine = [job, USER, *(text for _ in range(9))]
        done = run(script, *fine, nodes="localhost\n")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), text
        for words in ([text, *fine[1:]], [job, text, *fine[2:]]):
            done = run(script, *words, nodes="localhost\n")
            assert done.returncode in allowed(script), done
            assert text not in ("", "-rf", "--") or "not a" in done.stdout
    assert not Path("/tmp/owned").exists()


@pytest.mark.parametrize("text", ["a b", "-v", "$(touch /tmp/owned)", "a;b", "x" * 255])
def test_hostile_names_of_hosts_abort_the_job(run: Run, job: str, text: str) -> None:
    done = run("prologue", job, USER, nodes=f"localhost\n{text}\n")
    assert done.returncode == 1
    assert text in done.stdout
    assert not folder_of(job).exists()


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize(
    "words", [(), ("",), ("1.head",), ("1.head", ""), ("/etc", USER), (".", USER)]
)
def test_arguments_that_make_no_sense(run: Run, script: str, words: tuple[str, ...]) -> None:
    done = run(script, *words)
    assert done.returncode == (1 if script in MAY_ABORT else 0)
    assert done.stdout.startswith(f"torque-mesos {script}: not a ")
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""


@pytest.mark.parametrize("script", SCRIPTS)
def test_what_is_missing_in_the_home(run: Run, home: Path, job: str, script: str) -> None:
    (home / "torque-mesos" / "lib.sh").unlink()
    done = run(script, job, USER)
    assert done.returncode == (1 if script in MAY_ABORT else 0)


@pytest.mark.parametrize("script", SCRIPTS)
def test_settings_that_are_not_there(run: Run, home: Path, job: str, script: str) -> None:
    (home / "torque-mesos" / "conf").unlink()
    assert run(script, job, USER).returncode == 0


@pytest.mark.parametrize("arguments", [3, 8])
def test_the_arguments_of_torque_and_of_openpbs(run: Run, job: str, arguments: int) -> None:
    words = [job, USER, "group", "name", "nodes=1", "batch", "account", "/script"]
    assert run("prologue", *words[:arguments], nodes="localhost\n").returncode == 0
    assert folder_of(job).is_dir()
    after = [
        job,
        USER,
        "group",
        "name",
        "0",
        "nodes=1",
        "cput=0",
        "batch",
        "account",
        "0",
        "/script",
    ]
    assert run("epilogue", *after[: arguments + 3 + (arguments == 3) * 4]).returncode == 0
    assert not folder_of(job).exists()


@ONLY_ROOT
@pytest.mark.parametrize("end", [0, 1])
def test_openpbs_has_the_scripts_of_the_user_run_by_ours(
    run: Run, home: Path, job: str, tmp_path: Path, end: int
) -> None:
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(folder.stat().st_mode | 0o055)
    for name in ("prologue", "epilogue"):
        note = f'echo {name} "$(id -un) $# $4"; exit {end if name == "prologue" else 0}'
        site_script(home / "mom_priv" / f"{name}.user.d" / "1", note)
    before = [job, "nobody", "group"]
    after = [*before, "$(id)", "0", "nodes=1", "cput=0", "batch", "account", "0"]
    for more, told in (((), True), (("name", "nodes=1", "batch", "account", "/s"), False)):
        done = run("prologue", *before, *more, nodes="localhost\n")
        assert done.returncode == (end if told else 0)
        assert done.stdout.startswith("prologue nobody 3 \n") is told
        assert folder_of(job).exists() is not (told and end == 1)
    assert run("epilogue", *after).stdout == "epilogue nobody 10 $(id)\n"
    assert run("epilogue", *after, "/s").stdout == ""


def test_the_files_of_hosts(run: Run, job: str) -> None:
    nodes = "localhost\nlocalhost\n127.0.0.1\n\n127.0.0.1\nlocalhost"
    assert run("prologue", job, USER, nodes=nodes).returncode == 0
    texts = {path.name: path.read_text() for path in folder_of(job).iterdir()}
    assert texts == {
        "machinefile": "localhost\nlocalhost\n127.0.0.1\n127.0.0.1\nlocalhost\n",
        "hosts": "localhost\n127.0.0.1\n",
        "hostfile": "localhost:3\n127.0.0.1:2\n",
        "hostfile.openmpi": "localhost slots=3\n127.0.0.1 slots=2\n",
    }


@ONLY_ROOT
@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("room", ["size=4k", "nr_inodes=2"])
def test_a_full_disk(home: Path, job: str, tmp_path: Path, script: str, room: str) -> None:
    (tmp_path / "nodes").write_text("localhost\n" * 2000)
    full = tmp_path / "full"
    full.mkdir()
    settings = MomSettings("head", "n1", scratch=str(full), site_scripts=str(tmp_path / "site"))
    (home / "torque-mesos" / "conf").write_text(pelog.conf(settings, ROOT))
    commands = (
        f'mount -t tmpfs -o {room} none "{full}" && head -c 8k /dev/zero > "{full}/fill"; '
        f'"{home}/mom_priv/prologue" {job} {USER} > /dev/null; '
        f'"{home}/mom_priv/{script}" {job} {USER} g n 0'
    )
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", commands],
        env={"PATH": os.environ["PATH"], "PBS_NODEFILE": str(tmp_path / "nodes")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done
    if script == "prologue":
        assert done.stdout.startswith("torque-mesos prologue: no f")
        assert "No space left on device" in done.stdout
        assert len(done.stdout.splitlines()) <= 2


@ONLY_ROOT
@pytest.mark.parametrize("script", AS_USER)
def test_what_runs_as_the_user_needs_no_more_than_he_may(
    run: Run, home: Path, job: str, tmp_path: Path, script: str
) -> None:
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(folder.stat().st_mode | 0o055)
    assert run("prologue", job, "nobody", nodes="localhost\n").returncode == 0
    done = run(script, job, "nobody", user="nobody", HOME="/nonexistent")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("script", ["prologue", "prologue.parallel"])
def test_folders_of_jobs_that_are_gone_are_removed(
    run: Run, home: Path, job: str, script: str
) -> None:
    gone, here, member, young = f"{job}-1", f"{job}-2", f"3[4].{job[5:]}", f"{job}-5"
    long_ago = time.time() - 3600
    (home / "mom_priv" / "jobs").mkdir()
    (home / "mom_priv" / "jobs" / f"{here}.JB").touch()
    (home / "mom_priv" / "jobs" / f"3-4.{job[5:]}.JB").touch()
    try:
        for other in (gone, here, member, young):
            assert run("prologue.parallel", other, USER).returncode == 0
            assert folder_of(other).is_dir()
            if other != young:
                os.utime(home / "torque-mesos" / "jobs" / other, (long_ago, long_ago))
        assert run(script, job, USER, nodes="localhost\n").returncode == 0
        assert not folder_of(gone).exists()
        assert [folder_of(other).is_dir() for other in (here, member, young, job)] == [True] * 4
    finally:
        for other in (gone, here, member, young):
            assert run("epilogue.parallel", other, USER).returncode == 0
            assert not folder_of(other).exists()
