"""A site's own scripts, which ours run."""

from __future__ import annotations

import os
import pwd
import subprocess
import time
from pathlib import Path

import pytest

from tests.pelog.conftest import Run, folder_of
from tests.pelog.scripts import MAY_ABORT, ONLY_ROOT, SCRIPTS, USER, site_script


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


@pytest.mark.parametrize(
    ("end", "told"),
    [
        ("exit 124", "ended with status 124"),
        ("exit 137", "ended with status 137, as by SIGKILL"),
        ("kill -9 $$", "ended with status 137, as by SIGKILL"),
    ],
)
def test_one_that_ends_as_if_by_the_limit(
    run: Run, home: Path, job: str, end: str, told: str
) -> None:
    site_script(home / "mom_priv" / "prologue.d" / "1-fails", end)
    done = run("prologue", job, USER, nodes="localhost\n")
    assert done.returncode == 1
    assert done.stdout.endswith(f"/1-fails {told}\n")


@pytest.mark.parametrize("script", ["prologue", "prologue.parallel", "epilogue"])
@pytest.mark.parametrize("text", ["sleep 1000", "trap '' TERM; sleep 1000 & wait; sleep 1000"])
def test_a_script_of_the_sites_that_does_not_end(
    run: Run, home: Path, job: str, script: str, text: str
) -> None:
    conf = home / "torque-mesos" / "conf"
    told = conf.read_text().replace("limit_s=60", "limit_s=0.2").replace("kill_s=5", "kill_s=0.2")
    conf.write_text(told)
    site_script(home / "mom_priv" / f"{script}.d" / "1-hangs", text)
    began = time.monotonic()
    done = run(script, job, USER, nodes="localhost\n")
    assert time.monotonic() - began < 50
    assert done.returncode == (1 if script in MAY_ABORT else 0)
    assert "1-hangs did not end within 0.2 s" in done.stdout


@ONLY_ROOT
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


def test_all_scripts_of_the_sites_end_before_the_moms_own_limit(
    run: Run, home: Path, job: str, tmp_path: Path
) -> None:
    conf = home / "torque-mesos" / "conf"
    told = conf.read_text()
    assert "budget_s=232\n" in told
    conf.write_text(told.replace("budget_s=232", "budget_s=2"))
    folder = home / "mom_priv" / "prologue.d"
    site_script(folder / "1-takes-it-all", "sleep 2.1")
    site_script(folder / "2-later", f"touch {tmp_path}/later")
    done = run("prologue", job, USER, nodes="localhost\n")
    assert done.returncode == 1
    assert "1-takes-it-all did not end within 2 s" in done.stdout
    site_script(folder / "1-takes-it-all", "sleep 1.2")
    site_script(folder / "2-later", "sleep 1000")
    done = run("prologue", job, USER, nodes="localhost\n")
    assert done.returncode == 1
    assert "2-later" in done.stdout


def test_a_link_that_leads_nowhere_is_told_of(run: Run, home: Path, job: str) -> None:
    folder = home / "mom_priv" / "prologue.d"
    folder.mkdir(mode=0o755)
    (folder / "1-licence").symlink_to("../shared/licence")
    done = run("prologue", job, USER, nodes="localhost\n")
    assert done.returncode == 1
    assert "1-licence leads nowhere" in done.stdout
