"""prologue and epilogue: what they make, what they remove, and how they end."""

from __future__ import annotations

import os
import pwd
import subprocess
from pathlib import Path

import pytest

from tests.pelog.conftest import folder_of
from tests.pelog.scripts import USER
from tests.waiting import wait_for

HOSTILE = ("$(touch /tmp/owned)", "`id`; exit 2", "-rf", "a b\nc", "'\"", "*")


def rest(user: str = USER) -> tuple[str, ...]:
    return (user, "group", *HOSTILE)


def test_the_folder_is_made_and_removed(run, job):
    done = run("prologue", job, *rest(), nodes="localhost\nlocalhost\n127.0.0.1")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    folder = folder_of(job)
    assert folder.stat().st_mode & 0o7777 == 0o700
    assert folder.owner() == USER
    assert (folder / "machinefile").read_text() == "localhost\nlocalhost\n127.0.0.1\n"
    done = run("epilogue", job, *rest())
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not folder.exists()
    assert not Path("/tmp/owned").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a folder for another user")
def test_the_folder_is_the_users(run, job):
    done = run("prologue", job, *rest("nobody"), nodes="localhost\n")
    assert done.returncode == 0, done.stdout
    folder = folder_of(job)
    assert folder.stat().st_uid == pwd.getpwnam("nobody").pw_uid
    assert (folder / "machinefile").owner() == "nobody"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a folder for another user")
def test_nothing_is_written_through_the_users_links(run, job, home, tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("kept")
    script = home / "mom_priv" / "prologue.parallel.d" / "1"
    script.parent.mkdir(mode=0o755)
    script.write_text(f"#!/bin/sh\nln -s '{precious}' '{folder_of(job)}/failed'\nexit 1\n")
    script.chmod(0o755)
    done = run("prologue.parallel", job, *rest("nobody"))
    assert done.returncode == 0
    assert precious.read_text() == "kept"
    assert precious.stat().st_uid == 0


def test_what_others_put_there_is_not_used(run, job, tmp_path):
    target = tmp_path / "precious"
    target.mkdir()
    (target / "kept").touch()
    folder_of(job).symlink_to(target)
    assert run("prologue", job, *rest(), nodes="localhost\n").returncode == 0
    assert not folder_of(job).is_symlink()
    assert [path.name for path in target.iterdir()] == ["kept"]


def test_a_further_host_has_a_folder_without_machine_file(run, job):
    assert run("prologue.parallel", job, *rest()).returncode == 0
    assert list(folder_of(job).iterdir()) == []
    assert run("epilogue.parallel", job, *rest()).returncode == 0
    assert not folder_of(job).exists()


def test_a_host_that_does_not_resolve_aborts_the_job(run, job):
    done = run("prologue", job, *rest(), nodes="localhost\nnowhere.invalid\n")
    assert done.returncode == 1
    assert "does not resolve here: nowhere.invalid" in done.stdout
    assert not folder_of(job).exists()


def test_the_moms_own_file_of_hosts_counts(run, job, home):
    (home / "hosts").write_text("127.0.0.11 nowhere.invalid\n")
    assert run("prologue", job, *rest(), nodes="nowhere.invalid\n").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "nodes", "part"),
    [
        ((), None, "not a job id"),
        (("../x", USER), None, "not a job id: ../x"),
        ((".", USER), None, "not a job id"),
        (("1.$(id)", USER), None, "not a job id"),
        (("1.head",), None, "not a user"),
        (("1.head", "-n"), None, "not a user"),
        (("1.head", "no-such-user"), None, "no such user"),
        (("1.head", USER), "-v\n", "not a host name: -v"),
        (("1.head", USER), "$(id)\n", "not a host name"),
    ],
)
def test_what_makes_no_sense_aborts_the_job_and_no_more(run, arguments, nodes, part):
    done = run("prologue", *arguments, nodes=nodes)
    assert done.returncode == 1
    assert part in done.stdout
    assert run("prologue.parallel", *arguments, nodes=nodes).returncode == 0
    assert run("epilogue", *arguments).returncode == 0
    assert run("epilogue.parallel", *arguments).returncode == 0


def test_an_unreadable_node_file_aborts_the_job(run, job):
    assert run("prologue", job, *rest(), PBS_NODEFILE="/nowhere").returncode == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start processes as another user")
@pytest.mark.parametrize("program", ["exec sleep 1000", "trap '' TERM; while :; do sleep 1; done"])
@pytest.mark.parametrize("node_file", [None, "own", "of a first host"])
def test_processes_that_the_job_left_are_ended(run, job, home, tmp_path, program, node_file):
    def start(user: str, **environment: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            ["/bin/sh", "-c", program], user=user, cwd="/", env=environment, start_new_session=True
        )

    files = {
        None: {},
        "own": {"PBS_NODEFILE": f"{home}/aux//{job}"},
        "of a first host": {"PBS_NODEFILE": str(tmp_path / "not-here" / "aux" / job)},
    }
    other_moms = tmp_path / "other-home" / "aux" / job
    other_moms.parent.mkdir(parents=True)
    other_moms.touch()
    left = start("nobody", PBS_JOBID=job, **files[node_file])
    others = [
        start("nobody", PBS_JOBID=job, PBS_NODEFILE=str(other_moms)),
        start("nobody", PBS_JOBID=job + "x"),
        start("nobody"),
        start("daemon", PBS_JOBID=job),
        start("root", PBS_JOBID=job),
    ]
    try:
        assert run("epilogue", job, *rest("nobody")).returncode == 0
        wait_for(lambda: left.poll() is not None, 60, "what the job left has ended")
        assert [other.poll() for other in others] == [None] * 5
        assert run("epilogue", job, *rest("root")).returncode == 0
        assert others[-1].poll() is None
    finally:
        for process in (left, *others):
            process.kill()
            process.wait()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a container")
def test_processes_in_a_container_beside_the_mom_are_left_alone(run, job):
    inside = subprocess.Popen(
        ["unshare", "--mount", "setpriv", "--reuid=nobody", "--clear-groups", "sleep", "1000"],
        env={"PBS_JOBID": job, "PATH": os.environ["PATH"]},
        start_new_session=True,
    )

    def is_nobodys() -> bool:
        return Path(f"/proc/{inside.pid}").stat().st_uid == pwd.getpwnam("nobody").pw_uid

    try:
        wait_for(is_nobodys, 60, "the process in the container runs as nobody")
        assert run("epilogue", job, *rest("nobody")).returncode == 0
        assert inside.poll() is None
    finally:
        inside.kill()
        inside.wait()
