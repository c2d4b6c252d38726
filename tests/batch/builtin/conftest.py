from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.batch.builtin.cluster import Cluster, new_cluster, ordinary_account


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A running server and scheduler with a queue, and no node."""
    if ordinary_account() is None:
        pytest.skip("there is no ordinary account here that could submit jobs")
    running = new_cluster()
    yield running
    running.close()


@pytest.fixture(scope="module")
def quiet() -> Iterator[Cluster]:
    """The same for a whole module, for tests that change nothing that others see."""
    if ordinary_account() is None:
        pytest.skip("there is no ordinary account here that could submit jobs")
    running = new_cluster()
    yield running
    running.close()


@pytest.fixture
def single_user() -> Iterator[Cluster]:
    """The same, run by an ordinary user alone."""
    if ordinary_account() is None:
        pytest.skip("there is no ordinary account here that could run a server")
    running = new_cluster(single_user=True)
    yield running
    running.close()
