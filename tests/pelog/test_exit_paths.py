"""Every way in which the scripts end, with arguments as users choose them.

A prologue of the first host ends with 0 or 1, everything else with 0: TORQUE starts a job
again and again after any other status.
"""

from __future__ import annotations

import getpass
import os
import pwd
import subprocess
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.pelog.conftest import Run, folder_of
from torque_mesos.mom import pelog
from torque_mesos.mom.settings import MomSettings

USER = getpass.getuser()
SCRIPTS = tuple(pelog.SCRIPTS)
MAY_ABORT = ("prologue", "prologue.user")
AS_USER = ("prologue.user", "epilogue.user", "epilogue.precancel")
HOSTILE = (
    "a b",
    "a\nb",
    "'\"",
    "-rf",
    "--",
    "$(touch /tmp/owned)",
    "`touch /tmp/owned`",
    "; touch /tmp/owned",
    "*",
    "\\",
    "%s%n",
    "x" * 255,
    "",
    "ö\udcff".encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape"),
)


def needs_root(test: object) -> object:
    return pytest.mark.skipif(os.geteuid() != 0, reason="only root can do that")(test)


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


@needs_root
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


@needs_root
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


def site_script(path: Path, text: str, mode: int = 0o755) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(mode)
    for folder in (path.parent, path.parent.parent):
        folder.chmod(0o755)


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_sites_scripts_run_in_order_with_the_arguments(
    run: Run, home: Path, job: str, tmp_path: Path, script: str
) -> None:
    out = tmp_path / "out"
    note = f'printf "%s " "${{0##*/}}" "$@" >> {out}; echo said'
    for name in ("20-b", "10-a", "30 c", "99-old~", "99.bak"):
        site_script(home / "mom_priv" / f"{script}.d" / name, note)
    site_script(tmp_path / "site" / f"{script}.d" / "05-z", note)
    site_script(tmp_path / "site" / f"{script}.d" / "06-not-executable", note, 0o644)
    site_script(tmp_path / "site" / "other.d" / "1", note)
    done = run(script, job, USER, "a b", "$(id)", nodes="localhost\n")
    assert done.returncode == 0
    assert done.stdout == "said\n" * 4
    words = f"{job} {USER} a b $(id) "
    assert out.read_text() == "".join(
        f"{name} {words}" for name in ("10-a", "20-b", "30 c", "05-z")
    )


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("end", ["exit 1", "exit 2", "exit 255", "kill -9 $$", "kill $$"])
def test_a_script_of_the_sites_that_fails(
    run: Run, home: Path, job: str, tmp_path: Path, script: str, end: str
) -> None:
    site_script(home / "mom_priv" / f"{script}.d" / "1-fails", end)
    site_script(home / "mom_priv" / f"{script}.d" / "2-later", f"touch {tmp_path}/later")
    done = run(script, job, USER, nodes="localhost\n")
    assert done.returncode == (1 if script in MAY_ABORT else 0)
    assert len(done.stdout.splitlines()) == 1
    assert f"{home / 'mom_priv'}" in done.stdout.replace("/../", "/").replace(
        "mom_priv/mom_priv", "mom_priv"
    )
    assert "1-fails" in done.stdout
    assert not (tmp_path / "later").exists()
    logged = (home / "mom_logs" / "pelog").read_text()
    assert len(logged.splitlines()) == 1
    assert job in logged
    if script == "prologue":
        assert not folder_of(job).exists()
    if script == "prologue.parallel":
        assert "1-fails" in (folder_of(job) / "failed").read_text()


@pytest.mark.parametrize("script", ["prologue", "prologue.parallel", "epilogue"])
@pytest.mark.parametrize("text", ["sleep 1000", "trap '' TERM; sleep 1000 & wait; sleep 1000"])
def test_a_script_of_the_sites_that_does_not_end(
    run: Run, home: Path, job: str, script: str, text: str
) -> None:
    conf = home / "torque-mesos" / "conf"
    conf.write_text(conf.read_text().replace("limit_s=60", "limit_s=0.2"))
    lib = home / "torque-mesos" / "lib.sh"
    lib.write_text(lib.read_text().replace("timeout -k 5", "timeout -k 0.2"))
    site_script(home / "mom_priv" / f"{script}.d" / "1-hangs", text)
    began = time.monotonic()
    done = run(script, job, USER, nodes="localhost\n")
    assert time.monotonic() - began < 50
    assert done.returncode == (1 if script in MAY_ABORT else 0)
    assert "1-hangs did not end within 0.2 s" in done.stdout


@needs_root
@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_that_others_may_change_is_not_run(
    run: Run, home: Path, job: str, tmp_path: Path, script: str
) -> None:
    site_script(home / "mom_priv" / f"{script}.d" / "1", f"touch {tmp_path}/ran", 0o775)
    done = run(script, job, USER, nodes="localhost\n")
    assert done.returncode == (1 if script in MAY_ABORT else 0)
    assert "is not run: others than root may change it" in done.stdout
    path = home / "mom_priv" / f"{script}.d" / "1"
    path.chmod(0o755)
    os.chown(path, pwd.getpwnam("nobody").pw_uid, 0)
    assert "is not run" in run(script, job, USER, nodes="localhost\n").stdout
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_that_is_ended_by_a_signal(run: Run, home: Path, job: str, script: str) -> None:
    if script.startswith("epilogue"):
        assert run("prologue", job, USER, nodes="localhost\n").returncode == 0
        (folder_of(job) / "ssh").mkdir()
    site_script(home / "mom_priv" / f"{script}.d" / "1", "echo waits; sleep 0.5")
    process = subprocess.Popen(
        [home / "mom_priv" / script, job, USER], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "waits\n"
    process.terminate()
    process.stdout.close()
    assert process.wait(timeout=60) == (1 if script in MAY_ABORT else 0)
    if script in ("epilogue", "epilogue.parallel"):
        assert not folder_of(job).exists()
    if script == "epilogue.user":
        assert not (folder_of(job) / "ssh").exists()


@needs_root
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
