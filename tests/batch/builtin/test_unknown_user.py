"""Jobs of a user whom a host does not know: they end before they run, and say why."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.batch.builtin.cluster import Cluster

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount another /etc/passwd"),
]
N1, N2 = "n1.cluster.test", "n2.cluster.test"
WITHOUT = 'mount --bind "$0" /etc/passwd; exec "$@"'


@pytest.fixture
def nodes(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """Two nodes; the second one's mom does not know the user."""
    cluster.with_nodes(N1, N2)
    cluster.moms[N2].kill()
    cluster.moms[N2].wait()
    lines = Path("/etc/passwd").read_text().splitlines()
    others = cluster.folder / "passwd"
    others.write_text(
        "".join(f"{line}\n" for line in lines if line.split(":")[0] != cluster.account.pw_name)
    )
    spawn = cluster._spawn

    def elsewhere(*command: str, **more: object) -> subprocess.Popen[bytes]:
        return spawn("unshare", "-m", "sh", "-ec", WITHOUT, str(others), *command, **more)

    with monkeypatch.context() as patch:
        patch.setattr(cluster, "_spawn", elsewhere)
        cluster.start_mom(N2)
    cluster.wait_node(N2, "free")
    return cluster


@pytest.mark.parametrize("hosts", [f"{N2}:ppn=1", f"{N1}:ppn=1+{N2}:ppn=1"])
def test_it_ends_once_with_the_reason(nodes: Cluster, hosts: str) -> None:
    job_id = nodes.submit("touch ran\n", "-l", f"nodes={hosts}")
    job = nodes.wait_state(job_id, "C")
    assert job["exit_status"] == "-1"
    assert job["start_count"] == "1"
    user = nodes.account.pw_name
    assert job["comment"] == f"no password entry for user {user} on {N2}"
    assert not (nodes.work / "ran").exists()
    assert nodes.node(N1).get("jobs", "") == nodes.node(N2).get("jobs", "") == ""
    ran = nodes.submit("touch ran\n", "-l", f"nodes={N1}:ppn=2")
    assert nodes.wait_state(ran, "C")["exit_status"] == "0"
