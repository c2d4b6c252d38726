"""Floor and limit: what is held is never less than the one, nor more than the other."""

from __future__ import annotations

import pytest

from tests.system.lent import watched
from tests.system.stage import GRACE_S, RUN_S, Stage

pytestmark = pytest.mark.system

FLOOR, LIMIT = 2, 4
SETTINGS = {"MIN_SLOTS_HELD": str(FLOOR), "SAFE_ALLOCATION__CPUS": str(float(LIMIT))}


@pytest.fixture
def at_floor(stage: Stage) -> Stage:
    stage.until(lambda: _online_slots(stage) == FLOOR, RUN_S, "the floor is held")
    return stage


def _online_slots(stage: Stage) -> int:
    return sum(node.granted for node in stage.status().nodes if node.phase == "online")


def test_the_floor_is_kept_with_an_empty_queue(at_floor: Stage) -> None:
    stage = at_floor
    assert stage.waiting_or_running() == []
    with watched(stage.cluster) as seen:
        # Longer than an idle node would be kept: jobs make it grow, then it shrinks.
        jobs = [stage.submit(f"floor{number}", held=True) for number in range(FLOOR + 1)]
        for job in jobs:
            stage.started(job)
        stage.let_go(*jobs)
        for job in jobs:
            assert stage.output(job) == []
        more = max(seen.cpus)
        stage.until(lambda: stage.lent_cpus() == FLOOR, RUN_S, "what is above the floor is back")
        idle_until = stage.status().time + 3 * GRACE_S
        stage.until(lambda: stage.status().time > idle_until, RUN_S, "turns go on for a while")
    assert more > FLOOR
    assert min(seen.cpus) >= FLOOR
    assert _online_slots(stage) == FLOOR


def test_the_limit_is_never_exceeded(at_floor: Stage) -> None:
    stage = at_floor
    with watched(stage.cluster) as seen:
        first = [stage.submit(f"limit{number}", held=True) for number in range(LIMIT)]
        for job in first:
            stage.started(job)
        waiting = stage.submit("above", held=True)
        assert "safe allocation" in stage.why(waiting, "at-limit")
        assert stage.starts(waiting) == []
        stage.let_go(*first)
        stage.started(waiting)
        stage.let_go(waiting)
        for job in (*first, waiting):
            assert stage.output(job) == []
        over = stage.submit("never", "nodes=3:ppn=2")
        stage.why(over, "never-over-limit")
        stage.delete(over.job_id)
    assert max(seen.cpus) == LIMIT
    assert min(seen.cpus) >= FLOOR
