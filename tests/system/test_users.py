"""What users do with their jobs besides submitting them."""

from __future__ import annotations

import pytest

from tests.system.stage import RUN_S, Stage
from torque_mesos.model import JobState

pytestmark = pytest.mark.system


def test_every_job_of_an_array_runs(stage: Stage) -> None:
    size = 5
    array = stage.submit("array", options=(stage.server.array_option, f"0-{size - 1}"))
    stage.until(lambda: len(stage.starts(array)) == size, 2 * RUN_S, "all of them have begun")
    stage.at_rest()
    assert len(stage.starts(array)) == size


def test_a_job_on_hold_gets_nothing_until_it_is_released(stage: Stage) -> None:
    job = stage.submit("hold", options=("-h",))
    stage.until(lambda: stage.jobs()[job.job_id].state is JobState.HELD, RUN_S, "it is on hold")
    other = stage.submit("other")
    assert stage.output(other) == []
    stage.at_rest(job)
    assert stage.starts(job) == []
    stage.site.batch("qrls", job.job_id)
    assert stage.output(job) == []
    stage.at_rest()


def test_a_job_that_waits_for_another_begins_when_that_one_is_over(stage: Stage) -> None:
    first = stage.submit("first", held=True)
    second = stage.submit("second", options=("-W", f"depend=afterok:{first.job_id}"))
    stage.started(first)
    # (OpenPBS calls it queued for a moment, before it is on hold.)
    stage.until(lambda: stage.lent_cpus() == 1, RUN_S, "only the first has nodes")
    assert stage.starts(second) == []
    stage.let_go(first)
    assert stage.output(first) == []
    assert stage.output(second) == []
    stage.at_rest()


def test_the_nodes_of_a_deleted_job_go_back(stage: Stage) -> None:
    job = stage.submit("deleted", "nodes=2:ppn=2", held=True)
    stage.started(job)
    stage.until(lambda: stage.lent_cpus() == 4, RUN_S, "it has its nodes")
    stage.delete(job.job_id)
    stage.at_rest()
    assert len(stage.starts(job)) == 1
    assert stage.output(stage.submit("after")) == []
    stage.at_rest()


def test_a_queued_job_that_is_deleted_leaves_nothing(stage: Stage) -> None:
    large = stage.submit("large", "nodes=9")
    stage.why(large, "never-too-large")
    stage.delete(large.job_id)
    stage.at_rest()
    assert stage.starts(large) == []
