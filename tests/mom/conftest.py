"""An agent of a real Mesos, a scheduler, and executors with a stand-in for pbs_mom (`fake/`)."""

from __future__ import annotations

import dataclasses
import getpass
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dev.mesos.cluster import Cluster
from tests.mom.scheduler import Scheduler
from torque_mesos.framework.bundle import build_bundle
from torque_mesos.mom.infos import command_info, executor_info
from torque_mesos.mom.settings import MomSettings

HOST = "n1.cluster.test"
FAKE = Path(__file__).with_name("fake")


def free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        one.bind(("", 0))
        other.bind(("", 0))
        return one.getsockname()[1], other.getsockname()[1]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_bundle(tmp_path_factory.mktemp("bundle")).path


@pytest.fixture
def work_dir() -> Iterator[Path]:
    """A folder that another user could pass through, as an agent's must be."""
    folder = Path(tempfile.mkdtemp(prefix="torque-mesos-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def cluster(mesos_build: Path, work_dir: Path) -> Iterator[Cluster]:
    # An agent that recovers waits that long for its executors, even when they are back.
    flags = {"executor_reregistration_timeout": "2secs"}
    with Cluster(
        work_dir, [HOST], resources="cpus:4;mem:1024", agent_flags=flags, build=mesos_build
    ) as running:
        yield running


@pytest.fixture
def scheduler(cluster: Cluster) -> Iterator[Scheduler]:
    found = Scheduler(cluster.master, getpass.getuser())
    yield found
    found.close()


Make = Callable[..., dict[str, Any]]


@pytest.fixture
def make(bundle: Path) -> Make:
    """A function that gives an ExecutorInfo; words for the stand-in, changes of settings."""
    service_port, manager_port = free_ports()

    def info(words: str = "", executor_id: str = "worker", **changes: Any) -> dict[str, Any]:
        settings = MomSettings(
            server_host="head.cluster.test",
            node=HOST,
            service_port=service_port,
            manager_port=manager_port,
            pbs_mom=str(FAKE / "pbs_mom"),
            environment={"FAKE_MOM": words},
            stop_grace_s=2.0,
        )
        return executor_info(
            dataclasses.replace(settings, **changes),
            executor_id=executor_id,
            command=command_info(uri=str(bundle)),
            cpus=0.1,
            mem_mb=32,
        )

    return info
