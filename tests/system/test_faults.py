"""Any part may be killed at any moment: jobs end well, and nothing is left over."""

from __future__ import annotations

import os
import signal

import pytest

from tests.system.stage import RUN_S, Stage
from tests.waiting import wait_for

pytestmark = pytest.mark.system

DEAD_AFTER_S = 3.0
LOST_S = 150.0
SETTINGS = {"DEAD_AFTER_S": str(DEAD_AFTER_S)}


@pytest.mark.parametrize("victim", ["executor", "guard", "mom"])
def test_a_job_whose_executor_or_mom_dies_runs_again(stage: Stage, victim: str) -> None:
    job = stage.submit(f"victim-{victim}", held=True)
    host = stage.started(job)
    os.kill(stage.pid_of(victim, host), signal.SIGKILL)
    stage.until(lambda: len(stage.starts(job)) == 2, RUN_S, "the job has begun again")
    stage.let_go(job)
    assert stage.output(job) == []
    assert len(stage.starts(job)) == 2
    stage.at_rest()


def test_an_agent_that_is_back_in_time_does_no_harm(stage: Stage) -> None:
    job = stage.submit("agent", held=True)
    host = stage.started(job)
    before = stage.workers(host)
    stage.cluster.kill(host)
    stage.cluster.restart(host)
    stage.cluster.wait_ready()
    assert stage.workers(host) == before
    stage.let_go(job)
    assert stage.output(job) == []
    assert stage.starts(job) == [host]
    stage.at_rest()


def test_the_jobs_of_a_dead_host_run_elsewhere(stage: Stage) -> None:
    if stage.kind.batch == "torque":
        # By itself it misses a host after 150 s or more; and it reads this only when it starts.
        stage.manage("set server node_check_rate=20")
        stage.kill_daemon("pbs_server")
    job = stage.submit("powercut", held=True)
    host = stage.started(job)
    stage.kill_host(host)
    stage.until(lambda: len(stage.starts(job)) == 2, LOST_S, "the job has begun again")
    assert stage.starts(job)[1] != host
    # The dead host is in nobody's way: two more jobs find room.
    others = [stage.submit(f"beside{number}") for number in range(3)]
    for other in others:
        assert stage.output(other) == []
    stage.let_go(job)
    assert stage.output(job) == []
    stage.cluster.restart(host)
    stage.cluster.wait_ready()
    stage.at_rest()


def test_a_master_that_is_restarted_does_no_harm(stage: Stage) -> None:
    job = stage.submit("master", held=True)
    host = stage.started(job)
    before = stage.workers()
    stage.cluster.kill("master")
    stage.cluster.restart("master")
    stage.cluster.wait_ready()
    stage.until(lambda: stage.status().connected, RUN_S, "the framework is back at the master")
    assert stage.workers() == before
    stage.let_go(job)
    assert stage.output(job) == []
    assert stage.starts(job) == [host]
    stage.at_rest()


def test_a_framework_that_is_killed_finds_its_job_again(stage: Stage) -> None:
    job = stage.submit("killed", held=True)
    host = stage.started(job)
    before = stage.workers()
    stage.kill_framework()
    stage.start_framework()
    assert stage.workers() == before
    stage.let_go(job)
    assert stage.output(job) == []
    assert stage.starts(job) == [host]
    stage.at_rest()


def test_jobs_end_and_are_queued_while_the_framework_is_away(stage: Stage) -> None:
    job = stage.submit("ends-alone", held=True)
    host = stage.started(job)
    stage.kill_framework()
    stage.let_go(job)
    ended = stage.site.jobs / f"{job.name}.o{job.number}"
    wait_for(ended.exists, RUN_S, "the job has ended without the framework")
    later = [stage.submit(f"queued-meanwhile{number}", "nodes=1:ppn=2") for number in range(2)]
    stage.start_framework()
    for one in later:
        assert stage.output(one) == []
    assert stage.starts(job) == [host]
    stage.at_rest()


def test_stopping_the_framework_stops_no_mom_and_no_job(stage: Stage) -> None:
    job = stage.submit("stopped", held=True)
    host = stage.started(job)
    before, server = stage.workers(), stage.server_pid()
    stage.stop_framework()
    assert stage.workers() == before
    assert stage.server_pid() == server
    assert stage.in_queue(job)
    stage.start_framework()
    assert stage.workers() == before
    assert stage.server_pid() == server
    stage.let_go(job)
    assert stage.output(job) == []
    assert stage.starts(job) == [host]
    stage.at_rest()


def test_nothing_is_released_because_the_batch_server_was_killed(stage: Stage) -> None:
    job = stage.submit("server", held=True)
    host = stage.started(job)
    if stage.kind.batch == "openpbs":
        # What is younger is not yet written down: the job would be started anew.
        known_s = stage.status().time + 10.0
        stage.until(lambda: stage.status().time > known_s, RUN_S, "the job runs for a while")
    before, plans = stage.workers(), len(stage.plans())
    stage.kill_daemon("pbs_server")
    stage.until(lambda: stage.jobs()[job.job_id].exec_nodes, RUN_S, "the server knows its job")
    assert stage.workers() == before
    # (OpenPBS forgets that parked nodes are offline, which is told it again.)
    harmful = {"Kill", "Rerun", "DeleteNode"}
    assert not [
        plan
        for plan in stage.plans()[plans:]
        if plan["action"] in harmful or (plan["action"] == "Offline" and plan["name"] == host)
    ]
    stage.let_go(job)
    assert stage.output(job) == []
    assert stage.starts(job) == [host]
    stage.at_rest()


def test_jobs_start_after_the_scheduler_was_killed(stage: Stage) -> None:
    job = stage.submit("scheduled", held=True)
    host = stage.started(job)
    stage.kill_daemon(stage.kind.scheduler)
    later = stage.submit("later", "nodes=2:ppn=2")  # of three hosts, one of which is in use
    assert stage.output(later) == []
    stage.let_go(job)
    assert stage.output(job) == []
    assert stage.starts(job) == [host]
    stage.at_rest()
