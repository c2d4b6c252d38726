"""Two frameworks on one Mesos, each with a server of its own, and jobs on more than half of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.conftest import StartStage
from tests.system.stage import START_S, Stage

pytestmark = [
    pytest.mark.system,
    pytest.mark.not_on("torque", "openpbs", because="a host runs one server, its ports are fixed"),
]

LARGE = "nodes=2:ppn=2"  # of three hosts with two slots each
BOTH_S = 240.0


@pytest.fixture(scope="module")
def sides(mesos_build: Path, start_stage: StartStage) -> Iterator[tuple[Stage, Stage]]:
    """Two stages on the Mesos of the first."""
    assert mesos_build
    one = start_stage()
    two = Stage(one.kind, {})
    two.cluster = two.site.cluster = one.cluster
    try:
        two.site.start_framework()
        two.until(two.all_parked, START_S, "parked records of all agents")
        yield one, two
    finally:
        two.close()


def test_both_gangs_run(sides: tuple[Stage, Stage]) -> None:
    names = {stage.site.state: stage.status().framework_id for stage in sides}
    assert len(set(names.values())) == 2
    work = [
        (stage, stage.submit(f"gang{number}", LARGE, body="sort -u $PBS_NODEFILE; sleep 1"))
        for number in range(3)
        for stage in sides
    ]
    for stage, job in work:
        assert len(stage.output(job, BOTH_S)) == 2
        assert len(stage.starts(job)) == 1
    for stage in sides:
        stage.until(lambda stage=stage: stage.all_parked(), BOTH_S, "every node is parked")
    assert sides[0].lent_cpus() == 0
