"""The acceptance test, the same command, on clusters of one to six machines.

With the built-in batch server; with `--batch torque,openpbs` also with those, where they are
installed.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.pelog.hosts import HEAD
from tests.topologies.machines import USERS
from tests.topologies.site import Site, Topology
from tests.waiting import wait_for

pytestmark = pytest.mark.system

TOPOLOGIES = {
    "monolithic": Topology(workers=(HEAD,), clients=(HEAD,)),
    "separate worker": Topology(workers=("w1",), clients=(HEAD,), nameless=True),
    "separate worker and client": Topology(workers=("w1",), clients=("c1",)),
    "three workers, two clients": Topology(workers=("w1", "w2", "w3"), clients=("c1", "c2")),
}


@pytest.mark.parametrize("name", TOPOLOGIES)
def test_verify_is_green(name: str, start_site: Callable[..., Site], batch_kind: str) -> None:
    site = start_site(TOPOLOGIES[name], batch_kind)
    if site.topology.nameless:
        known = site.machines.text(HEAD, "/etc/hosts")
        for worker in site.topology.workers:
            assert f"{site.machines.addresses[worker]} {worker}\n" in known
    done = site.verify()
    print(f"\n{name}, {batch_kind}\n{done.stdout}")
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{site.log_end()}"
    several = len(site.topology.workers) > 1
    jobs = (3 if several else 2) * len(USERS) * len(site.topology.clients)
    assert f"{jobs + 3} ok, 0 failed, {0 if several else 1} skipped" in done.stdout
    wait_for(site.all_parked, 60, "every node is parked again")
    for machine in (HEAD, *site.topology.others):
        for uid in USERS.values():
            left = site.machines.processes(machine, uid)
            # (OpenPBS' qsub stays for a minute, for what its user may submit next.)
            assert [words for words in left if not words.startswith("qsub ")] == []
    site.close()
