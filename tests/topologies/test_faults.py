"""What is wrong with a cluster, and what the acceptance test tells of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.pelog.hosts import HEAD
from tests.topologies.site import SETTINGS, Site, Topology, results
from tests.waiting import wait_for

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def site(start_site: Callable[[Topology], Site]) -> Site:
    return start_site(Topology(workers=("w1",), clients=(HEAD,)))


def tells(site: Site, sentence: str) -> None:
    """Wait until the acceptance test, which fails, says this of each of anna's jobs."""

    def told() -> bool:
        done = site.verify("--json", "--deadline", "5")
        assert done.returncode == 1, f"{done.stdout}\n{done.stderr}"
        found = [item["failures"] for item in results(done.stdout) if item["user"] == "anna"]
        seen.append(found)
        return all(any(sentence in text for text in texts) for texts in found)

    seen: list[object] = []
    try:
        wait_for(told, 120, f"verify says {sentence!r}")
    except AssertionError as error:
        raise AssertionError(f"{error}\n{seen[-1]}\n{site.log_end()}") from None


@contextmanager
def full_disk(site: Site, machine: str) -> Iterator[None]:
    """Nothing more can be written on a machine, but to /home."""
    layer = site.machines.folder / f"layer.{machine}"
    script = (
        'mount -o "remount,size=$(($(df -k --output=used "$1" | tail -1) + 64))k" "$1";'
        ' cat /dev/zero > "$1/filling" 2>/dev/null || :'
    )
    site.machines.outside(machine, "sh", "-uc", script, "sh", str(layer))
    try:
        yield
    finally:
        script = 'rm "$1/filling"; mount -o remount,size=50% "$1"'
        site.machines.outside(machine, "sh", "-euc", script, "sh", str(layer))


def test_a_full_disk_of_the_server(site: Site) -> None:
    with full_disk(site, HEAD):
        tells(site, "it was refused")
        tells(site, "No space left on device")


def test_wrong_settings_and_an_executor_that_is_not_where_they_say(site: Site) -> None:
    good = site.machines.text(HEAD, SETTINGS)
    site.machines.write(HEAD, SETTINGS, f"grace = 5\n{good}")
    done = site.verify()
    assert done.returncode == 2
    assert f"{SETTINGS}: grace = 5: there is no such key; grace_s may be meant" in done.stderr
    path = "/opt/torque-mesos-executor/executor/torque-mesos-executor"
    site.stop_service()
    site.machines.write(HEAD, SETTINGS, good.replace(path, "/opt/nowhere/executor"))
    site.start_service()
    tells(site, "stderr in its sandbox on the agent has what it said")
    site.stop_service()
    site.machines.write(HEAD, SETTINGS, good)
    site.start_service()


def test_a_full_disk_of_a_worker_which_ends_its_agent(site: Site) -> None:
    with full_disk(site, "w1"):
        # Mesos' agent ends itself when it cannot write down what it is told.
        tells(site, "Mesos shows no agents")
