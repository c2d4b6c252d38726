"""A mom that hangs while it has no job is ended by its executor, and another takes its place."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

import pytest

from tests.system.stage import Stage

pytestmark = [
    pytest.mark.system,
    pytest.mark.not_on("openpbs", because="it has no momctl to ask a mom with"),
]

SETTINGS = {"MIN_SLOTS_HELD": "2", "DEAD_AFTER_S": "600"}
NOTICED_S = 180.0  # 25 s between a question and the end of the next one that fails, and load


def with_mom(stage: Stage) -> str | None:
    """A host on which a mom runs."""
    return next((name for name in stage.hostnames if dict(stage.workers(name)).get("mom")), None)


def answers(stage: Stage, host: str) -> bool:
    """Whether the executor of a host has had an answer of its mom."""
    logs = (stage.site.folder / "mesos" / host).rglob("stderr")
    return any("answers momctl" in log.read_text() for log in logs)


def test_a_mom_that_hangs_is_ended_and_another_takes_its_place(stage: Stage) -> None:
    host = stage.until(lambda: with_mom(stage), NOTICED_S, "the floor is held")
    mom = stage.pid_of("mom", host)
    log = stage.site.log
    stage.until(lambda: answers(stage, host), NOTICED_S, "it answers its executor")
    os.kill(mom, signal.SIGSTOP)
    try:
        stage.until(lambda: "pbs_mom hangs" in log.read_text(), NOTICED_S, "the grant failed")
        stage.until(lambda: ("mom", mom) not in stage.workers(), NOTICED_S, "it is gone")
    finally:
        with suppress(ProcessLookupError):
            os.kill(mom, signal.SIGCONT)
    job = stage.submit("after", "nodes=1:ppn=2")
    assert stage.output(job, NOTICED_S) == []
