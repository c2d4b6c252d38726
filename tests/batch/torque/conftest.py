from pathlib import Path

import pytest

from tests.batch.recorded import FakeRunner, recorded
from torque_mesos.batch.base import BatchServer
from torque_mesos.batch.torque import TorqueServer
from torque_mesos.batch.torque_settings import TorqueSettings


@pytest.fixture
def runner() -> FakeRunner:
    fake = FakeRunner()
    fake.answer("qstat", "-x", "-t", by=recorded("qstat-x-t-mix"))
    fake.answer("pbsnodes", "-x", by=recorded("pbsnodes-x-mix"))
    fake.answer("qstat", "-Q", "-f", by=recorded("qstat-queues"))
    fake.answer("qstat", "-B", "-f", by=recorded("qstat-server"))
    return fake


@pytest.fixture
def server(runner) -> BatchServer:
    return TorqueServer(TorqueSettings(bin_dir=Path("/t/bin")), runner)
