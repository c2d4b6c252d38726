"""`launch = "ssh"`, with a real sshd on every host and home folders that all share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pelog.mpi import MPIS, check_ranks, compiled
from tests.pelog.site import SLOTS, Site, started
from tests.pelog.sshd import make_home, need_sshd, start_sshd
from tests.waiting import wait_for

pytestmark = pytest.mark.system

REQUEST = f"nodes=2:ppn={SLOTS}"


@pytest.fixture(scope="module")
def site(mesos_build: Path, batch_kind: str) -> Iterator[Site]:
    need_sshd()
    with started(mesos_build, batch_kind, 2, 'launch = "ssh"') as found:
        make_home(found, "home", found.hosts.names)
        start_sshd(found, found.hosts.names)
        yield found


@pytest.fixture(params=MPIS)
def program(request: pytest.FixtureRequest, site: Site) -> str:
    return compiled(site, request.param)


def keys(site: Site) -> list[str]:
    """The lines of the user's authorized_keys."""
    path = site.hosts.folder / "home" / ".ssh" / "authorized_keys"
    return [line for line in path.read_text().splitlines() if line] if path.exists() else []


def logins(site: Site) -> int:
    """How often sshd has let the user in on the agents."""
    logs = [(site.hosts.folder / f"daemons.{node}").read_text("latin-1") for node in site.nodes]
    return "".join(logs).count(f"Accepted publickey for {site.account.pw_name}")


def hangs(site: Site, program: str) -> str:
    """Submit a job that hangs on both hosts, and wait until all its ranks run."""
    job = site.submit(f"uname -n > {site.work}/first\n{program} hang\n", REQUEST)

    def all_run() -> bool:
        lines = [site.left(node) for node in site.nodes]
        return all(sum("ring" in line and "hang" in line for line in one) >= SLOTS for one in lines)

    wait_for(all_run, 90, "all ranks run")
    return job


def test_ranks_are_started_by_ssh_with_a_key_that_goes_with_the_job(
    site: Site, program: str
) -> None:
    before = logins(site)
    job = site.submit(f"cat ~/.ssh/authorized_keys\n{program}\necho status $?\n", REQUEST)
    status, lines = site.finish(job)
    assert status == 0, lines
    check_ranks(lines, 2)
    assert "status 0" in lines
    assert any(line.endswith(f" torque-mesos {job}") for line in lines)
    assert logins(site) > before
    assert keys(site) == []


def test_qdel_leaves_no_process_and_no_key(site: Site, program: str) -> None:
    job = hangs(site, program)
    assert len(keys(site)) == 1
    site.qdel(job)
    site.finish(job)
    assert keys(site) == []


def test_the_key_goes_with_a_mom_that_is_killed(site: Site, program: str) -> None:
    if site.batch.kind != "builtin":
        pytest.skip("a real server keeps such a job for minutes, and the tests that follow from it")
    job = hangs(site, program)
    first = (site.work / "first").read_text().strip()
    site.hosts.check(first, "sh", "-c", "kill -9 $(pgrep -o -f 'pbs_mo[m] ')")
    wait_for(lambda: not keys(site), 60, "the key is gone")
    wait_for(lambda: f"torque-mesos.{job}" not in site.left(first), 60, "so is the job's folder")
    # The job runs again, unless its owner wants it no more.
    wait_for(lambda: site.command("qdel", job) is not None, 60, "it is deleted")
    site.finish(job)
