"""The main job: nodes come for jobs, and go when they are done."""

from __future__ import annotations

from collections import Counter

import pytest

from dev.demo.site import SLOTS_PER_HOST
from tests.system.stage import Stage

pytestmark = pytest.mark.system

SETTINGS = {"QUEUES": "batch"}


def test_grows_from_zero_and_shrinks_back_to_zero(stage: Stage) -> None:
    assert stage.lent_cpus() == 0
    assert stage.workers() == []
    job = stage.submit("one", body="cat $PBS_NODEFILE", held=True)
    host = stage.started(job)
    assert stage.lent_cpus() == 1
    assert {kind for kind, _ in stage.workers(host)} == {"executor", "mom"}
    stage.let_go(job)
    assert stage.output(job) == [host]
    stage.at_rest()


def test_a_job_on_two_hosts_has_both_in_its_node_file(stage: Stage) -> None:
    job = stage.submit("two", f"nodes=2:ppn={SLOTS_PER_HOST}", body="cat $PBS_NODEFILE")
    slots = Counter(stage.output(job))
    assert slots.keys() <= set(stage.hostnames)
    assert list(slots.values()) == [SLOTS_PER_HOST] * 2
    stage.at_rest()


def test_a_job_larger_than_any_agent_is_told_so_and_disturbs_nobody(stage: Stage) -> None:
    large = stage.submit("large", f"nodes=1:ppn={SLOTS_PER_HOST + 1}")
    assert "the largest agent for it has 2" in stage.why(large, "never-too-large")
    later = [stage.submit(f"later{number}") for number in range(4)]
    for job in later:
        assert stage.output(job) == []
    assert stage.in_queue(large)
    assert stage.starts(large) == []
    stage.delete(large.job_id)
    stage.at_rest()


def test_a_queue_that_is_not_watched_gets_nothing(stage: Stage) -> None:
    stage.manage("create queue other queue_type=execution,enabled=true,started=true")
    job = stage.submit("other", queue="other")
    assert "other" in stage.why(job, "queue-not-watched")
    assert stage.lent_cpus() == 0
    stage.delete(job.job_id)  # else the scheduler, which serves all queues, would put it first
    watched = stage.submit("watched", held=True)
    stage.started(watched)
    assert stage.lent_cpus() == 1
    stage.let_go(watched)
    assert stage.output(watched) == []
    stage.at_rest()
