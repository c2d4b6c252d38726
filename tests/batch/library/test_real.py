"""The library of a real server tells and does what its commands do.

It needs a server that runs here, the rights of a manager, and a variable:

    TORQUE_MESOS_TEST_LIBRARY   `torque:PREFIX` or `openpbs:PREFIX` (PREFIX has bin and lib)
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.waiting import wait_for
from torque_mesos.batch.base import BatchServer, NewNode, Refused
from torque_mesos.batch.commands import CommandRunner, Runner
from torque_mesos.batch.library.runner import LibraryRunner, find_library
from torque_mesos.batch.openpbs import OpenPbsServer
from torque_mesos.batch.openpbs_settings import OpenPbsSettings
from torque_mesos.batch.torque import TorqueServer
from torque_mesos.batch.torque_settings import TorqueSettings

KIND, _, PREFIX = os.environ.get("TORQUE_MESOS_TEST_LIBRARY", "").partition(":")

pytestmark = [
    pytest.mark.torque,
    pytest.mark.system,
    pytest.mark.skipif(
        KIND not in ("torque", "openpbs"),
        reason="TORQUE_MESOS_TEST_LIBRARY names no server that runs here",
    ),
]
NAME = socket.gethostname()
SETTINGS = (
    OpenPbsSettings(bin_dir=Path(PREFIX, "bin"))
    if KIND == "openpbs"
    else TorqueSettings(bin_dir=Path(PREFIX, "bin"))
)
COMMANDS = CommandRunner(SETTINGS.command_environment())


def server(runner: Runner) -> BatchServer:
    if isinstance(SETTINGS, OpenPbsSettings):
        return OpenPbsServer(SETTINGS, runner)
    return TorqueServer(SETTINGS, runner)


def _taken_online(served: BatchServer, node: str) -> bool:
    """TORQUE refuses that for some ten seconds after a record was made."""
    try:
        served.set_online([node], "torque-mesos:online")
    except Refused:
        return False
    return True


@pytest.fixture
def library() -> Iterator[LibraryRunner]:
    found = find_library(SETTINGS.bin_dir, KIND)  # type: ignore[arg-type]
    assert found is not None
    runner = LibraryRunner(
        KIND,  # type: ignore[arg-type]
        found,
        SETTINGS.command_environment(),
        COMMANDS,
    )
    yield runner
    runner.close()


@pytest.fixture
def node(library: LibraryRunner) -> Iterator[str]:
    served = server(library)
    served.create_nodes([NewNode(NAME, 2, frozenset({"made"}), "torque-mesos:test")])
    yield NAME
    server(COMMANDS).delete_node(NAME)


def test_both_tell_the_same(library: LibraryRunner, node: str) -> None:
    by_library, by_command = server(library).read(), server(COMMANDS).read()
    assert library.reason is None
    assert by_library.jobs == by_command.jobs
    assert by_library.queues == by_command.queues
    assert {each.name: each.note for each in by_library.nodes}[node] == "torque-mesos:test"
    for mine, theirs in zip(by_library.nodes, by_command.nodes, strict=True):
        assert (mine.name, mine.np, mine.properties) == (theirs.name, theirs.np, theirs.properties)


def test_changes_reach_the_server(library: LibraryRunner, node: str) -> None:
    served = server(library)
    served.create_nodes([NewNode(node, 2, frozenset({"made"}), "torque-mesos:test")])  # again
    served.set_np(node, 3)
    wait_for(lambda: _taken_online(served, node), 60, "a record of TORQUE's can be marked")
    served.wake_scheduler()
    assert library.reason is None
    (found,) = (each for each in server(COMMANDS).read().nodes if each.name == node)
    assert (found.np, found.note) == (3, "torque-mesos:online")
    with pytest.raises(Refused, match="Unknown node"):
        served.set_np("no-such-node", 3)
    with pytest.raises(Refused, match="no-such-node"):
        served.set_online(["no-such-node", node], "x")
    assert library.reason is None


def test_a_killed_helper_changes_nothing(library: LibraryRunner, node: str) -> None:
    served = server(library)
    before = served.read()
    assert library._process is not None
    os.kill(library._process.pid, signal.SIGKILL)
    after = served.read()
    assert [each.name for each in after.nodes] == [each.name for each in before.nodes]
    assert [job.job_id for job in after.jobs] == [job.job_id for job in before.jobs]
