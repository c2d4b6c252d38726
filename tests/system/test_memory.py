"""Memory where Mesos' agents isolate it: a mom has what its grants hold, and no more."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.demo.site import SLOT_MEM_MB
from tests.system.conftest import StartStage
from tests.system.stage import RUN_S, Stage

pytestmark = [
    pytest.mark.system,
    pytest.mark.not_on("torque", "openpbs", because="Mesos isolates all moms alike"),
]

HIERARCHY = Path("/sys/fs/cgroup")
NAME = f"torque-mesos-test-{os.getpid()}"
EXCEEDED = "Memory limit exceeded"
TAKES = "python3 -c 'import sys; sys.stdout.flush(); kept = b\"x\" * ({} << 20)'"


def _groups() -> Iterator[Path]:
    """The groups of Mesos' containers, below ours."""
    return (path for path in (HIERARCHY / "memory" / NAME).glob("*") if path.is_dir())


def _limits_mb() -> list[int]:
    """What each container may use."""
    limits = (group / "memory.limit_in_bytes" for group in _groups())
    return [int(limit.read_text()) >> 20 for limit in limits if limit.exists()]


@pytest.fixture(scope="module")
def isolated(start_stage: StartStage) -> Iterator[Stage]:
    """A stage with one agent that isolates memory by cgroups (version 1)."""
    own = HIERARCHY / "memory" / NAME
    try:
        own.mkdir()
    except OSError as error:
        pytest.skip(f"no group can be made in {own.parent}: {error.strerror}")
    if shutil.which("python3") is None:
        pytest.skip("jobs here need python3")
    flags = {
        "isolation": "posix/cpu,cgroups/mem",
        "cgroups_hierarchy": str(HIERARCHY),
        "cgroups_root": NAME,
    }
    try:
        yield start_stage({}, 1, agent_flags=flags)
    finally:
        for group in sorted([*own.rglob("*/"), own], reverse=True):
            group.rmdir()


def test_a_mom_has_the_memory_of_its_grants(isolated: Stage) -> None:
    stage = isolated
    first = stage.submit("first", held=True)
    stage.started(first)
    assert _limits_mb() == [SLOT_MEM_MB]
    second = stage.submit("second", held=True)
    stage.started(second)
    assert _limits_mb() == [2 * SLOT_MEM_MB], "a second job has brought a second grant"
    stage.let_go(first, second)
    for job in (first, second):
        assert stage.output(job) == []
    stage.at_rest()


def test_a_job_gets_the_memory_that_it_asks_for(isolated: Stage) -> None:
    stage = isolated
    job = stage.submit("asks", f"nodes=1,mem={SLOT_MEM_MB + 100}mb", body=TAKES.format(SLOT_MEM_MB))
    assert stage.output(job) == []
    assert len(stage.starts(job)) == 1
    stage.at_rest()


def test_a_job_that_takes_more_ends_its_mom_and_is_told_of(isolated: Stage) -> None:
    """It takes that much only when it is first started."""
    stage = isolated
    starts = stage.site.jobs / "greedy.starts"
    takes = TAKES.format(4 * SLOT_MEM_MB)
    job = stage.submit("greedy", body=f"[ $(wc -l < {starts}) -gt 1 ] || {takes}")

    def told() -> bool:
        known = stage.job_status(job)
        return known is not None and known.why is not None and EXCEEDED in known.why.text

    stage.until(told, 2 * RUN_S, "it is told what its mom has ended of")
    assert stage.output(job, 2 * RUN_S) == []
    assert len(stage.starts(job)) == 2
    stage.at_rest()
