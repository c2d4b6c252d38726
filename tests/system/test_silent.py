"""A mom that hangs while its node is online and idle is given up, and another takes its place."""

from __future__ import annotations

import os
import signal

import pytest

from tests.system.stage import RUN_S, Stage

pytestmark = pytest.mark.system

SETTINGS = {"MIN_SLOTS_HELD": "4", "DEAD_AFTER_S": "3"}
DOWN_S = 120.0  # the batch server takes a while until it calls a silent mom down


def test_a_mom_that_hangs_is_given_up(stage: Stage) -> None:
    stage.until(lambda: stage.lent_cpus() == 4, RUN_S, "the floor is held")
    job = stage.submit("other", held=True, request="nodes=1:ppn=2")
    first = stage.started(job)
    beside = stage.submit("beside", held=True, request="nodes=1:ppn=2")
    second = stage.started(beside)
    assert first != second
    stage.let_go(job)
    assert stage.output(job) == []
    mom = stage.pid_of("mom", first)
    os.kill(mom, signal.SIGSTOP)
    try:

        def given_up() -> bool:
            codes = [plan["reason"] for plan in stage.plans() if plan["action"] == "Offline"]
            return any(isinstance(why, dict) and why["code"] == "silent" for why in codes)

        stage.until(given_up, DOWN_S, "the mom is given up")
        stage.until(lambda: ("mom", mom) not in stage.workers(first), DOWN_S, "it is gone")
    finally:
        for kind, pid in stage.workers(first):
            if kind == "mom" and pid == mom:
                os.kill(pid, signal.SIGCONT)
    stage.let_go(beside)
    assert stage.output(beside) == []
