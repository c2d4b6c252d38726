"""The stage: real Mesos, a batch server, and the real `torque-mesos run`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from dev.demo.account import NotHere
from tests.conftest import asked_kinds
from tests.system.kinds import SCHEDULERS, Kind, kinds
from tests.system.stage import Stage

StartStage = Callable[..., Stage]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test that has a stage runs with each batch server and scheduler that is asked for.

    `not_on(*names, because=...)` skips it on some.
    """
    if "kind" not in metafunc.fixturenames:
        return
    schedulers = metafunc.config.getoption("--sched").split(",")
    if unknown := set(schedulers) - set(SCHEDULERS):
        raise pytest.UsageError(f"--sched: {', '.join(sorted(unknown))}: there is no such")
    marks = list(metafunc.definition.iter_markers("not_on"))
    found = []
    for kind in kinds(asked_kinds(metafunc.config), schedulers):
        not_here = [mark for mark in marks if {kind.batch, str(kind)} & set(mark.args)]
        skips = [
            pytest.mark.skip(reason=f"not on {kind}: {mark.kwargs['because']}") for mark in not_here
        ]
        found.append(pytest.param(kind, marks=skips, id=str(kind)))
    metafunc.parametrize("kind", found, scope="module")


@pytest.fixture(scope="module")
def start_stage(mesos_build: Path, kind: Kind) -> Iterator[StartStage]:
    """A function that starts a stage: settings, by the part after `TORQUE_MESOS_`."""
    assert mesos_build
    stages: list[Stage] = []

    def start(
        settings: Mapping[str, str] | None = None,
        agents: int = 3,
        attributes: Sequence[str] | str = "",
        agent_flags: Mapping[str, str] | None = None,
    ) -> Stage:
        try:
            stages.append(Stage(kind, settings or {}, agents, attributes, agent_flags))
        except NotHere as error:
            pytest.skip(str(error))
        stages[-1].start()
        return stages[-1]

    yield start
    for stage in stages:
        stage.close()


@pytest.fixture(scope="module")
def _shared(start_stage: StartStage, request: pytest.FixtureRequest) -> Stage:
    return start_stage(getattr(request.module, "SETTINGS", None))


@pytest.fixture
def stage(_shared: Stage) -> Iterator[Stage]:
    """The stage that a module's tests share; its `SETTINGS` are the settings.

    Each test leaves it as it found it (`Stage.at_rest`), but for one that failed.
    """
    yield _shared
    if left := _shared.waiting_or_running():
        _shared.delete(*left)
