"""What momctl asks moms and tells them, as TORQUE's does."""

from __future__ import annotations

import os
import re

import pytest

from tests.batch.builtin.cluster import Cluster
from tests.waiting import wait_for

pytestmark = pytest.mark.system

N1, N2 = "n1.cluster.test", "n2.cluster.test"


def test_momctl_stops_a_mom_and_tells_the_server(cluster: Cluster) -> None:
    cluster.with_nodes(N1)
    done = cluster.run("momctl", "-h", N1, "-s")
    assert (done.returncode, done.stdout) == (0, f"shutdown request successful on {N1}\n")
    assert cluster.moms[N1].wait(timeout=60) == 0
    assert cluster.states(N1) == {"down"}
    gone = cluster.run("momctl", "-h", N1, "-d", "0")
    assert gone.returncode == 1
    assert gone.stderr == (
        f"cannot connect to MOM on node '{N1}', errno=111 (Connection refused)\n"
    )


def test_momctl_asks_and_orders_as_torques(cluster: Cluster) -> None:
    """Texts and exit codes were recorded from TORQUE 6.1.3."""
    cluster.with_nodes(N1, N2)

    def momctl(*options: str) -> tuple[int, str, str]:
        done = cluster.run("momctl", *options)
        return done.returncode, done.stdout, done.stderr

    cpus = f"{'ncpus':>12} = 'ncpus={os.cpu_count()}'\n"
    assert momctl("-h", N1, "-q", "ncpus") == (0, f"{N1:>12}: {cpus}", "")
    assert momctl("-h", N1, "-q", "nosuch") == (0, f"{N1}:       nosuch = 'nosuch=? 15201'\n", "")
    assert momctl("-h", N1, "-q", "status_update_time")[1].endswith("'status_update_time=5'\n")
    listed = cluster.work / "moms"
    listed.write_text(f"{N1}\n{N2}\n")
    assert momctl("-f", str(listed), "-q", "ncpus") == (0, f"{N1}: {cpus}{N2}: {cpus}", "")
    why = "errno: 2 (No such file or directory)"
    assert momctl("-f", "/none", "-C") == (1, "", f"ERROR:    cannot open file '/none', {why}\n")
    failed = f"failed on {N1} (errno=0 - Success : 0 - Success)"
    assert momctl("-h", N1, "-q", "ncpus", "-d", "0") == (
        1,
        f"{N1}: {cpus}",
        f"ERROR:    query[1] 'diag0' {failed}\n",
    )
    assert momctl("-h", N1, "-C") == (0, f"mom {N1} successfully cycled cycle forced\n", "")
    refused = f"ERROR:    cannot reconfigure mom on {N1} (errno=0-Success)\n"
    assert momctl("-h", N1, "-r", "/etc/hostname") == (1, "", refused)
    code, _, usage = momctl("-x")
    assert (code, usage.splitlines()[:2]) == (
        1,
        ["momctl: invalid option -- 'x'", "  no command specified"],
    )
    job_id = cluster.submit("sleep 300\n", "-l", f"nodes={N1}")
    session = wait_for(lambda: cluster.job(job_id).get("session_id"), 60, "it runs")
    for level in ("0", "1", "2", "3"):
        code, told, _ = momctl("-h", N1, "-d", level)
        assert code == 0
        assert told.startswith(f"\nHost: {N1}/{N1}   Version: 6.1.3")
        used = r" cput=0 vmem=\d+ mem=\d+ energy_used=0" if level in "23" else ""
        line = rf"^job\[{re.escape(job_id)}\]  state=RUNNING{used} sidlist={session}$"
        assert re.search(line, told, re.M)
        assert told.endswith("\n\ndiagnostics complete\n\n")
        assert ("Server Update Interval: 5 seconds" in told) is (level != "0")
    cleared = f"job clear request successful on {N1}\n"
    assert momctl("-h", N1, "-c", "99") == (0, cleared, "")
    assert job_id in momctl("-h", N1, "-d", "0")[1]
    assert momctl("-h", N1, "-c", job_id) == (0, cleared, "")
    assert "NOTE:  no local jobs detected" in momctl("-h", N1, "-d", "0")[1]
    assert cluster.job(job_id)["job_state"] == "R"
