"""The stage: real Mesos, the built-in batch server, and the real `torque-mesos run`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from dev.demo.account import NotHere
from dev.demo.site import HOSTNAMES
from tests.system.stage import Stage

StartStage = Callable[..., Stage]


@pytest.fixture(scope="module")
def start_stage(mesos_build: Path) -> Iterator[StartStage]:
    """A function that starts a stage: settings, by the part after `TORQUE_MESOS_`."""
    assert mesos_build
    stages: list[Stage] = []

    def start(
        settings: Mapping[str, str] | None = None,
        hostnames: tuple[str, ...] = HOSTNAMES,
        attributes: Sequence[str] | str = "",
        agent_flags: Mapping[str, str] | None = None,
    ) -> Stage:
        try:
            stages.append(Stage(hostnames, settings or {}, attributes, agent_flags))
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
