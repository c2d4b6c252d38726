"""Fixtures that all tests share."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from dev.mesos.cluster import Cluster
from dev.mesos.install import build_folder, is_installed

ROOT = Path(__file__).resolve().parent.parent

# A machine that is busy makes examples slow, not wrong.
settings.register_profile(
    "busy",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    print_blob=True,
)
settings.load_profile("busy")


BATCH_VARIABLE = "TORQUE_MESOS_DEV_BATCH"
BATCH_KINDS = ("builtin", "torque", "openpbs")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--batch",
        default=os.environ.get(BATCH_VARIABLE) or BATCH_KINDS[0],
        help="the batch servers of the tests that take any: builtin (the default), torque,"
        " openpbs, commas between them; or all",
    )
    parser.addoption(
        "--sched",
        default="pbs_sched",
        help="the schedulers of TORQUE in system tests: pbs_sched (the default), maui, or both"
        " with a comma between them",
    )


def asked_kinds(config: pytest.Config) -> list[str]:
    """The batch servers of `--batch`. Raises pytest.UsageError."""
    asked = config.getoption("--batch")
    kinds = list(BATCH_KINDS) if asked == "all" else asked.split(",")
    if unknown := set(kinds) - set(BATCH_KINDS):
        raise pytest.UsageError(f"--batch: {', '.join(sorted(unknown))}: there is no such")
    return kinds


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "batch_kind" in metafunc.fixturenames:
        metafunc.parametrize("batch_kind", asked_kinds(metafunc.config), scope="module")


@pytest.fixture(scope="session")
def mesos_build() -> Path:
    """The folder with the development Mesos; installed first if that can be done here."""
    folder = build_folder()
    if not is_installed(folder):
        done = subprocess.run(
            [sys.executable, "-m", "dev.mesos.install"], cwd=ROOT, capture_output=True, text=True
        )
        if done.returncode:
            reason = done.stderr.strip() or f"exit code {done.returncode}"
            pytest.skip(f"no development Mesos here: {' '.join(reason.split())}")
    return folder


@pytest.fixture
def mesos_cluster(mesos_build: Path, tmp_path: Path) -> Iterator[Callable[..., Cluster]]:
    """A function that starts a `Cluster` (its arguments, without the folder)."""
    clusters: list[Cluster] = []
    numbers = itertools.count()

    def start(*args: Any, **more: Any) -> Cluster:
        folder = tmp_path / f"mesos-{next(numbers)}"
        clusters.append(Cluster(folder, *args, build=mesos_build, **more))
        clusters[-1].start()
        return clusters[-1]

    yield start
    for cluster in clusters:
        cluster.stop()
