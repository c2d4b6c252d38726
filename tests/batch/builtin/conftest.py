from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.batch.builtin.cluster import Cluster, new_cluster, set_up
from tests.batch.builtin.realm import PROGRAM, Realm


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A running server and scheduler with a queue, and no node."""
    running = new_cluster()
    yield running
    running.close()


@pytest.fixture(scope="module")
def quiet() -> Iterator[Cluster]:
    """The same for a whole module, for tests that change nothing that others see."""
    running = new_cluster()
    yield running
    running.close()


@pytest.fixture
def single_user() -> Iterator[Cluster]:
    """The same, run by an ordinary user alone."""
    running = new_cluster(single_user=True)
    yield running
    running.close()


@pytest.fixture
def realm() -> Iterator[Callable[[], Realm]]:
    """Makes realms of different keys."""
    if not Path(PROGRAM).exists():
        pytest.skip("no munged here (Debian: apt install munge)")
    made: list[Realm] = []

    def make() -> Realm:
        folder = Path(tempfile.mkdtemp(prefix="builtin-munge-"))
        folder.chmod(0o755)
        made.append(Realm(folder))
        return made[-1]

    yield make
    for each in made:
        each.process.terminate()
        each.process.wait()
        shutil.rmtree(each.folder)


@pytest.fixture
def sealed(realm: Callable[[], Realm]) -> Iterator[tuple[Cluster, Realm]]:
    """A cluster whose daemons know each other by MUNGE, and the key."""
    cluster = Cluster()
    ours = realm()
    path = cluster.home / "server_priv" / "builtin.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "auth": ours.auth}))
    try:
        set_up(cluster)
        yield cluster, ours
    finally:
        cluster.close()
