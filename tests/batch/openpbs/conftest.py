import pytest

from tests.batch.openpbs.answers import Clock, recorded
from tests.batch.recorded import FakeRunner
from torque_mesos.batch.base import BatchServer
from torque_mesos.batch.openpbs import OpenPbsServer
from torque_mesos.batch.openpbs_settings import OpenPbsSettings


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def runner() -> FakeRunner:
    fake = FakeRunner()
    fake.answer("qstat", "-t", "-f", by=recorded("qstat-mix"))
    fake.answer("pbsnodes", "-av", by=recorded("pbsnodes-mix"))
    fake.answer("qstat", "-Q", "-f", by=recorded("qstat-queues"))
    fake.answer("qstat", "-B", "-f", by=recorded("qstat-server"))
    fake.answer("qmgr", "-c", "list resource", by=recorded("list-resource"))
    return fake


@pytest.fixture
def server(runner, clock, tmp_path) -> BatchServer:
    return OpenPbsServer(OpenPbsSettings(home=tmp_path), runner, clock=clock)
