"""TORQUE with Maui, and OpenPBS, both started by the framework, on real Mesos.

They need both installed (`/opt/torque` and Maui; `/opt/pbs` and PostgreSQL), and root.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pelog.hosts import HEAD
from tests.system.managed import ManagedSite, OpenPbsFromNothing, WithMaui, managed
from tests.waiting import wait_for

pytestmark = [pytest.mark.torque, pytest.mark.system]

BACK_S = 60.0
REST_S = 60.0
SCRIPT = "#!/bin/sh\nsort -u $PBS_NODEFILE\necho done\n"


@pytest.fixture(scope="module", params=[WithMaui, OpenPbsFromNothing])
def site(request: pytest.FixtureRequest, mesos_build: Path) -> Iterator[ManagedSite]:
    """One of the servers, started from nothing, with two parked nodes."""
    with managed(mesos_build, request.param) as site:
        wait_for(site.all_parked, REST_S, "every agent has its parked record")
        yield site


def test_an_empty_cluster_grows_for_a_job_runs_it_and_shrinks_again(site: ManagedSite) -> None:
    job = site.submit(SCRIPT, "nodes=2:ppn=2")
    assert site.finish(job) == (0, [*site.nodes, "done"])
    wait_for(site.all_parked, REST_S, "every node is parked again")


def test_daemons_that_are_killed_come_back_and_jobs_run(site: ManagedSite) -> None:
    for daemon in site.server.daemons:
        killed = site.pid(daemon)
        assert killed is not None, daemon
        site.hosts.check(HEAD, "kill", "-9", str(killed))
        wait_for(lambda name=daemon, old=killed: site.pid(name) not in (None, old), BACK_S, daemon)
        wait_for(lambda: site.command("qstat", "-B") is not None, BACK_S, "the server answers")
        assert site.finish(site.submit(SCRIPT, "nodes=1"))[0] == 0, daemon


def test_teardown_ends_what_was_started_and_leaves_what_was_not(site: ManagedSite) -> None:
    site.run("teardown", "--yes")
    assert list((site.state / "daemons").glob("*.pid")) == []
    left = site.hosts.check(HEAD, "ps", "-eo", "args")
    assert not [line for line in left.splitlines() if "pbs_" in line or "maui" in line]
    assert site.server.left_behind(site.hosts) == []
