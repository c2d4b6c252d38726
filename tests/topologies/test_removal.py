"""Packages that are installed, used, removed and purged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple
from pathlib import Path

import pytest

from tests.pelog.hosts import HEAD
from tests.topologies.machines import Machines
from tests.topologies.site import SETTINGS, Packages

pytestmark = pytest.mark.system

NAMES = ("torque-mesos-scheduler", "torque-mesos-executor", "torque-mesos-client")
# Where the packages put something; elsewhere other tests may be at work.
PLACES = "/opt /etc /usr/bin /usr/sbin /usr/lib/systemd /usr/share/man /var/lib/torque-mesos"


@pytest.fixture
def machines(packages: Packages, mesos_build: Path) -> Iterator[Machines]:
    alone = Machines((), mesos_build)
    try:
        alone.start()
        yield alone
    finally:
        alone.close()


def files(machines: Machines) -> set[str]:
    return set(machines.run(HEAD, "sh", "-c", f"find {PLACES} -xdev").stdout.splitlines())


def test_nothing_is_left_of_purged_packages(machines: Machines, packages: Packages) -> None:
    before = files(machines)
    copies = []
    for package in astuple(packages):
        copies.append(machines.folder / package.name)
        copies[-1].write_bytes(package.read_bytes())
    machines.install(HEAD, *copies)
    assert machines.check(HEAD, "torque-mesos", "--version").startswith("torque-mesos ")
    assert machines.check(HEAD, "torque-mesos-executor", "--version")
    assert "no server is named" in machines.run(HEAD, "qstat").stderr
    machines.write(HEAD, SETTINGS, machines.text(HEAD, SETTINGS) + "# changed\n")
    machines.check(HEAD, "dpkg", "--remove", *NAMES)
    kept = files(machines) - before
    assert {path for path in kept if path.startswith(("/opt", "/usr"))} == set()
    assert "# changed" in machines.text(HEAD, SETTINGS)
    machines.check(HEAD, "dpkg", "--purge", *NAMES)
    assert files(machines) - before == set()
