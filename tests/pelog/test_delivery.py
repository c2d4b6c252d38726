"""What is put into a mom's home besides the scripts, and what is taken away after the mom."""

from __future__ import annotations

import os
import pwd
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.pelog.conftest import Run, folder_of
from tests.pelog.scripts import USER, site_script
from torque_mesos.mom import pelog
from torque_mesos.mom.settings import MomSettings

SETTINGS = MomSettings("head", "n1")


@pytest.fixture
def links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "run"
    monkeypatch.setattr(pelog, "LINKS", folder)
    return folder


def test_a_short_home_is_named_as_it_is(links: Path) -> None:
    (line,) = pelog.job_starter(SETTINGS, Path("/home"), ROOT)
    assert line == "$job_starter /home/torque-mesos/start"
    assert not links.exists()


def test_a_long_home_has_a_short_name_while_its_mom_is_there(links: Path, tmp_path: Path) -> None:
    home = tmp_path / ("x" * 200) / ("y" * 100)
    (home / "mom_priv").mkdir(parents=True)
    pelog.install(SETTINGS, home, ROOT)
    for _ in range(2):
        (line,) = pelog.job_starter(SETTINGS, home, ROOT)
        assert len(line) < 250 < len(str(home))
        assert pelog.short(home).samefile(home)
        start = Path(line.split()[1])
        assert start.samefile(home / "torque-mesos" / "start")
    (links / "another").symlink_to(tmp_path / "nowhere")
    pelog.clear(home)
    assert os.listdir(links) == ["another"]
    builtin = MomSettings("head", "n1", builtin=True)
    assert pelog.job_starter(builtin, home, ROOT) == [f"$job_starter {home}/torque-mesos/start"]


def test_what_jobs_left_without_an_epilogue_goes_with_the_mom(
    run: Run, home: Path, job: str, links: Path
) -> None:
    other = f"{job}-other"
    folder_of(other).mkdir()
    try:
        assert run("prologue", job, USER, nodes="localhost\n").returncode == 0
        pelog.clear(home)
        assert not folder_of(job).exists()
        assert folder_of(other).exists(), "another mom's"
        assert os.listdir(home / "torque-mesos" / "jobs") == []
    finally:
        folder_of(other).rmdir()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two users")
@pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="no ssh-keygen here")
def test_so_does_the_key_of_a_job(run: Run, home: Path, job: str, tmp_path: Path) -> None:
    conf = home / "torque-mesos" / "conf"
    conf.write_text(conf.read_text().replace("launch=tm", "launch=ssh"))
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(folder.stat().st_mode | 0o055)
    daemon = pwd.getpwnam("daemon")
    mine = Path(daemon.pw_dir) / ".ssh" / "authorized_keys"
    if mine.parent.exists():
        pytest.skip(f"{mine.parent} is there")
    mine.parent.mkdir()
    os.chown(mine.parent, daemon.pw_uid, daemon.pw_gid)
    try:
        assert run("prologue", job, "daemon", nodes="localhost\n").returncode == 0
        done = run("prologue.user", job, "daemon", user="daemon")
        assert (done.returncode, done.stdout) == (0, "")
        assert f" torque-mesos {job}\n" in mine.read_text()
        pelog.clear(home)
        assert mine.read_text().strip() == ""
        assert not folder_of(job).exists()
    finally:
        shutil.rmtree(mine.parent)


def test_a_sites_script_in_the_place_of_ours_is_kept(
    run: Run, home: Path, tmp_path: Path, job: str
) -> None:
    out = tmp_path / "out"
    settings = MomSettings("head", "n1", site_scripts=str(tmp_path / "none"))
    site_script(home / "mom_priv" / "prologue", f"# for the torque-mesos nodes\necho one >> {out}")
    site_script(home / "shared" / "epi", f"echo two >> {out}")
    (home / "mom_priv" / "epilogue").unlink()
    (home / "mom_priv" / "epilogue").symlink_to("../shared/epi")
    for _ in range(2):
        pelog.install(settings, home, ROOT)
        assert run("prologue", job, USER, nodes="localhost\n").returncode == 0
        assert run("epilogue", job, USER).returncode == 0
    assert out.read_text() == "one\ntwo\n" * 2
    assert (home / "shared" / "epi").is_file()


@pytest.mark.parametrize(
    ("config", "openpbs", "budget_s", "kill_s"),
    [
        ((), False, 232, "5"),
        (("$prologalarm 15",), False, 4, "0.5"),
        (("$prologalarm 5",), False, 4, "0.5"),
        (("$prologalarm 1000", "$prologalarm 20"), False, 8, "1"),
        (("$prologalarm soon",), False, 232, "5"),
        ((), True, 116, "5"),
        (("$prologalarm 30",), True, 8, "2"),
    ],
)
def test_the_sites_scripts_have_less_time_than_the_moms_limit(
    config: tuple[str, ...], openpbs: bool, budget_s: int, kill_s: str
) -> None:
    settings = replace(SETTINGS, config=config, openpbs=openpbs)
    lines = pelog.conf(settings, ROOT).splitlines()
    assert f"budget_s={budget_s}" in lines
    assert f"kill_s={kill_s}" in lines
