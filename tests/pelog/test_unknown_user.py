"""A job of a user whom an agent does not know: held with the reason, before it runs there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pelog.hosts import HEAD, ROOT
from tests.pelog.site import Site, started
from tests.waiting import wait_for

pytestmark = pytest.mark.system


@pytest.fixture
def site(mesos_build: Path, batch_kind: str) -> Iterator[Site]:
    with started(mesos_build, batch_kind, 1) as found:
        yield found


def test_it_waits_with_the_reason_until_the_account_is_there(site: Site) -> None:
    user = site.account.pw_name
    accounts = Path("/etc/passwd").read_text().splitlines(keepends=True)
    others = site.hosts.folder / "passwd"
    others.write_text("".join(line for line in accounts if not line.startswith(f"{user}:")))
    site.hosts.check("n1", "mount", "--bind", str(others), "/etc/passwd")

    job = site.submit("echo ran\n", "nodes=1")
    wait_for(lambda: site.job(job)[0] == "H", 90, "it is held")
    reason = f"user {user} is not known on n1. When the account is there: qrls."
    asked = site.batch.asked(job)
    wait_for(lambda: f"Held: {reason}" in (site.command("qstat", *asked) or ""), 30, "why")
    settings = str(site.hosts.folder / "torque-mesos.toml")
    words = (sys.executable, "-m", "torque_mesos.cli", "explain", job, "--config", settings)

    def explained() -> bool:
        told = site.hosts.run(HEAD, *words, environment={"PYTHONPATH": str(ROOT), "COLUMNS": "300"})
        return f"it is held by the system: {reason}" in " ".join(told.stdout.split())

    wait_for(explained, 30, "explain tells it")
    assert not (site.work / "out").exists()

    site.hosts.check("n1", "umount", "/etc/passwd")

    def has_run() -> bool:
        """(It is held again until the executor has looked again.)"""
        state, _ = site.job(job)
        if state == "H":
            site.command("qrls", "-h", "s", job)
        return state == "C"

    wait_for(has_run, 90, "it has run", interval_s=0.5)
    status, lines = site.finish(job)
    assert (status, lines) == (0, ["ran"])
