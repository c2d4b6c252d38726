"""Processes that hide from the batch system: what the epilogue finds, and what it leaves."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pelog.conftest import Run, folder_of
from tests.waiting import wait_for

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can start others' processes")

# A subreaper, as the executor is: what is left of a job below it stays below it. It tells
# the number of a process without any environment, in a session of its own, of each user.
EXECUTOR = """
import ctypes, os, subprocess, sys
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
for user in ("nobody", "daemon"):
    words = ["setpriv", "--reuid", user, "--clear-groups", "setsid", "sh", "-c",
             "env -i sleep 1234 > /dev/null 2>&1 & echo $!"]
    print(subprocess.run(words, stdout=subprocess.PIPE, text=True).stdout.strip(), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def executor(home: Path, tmp_path: Path) -> Iterator[list[int]]:
    """Left below the executor: a process of nobody's, and one of daemon's."""
    program = tmp_path / "torque-mesos-executor"
    program.write_text(EXECUTOR)
    process = subprocess.Popen(
        [sys.executable, str(program)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    found = [int(process.stdout.readline()) for _ in range(2)]
    conf = home / "torque-mesos" / "conf"
    lines = [line for line in conf.read_text().splitlines() if not line.startswith("executor=")]
    conf.write_text("\n".join([*lines, f"executor={process.pid}", ""]))
    yield found
    for pid in found:
        subprocess.run(["kill", "-9", str(pid)], stderr=subprocess.DEVNULL)
    process.communicate()


NODE_FILES = ("own/mynodes", "own/aux/{job}", "own/link/{job}", "moms/aux/{job}x", "moms/{job}")


@pytest.mark.parametrize("name", NODE_FILES)
def test_a_node_file_of_his_own_hides_nothing(
    run: Run, job: str, home: Path, tmp_path: Path, name: str
) -> None:
    (home / "aux").mkdir()
    (home / "aux" / job).write_text("n1\n")
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "link").symlink_to(home / "aux")
    path = tmp_path / name.format(job=job)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("n1\n")
    if name.startswith("own/") and "link" not in name:
        shutil.chown(path, "nobody")
    stray = subprocess.Popen(
        ["sleep", "1234"],
        user="nobody",
        cwd="/",
        env={"PATH": os.environ["PATH"], "PBS_JOBID": job, "PBS_NODEFILE": str(path)},
        start_new_session=True,
    )
    try:
        assert run("epilogue", job, "nobody").returncode == 0
        assert stray.wait(60) == -15
    finally:
        stray.kill()
        stray.wait()


def alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()


def test_what_hides_below_the_executor_is_found(run: Run, job: str, executor: list[int]) -> None:
    nobodys, daemons = executor
    assert run("epilogue.parallel", job, "nobody").returncode == 0
    wait_for(lambda: not alive(nobodys), 60, "nobody's process has ended")
    assert alive(daemons)


def test_it_may_belong_to_another_job_of_the_user(run: Run, job: str, executor: list[int]) -> None:
    nobodys, _ = executor
    other = f"{job}-other"
    assert run("prologue.parallel", other, "nobody").returncode == 0
    assert folder_of(other).stat().st_uid == pwd.getpwnam("nobody").pw_uid
    assert run("epilogue", job, "nobody").returncode == 0
    assert alive(nobodys)
    assert run("epilogue", other, "nobody").returncode == 0
    wait_for(lambda: not alive(nobodys), 60, "it has ended with the last job")


def test_what_is_of_the_jobs_session(run: Run, job: str) -> None:
    words = ["setpriv", "--reuid=nobody", "--clear-groups", "sleep", "1234"]
    mine = subprocess.Popen(words, start_new_session=True, env={"PATH": os.environ["PATH"]})
    marked = {"PATH": os.environ["PATH"], "PBS_JOBID": "another.job"}
    others = subprocess.Popen(words, start_new_session=True, env=marked)
    try:
        for process in (mine, others):
            owner = pwd.getpwnam("nobody").pw_uid
            wait_for(
                lambda pid=process.pid, owner=owner: Path(f"/proc/{pid}").stat().st_uid == owner,
                60,
                "it is nobody's",
            )
            assert run("epilogue", job, "nobody", "g", "n", str(process.pid)).returncode == 0
        assert mine.wait(60) == -15
        assert others.poll() is None
    finally:
        for process in (mine, others):
            process.kill()
            process.wait()
