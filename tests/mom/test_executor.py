"""The executor on a real Mesos, with a stand-in for pbs_mom (`fake/`)."""

from __future__ import annotations

import getpass
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from dev.mesos.cluster import Cluster
from tests.mom.conftest import FAKE, HOST
from tests.mom.scheduler import Scheduler
from tests.waiting import wait_for

pytestmark = pytest.mark.system


def processes(cluster: Cluster) -> dict[int, str]:
    """All that runs below the agents, by pid: command lines."""
    folders = tuple(str(cluster.work_dir / name) for name in cluster.hostnames)
    found = {}
    for process in psutil.process_iter():
        try:
            if process.cwd().startswith(folders) or process.ppid() in found:
                found[process.pid] = " ".join(process.cmdline())
        except psutil.Error:
            continue
    return {p: line for p, line in found.items() if "mesosd" not in line and line}


def moms(cluster: Cluster) -> list[int]:
    return [pid for pid, line in processes(cluster).items() if str(FAKE / "pbs_mom") in line]


def executors(cluster: Cluster) -> list[int]:
    return [pid for pid, line in processes(cluster).items() if "torque-mesos-executor" in line]


def jobs() -> list[psutil.Process]:
    """The job that the stand-in starts: `sleep 1000` to `sleep 1002`."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.cmdline()[:2] in (["sleep", str(n)] for n in (1000, 1001, 1002)):
                found.append(process)
        except psutil.Error:
            continue
    return found


def home(cluster: Cluster) -> Path:
    (found,) = cluster.work_dir.glob(
        f"{HOST}/work/slaves/*/frameworks/*/executors/*/runs/latest/torque"
    )
    return found


def test_a_mom_runs_from_the_first_grant_to_the_last(cluster, scheduler, make):
    scheduler.launch(HOST, ["one"], make())
    scheduler.wait("one", "TASK_RUNNING")
    assert scheduler.states("one") == ["TASK_STARTING", "TASK_RUNNING"]
    (mom,) = moms(cluster)

    scheduler.launch(HOST, ["two"], make())
    scheduler.wait("two", "TASK_RUNNING")
    assert moms(cluster) == [mom]

    scheduler.kill("one")
    scheduler.wait("one", "TASK_KILLED")
    assert moms(cluster) == [mom]

    log = home(cluster) / "mom_logs" / "mom.log"
    scheduler.kill("two")
    scheduler.wait("two", "TASK_KILLED")
    assert moms(cluster) == []
    assert "stopped by momctl" in log.read_text()
    wait_for(lambda: not executors(cluster), 60, "the executor ends")
    wait_for(lambda: cluster.used_resources()["cpus"] == 0, 60, "resources are back")


def test_a_job_can_enter_the_home(cluster, scheduler, make):
    scheduler.launch(HOST, ["one"], make())
    scheduler.wait("one", "TASK_RUNNING")
    path = home(cluster)
    for folder in (path, *path.parents):
        assert folder.stat().st_mode & 0o001, folder
    assert (path / "spool").stat().st_mode & 0o7777 == 0o1777
    assert (path / "mom_priv" / "prologue").stat().st_mode & 0o7777 == 0o755
    assert "MESOS_" not in Path(f"/proc/{moms(cluster)[0]}/environ").read_text()


def test_a_late_mom_is_restarted(cluster, scheduler, make):
    scheduler.launch(HOST, ["one"], make("late=3", ready_timeout_s=2.0))
    status = scheduler.wait("one", "TASK_RUNNING")
    assert "was ready" in status["message"]
    assert len((home(cluster) / "starts").read_text().split()) == 3
    assert len(moms(cluster)) == 1


def test_a_mom_that_never_gets_ready_fails(cluster, scheduler, make):
    scheduler.launch(HOST, ["one"], make("late=9", ready_timeout_s=0.2, ready_restarts=1))
    status = scheduler.wait("one", "TASK_FAILED")
    assert "not ready within 0.4 s, after 1 restarts" in status["message"]
    assert "Mom starting" in status["message"]
    wait_for(lambda: not processes(cluster), 60, "nothing is left")


def test_a_mom_that_cannot_start_fails_with_its_log(cluster, scheduler, make):
    scheduler.launch(HOST, ["one"], make("exit=7"))
    status = scheduler.wait("one", "TASK_FAILED")
    assert "ended with status 7" in status["message"]
    assert "something is wrong here" in status["message"]


def test_a_home_that_anybody_can_write_above_is_named(cluster, scheduler, make):
    scheduler.launch(HOST, ["one"], make("exit=3"))
    message = scheduler.wait("one", "TASK_FAILED")["message"]
    assert "/tmp (mode 1777)" in message


def test_no_mom_at_all(cluster, scheduler, make):
    scheduler.launch(HOST, ["one"], make(pbs_mom="/nowhere/pbs_mom"))
    assert "/nowhere/pbs_mom" in scheduler.wait("one", "TASK_FAILED")["message"]


def test_settings_that_cannot_be_read(cluster, scheduler, make):
    scheduler.launch(HOST, ["one"], {**make(), "data": "e30="})
    assert "ExecutorInfo.data" in scheduler.wait("one", "TASK_FAILED")["message"]


def test_a_dead_mom_takes_its_grants_and_jobs_with_it(cluster, scheduler, make):
    scheduler.launch(HOST, ["one", "two"], make("job"))
    scheduler.wait("one", "TASK_RUNNING")
    scheduler.wait("two", "TASK_RUNNING")
    wait_for(lambda: len(jobs()) == 3, 60, "a job runs")
    os.kill(moms(cluster)[0], signal.SIGKILL)
    for task_id in ("one", "two"):
        message = scheduler.wait(task_id, "TASK_FAILED")["message"]
        assert "was ended by signal 9" in message
        assert "My okclients list is" in message
    assert jobs() == []
    wait_for(lambda: not processes(cluster), 60, "nothing is left")


@pytest.mark.parametrize("words", ["job", "job stubborn"])
def test_killing_the_last_grant_leaves_nothing_of_a_job(cluster, scheduler, make, words):
    scheduler.launch(HOST, ["one"], make(words))
    scheduler.wait("one", "TASK_RUNNING")
    wait_for(lambda: len(jobs()) == 3, 60, "a job runs")
    log = home(cluster) / "mom_logs" / "mom.log"
    scheduler.kill("one")
    scheduler.wait("one", "TASK_KILLED")
    assert jobs() == []
    assert moms(cluster) == []
    text = log.read_text()
    assert 0 < text.index("job 1.head is over") < text.index("stopped by momctl")


def test_shutdown_leaves_nothing_of_a_job(cluster, make):
    scheduler = Scheduler(cluster.master, getpass.getuser())
    scheduler.launch(HOST, ["one"], make("job"))
    scheduler.wait("one", "TASK_RUNNING")
    wait_for(lambda: len(jobs()) == 3, 60, "a job runs")
    scheduler.close()
    wait_for(lambda: not jobs() and not processes(cluster), 60, "nothing is left")


@pytest.mark.parametrize("which", ["guard", "executor"])
def test_a_killed_executor_leaves_nothing(cluster, scheduler, make, which):
    scheduler.launch(HOST, ["one"], make("job stubborn"))
    scheduler.wait("one", "TASK_RUNNING")
    wait_for(lambda: len(jobs()) == 3, 60, "a job runs")
    executor = psutil.Process(moms(cluster)[0]).parent()
    (executor.parent() if which == "guard" else executor).kill()
    scheduler.wait("one", "TASK_FAILED")
    wait_for(lambda: not jobs() and not processes(cluster), 60, "nothing is left")


@pytest.mark.parametrize("which", ["guard", "executor"])
def test_a_killed_executor_leaves_nothing_even_without_an_agent(cluster, scheduler, make, which):
    scheduler.launch(HOST, ["one"], make("job"))
    scheduler.wait("one", "TASK_RUNNING")
    wait_for(lambda: len(jobs()) == 3, 60, "a job runs")
    cluster.kill(HOST)
    executor = psutil.Process(moms(cluster)[0]).parent()
    (executor.parent() if which == "guard" else executor).kill()
    wait_for(lambda: not jobs() and not processes(cluster), 60, "nothing is left")


def test_a_restarted_agent_finds_all_as_it_was(cluster, scheduler, make):
    scheduler.launch(HOST, ["one"], make())
    scheduler.wait("one", "TASK_RUNNING")
    before = moms(cluster)
    cluster.kill(HOST)
    scheduler.offers.clear()  # now, for an offer of the agent that comes back is made once
    cluster.restart(HOST)
    cluster.wait_ready()
    scheduler.launch(HOST, ["two"], make())
    scheduler.wait("two", "TASK_RUNNING")
    assert moms(cluster) == before
    scheduler.kill("one")
    scheduler.wait("one", "TASK_KILLED")
    scheduler.kill("two")
    scheduler.wait("two", "TASK_KILLED")


def test_what_happens_without_the_agent_is_told_when_it_is_back(cluster, scheduler, make):
    scheduler.launch(HOST, ["one"], make())
    scheduler.wait("one", "TASK_RUNNING")
    (mom,) = moms(cluster)
    cluster.kill(HOST)
    os.kill(mom, signal.SIGKILL)
    wait_for(lambda: not moms(cluster), 60, "the mom is dead")
    cluster.restart(HOST)
    message = scheduler.wait("one", "TASK_FAILED")["message"]
    assert "was ended by signal 9" in message


def test_without_checkpointing_nothing_outlives_the_agent(cluster, make):
    scheduler = Scheduler(cluster.master, getpass.getuser(), checkpoint=False)
    scheduler.launch(HOST, ["one"], make("job"))
    scheduler.wait("one", "TASK_RUNNING")
    cluster.kill(HOST)
    wait_for(lambda: not jobs() and not processes(cluster), 60, "nothing is left")
    scheduler.close()


def test_a_second_mom_is_not_started(cluster, scheduler, make):
    scheduler.launch(HOST, ["one"], make())
    scheduler.wait("one", "TASK_RUNNING")
    (mom,) = moms(cluster)
    scheduler.launch(HOST, ["other"], make(executor_id="other"))
    message = scheduler.wait("other", "TASK_FAILED")["message"]
    assert "there is a mom on this host already" in message
    assert f"pid {mom}" in message
    assert moms(cluster) == [mom]


@pytest.fixture
def impatient(mesos_build: Path, work_dir: Path) -> Iterator[Cluster]:
    """A cluster whose executors wait 1 s for a lost agent."""
    flags = {"recovery_timeout": "1secs"}
    with Cluster(work_dir, [HOST], agent_flags=flags, build=mesos_build) as running:
        yield running


def test_an_idle_mom_does_not_wait_for_ever_for_its_agent(impatient, make):
    scheduler = Scheduler(impatient.master, getpass.getuser())
    scheduler.launch(HOST, ["one"], make())
    scheduler.wait("one", "TASK_RUNNING")
    impatient.kill(HOST)
    wait_for(lambda: not processes(impatient), 60, "nothing is left")
    scheduler.close()


def test_a_job_outlives_a_lost_agent_and_then_all_ends(impatient, make):
    scheduler = Scheduler(impatient.master, getpass.getuser())
    scheduler.launch(HOST, ["one"], make("job"))
    scheduler.wait("one", "TASK_RUNNING")
    wait_for(lambda: len(jobs()) == 3, 60, "a job runs")
    log = next(impatient.work_dir.glob(f"{HOST}/work/slaves/*/frameworks/*/executors/*/runs/*"))
    impatient.kill(HOST)
    wait_for(lambda: "a job is still there" in (log / "stderr").read_text(), 60, "the time is over")
    assert len(jobs()) == 3
    for process in jobs():
        process.terminate()
    wait_for(lambda: not processes(impatient), 60, "nothing is left")
    scheduler.close()
