"""The ssh key of a job: made before it, taken away after it, and nothing else touched."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.pelog.conftest import Run, folder_of
from tests.pelog.scripts import USER

pytestmark = pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="no ssh-keygen here")


@pytest.fixture
def user_home(tmp_path: Path, home: Path) -> Path:
    conf = home / "torque-mesos" / "conf"
    conf.write_text(conf.read_text().replace("launch=tm", "launch=ssh"))
    folder = tmp_path / "user's home"
    folder.mkdir()
    return folder


def begin(run: Run, job: str, user_home: Path) -> None:
    folder_of(job).mkdir(mode=0o700)
    done = run("prologue.user", job, USER, HOME=str(user_home))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("before", [None, "", "ssh-rsa AAA me\n", "# mine\nssh-rsa AAA me"])
def test_a_key_lives_as_long_as_its_job(
    run: Run, job: str, user_home: Path, before: str | None
) -> None:
    keys = user_home / ".ssh" / "authorized_keys"
    if before is not None:
        keys.parent.mkdir()
        keys.write_text(before)
        keys.chmod(0o640)
    begin(run, job, user_home)
    made = (folder_of(job) / "ssh" / "key.pub").read_text().strip()
    lines = keys.read_text().splitlines()
    assert lines[-1] == f"restrict {made}"
    assert made.endswith(f" torque-mesos {job}")
    assert [line for line in lines[:-1] if line] == (before or "").splitlines()
    assert (folder_of(job) / "ssh" / "key").stat().st_mode & 0o7777 == 0o600
    config = (folder_of(job) / "ssh" / "config").read_text()
    assert f"IdentityFile {folder_of(job)}/ssh/key" in config
    done = run("epilogue.user", job, USER, HOME=str(user_home))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert keys.read_text().strip() == (before or "").strip()
    assert keys.stat().st_mode & 0o7777 == (0o600 if before is None else 0o640)
    assert not (folder_of(job) / "ssh").exists()


def test_other_jobs_keep_their_keys(run: Run, job: str, user_home: Path) -> None:
    other = f"{job}2"
    try:
        for name in (job, other):
            begin(run, name, user_home)
        run("epilogue.user", job, USER, HOME=str(user_home))
        (line,) = (user_home / ".ssh" / "authorized_keys").read_text().strip().splitlines()
        assert line.endswith(f" torque-mesos {other}")
    finally:
        shutil.rmtree(folder_of(other))


def test_no_key_where_the_moms_start_the_ranks(
    run: Run, job: str, home: Path, tmp_path: Path
) -> None:
    (tmp_path / "pbsdsh").touch(mode=0o755)
    conf = home / "torque-mesos" / "conf"
    conf.write_text(conf.read_text() + f"bin={tmp_path}\n")
    begin(run, job, tmp_path)
    assert not (tmp_path / ".ssh").exists()


def test_a_home_that_is_not_there_is_told_of(run: Run, job: str, user_home: Path) -> None:
    folder_of(job).mkdir(mode=0o700)
    done = run("prologue.user", job, USER, HOME="/proc/nowhere")
    assert done.returncode == 0
    assert done.stdout.startswith("torque-mesos prologue.user: no ssh key for the job: ")
    done = run("epilogue.user", job, USER, HOME="/proc/nowhere")
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_a_full_disk_costs_nobody_his_keys(run: Run, job: str, home: Path, user_home: Path) -> None:
    begin(run, job, user_home)
    text = (user_home / ".ssh" / "authorized_keys").read_text()
    commands = (
        f'cd "{user_home}" && cp -r .ssh /tmp/keys.$$ && mount -t tmpfs -o size=8k none .ssh && '
        f"cp /tmp/keys.$$/* .ssh; rm -r /tmp/keys.$$; cat /dev/zero > .ssh/fill 2> /dev/null; "
        f'"{home}/mom_priv/epilogue.user" {job} {USER} && cat .ssh/authorized_keys'
    )
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", commands],
        env={"PATH": os.environ["PATH"], "HOME": str(user_home)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0
    told, _, left = done.stdout.partition("\n")
    assert told.startswith("torque-mesos epilogue.user: cannot take away the job's ssh key")
    assert left.endswith(text)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_a_full_home_gets_no_part_of_a_key(run: Run, job: str, home: Path, user_home: Path) -> None:
    """Of a file that fills one page but for half a line: there is no room for another page."""
    folder_of(job).mkdir(mode=0o700)
    commands = (
        f'cd "{user_home}" && mkdir .ssh && mount -t tmpfs -o size=8k none .ssh && '
        "head -c 4050 /dev/zero | tr '\\0' '#' > .ssh/authorized_keys && "
        "head -c 4096 /dev/zero > .ssh/fill && "
        f'"{home}/mom_priv/prologue.user" {job} {USER} && ls -A .ssh && cat .ssh/authorized_keys'
    )
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", commands],
        env={"PATH": os.environ["PATH"], "HOME": str(user_home)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    told, *names, left = done.stdout.split("\n")
    assert told.startswith("torque-mesos prologue.user: no ssh key for the job: ")
    assert "No space left" in told
    assert names == [".torque-mesos.lock", "authorized_keys", "fill"]
    assert left == "#" * 4050
    # So that `launch` does not ask sshd with it.
    assert list(folder_of(job).iterdir()) == []


def test_the_file_may_be_a_link_and_stays_one(run: Run, job: str, user_home: Path) -> None:
    (user_home / ".ssh").mkdir()
    (user_home / "keys").write_text("ssh-rsa AAA me\n")
    link = user_home / ".ssh" / "authorized_keys"
    link.symlink_to("../keys")
    begin(run, job, user_home)
    assert link.is_symlink()
    assert len((user_home / "keys").read_text().split("\nrestrict ")) == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give it to another")
def test_a_file_that_is_not_the_users_stays_as_it_is(run: Run, job: str, user_home: Path) -> None:
    keys = user_home / ".ssh" / "authorized_keys"
    keys.parent.mkdir()
    keys.write_text("ssh-rsa AAA me\n")
    shutil.chown(keys, "nobody")
    folder_of(job).mkdir(mode=0o700)
    done = run("prologue.user", job, USER, HOME=str(user_home))
    assert f"{keys} is not of {USER}" in done.stdout
    assert keys.read_text() == "ssh-rsa AAA me\n"
    assert keys.owner() == "nobody"
    assert not (folder_of(job) / "ssh").exists()
