"""What remains of jobs that are over and forgotten: nothing, on disk and in memory."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.batch.builtin.cluster import Cluster
from tests.waiting import wait_for

pytestmark = pytest.mark.system

N1 = "n1.cluster.test"
MEMBERS = 2000
# What 2,000 members need is some 9 MB; seven times as much would be left by a leak.
MOST_GROWTH_MB = 20


def _rows(cluster: Cluster) -> list[tuple[str, int]]:
    database = sqlite3.connect(cluster.home / "server_priv" / "serverdb", timeout=30)
    try:
        counted = "SELECT kind, count(*) FROM record WHERE kind IN ('job', 'array') GROUP BY kind"
        return list(database.execute(counted))
    finally:
        database.close()


def _files(home: Path) -> list[Path]:
    folders = ("spool", "undelivered", "aux", "mom_priv/jobs", "checkpoint")
    return [path for name in folders for path in (home / name).rglob("*") if path.is_file()]


def test_no_file_and_no_row(cluster: Cluster) -> None:
    cluster.with_nodes(N1, np=8)
    cluster.qmgr("set server keep_completed=0")
    cluster.submit("echo out; echo error >&2\n", "-t", "0-39")
    cluster.submit("sleep 300\n", "-t", "0-3%2", "-W", "umask=022")
    last = cluster.submit("exit 1\n")
    cluster.wait_state("1[1]", "R", 120)
    assert [path.name for path in _files(cluster.mom_home(N1))]
    wait_for(lambda: last not in cluster.run("qstat", "-t").stdout, 120, "the last is over")
    wait_for(lambda: " 0[" not in cluster.run("qstat", "-t").stdout, 120, "the first are over")
    cluster.run("qdel", "1[]")
    wait_for(lambda: not cluster.run("qstat", "-t").stdout, 120, "all are forgotten")
    wait_for(lambda: not _files(cluster.mom_home(N1)), 60, "the mom has forgotten them")
    wait_for(lambda: not _rows(cluster), 60, "the server has no row")
    assert len(list(cluster.work.glob("*.o*"))) >= 40


def _resident_mb(cluster: Cluster) -> float:
    assert cluster.server is not None
    status = Path(f"/proc/{cluster.server.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def test_the_servers_memory_does_not_grow_with_the_jobs_that_have_been(cluster: Cluster) -> None:
    cluster.qmgr("set server keep_completed=0")
    resident = []
    for number in range(10):
        cluster.submit("true\n", "-t", f"0-{MEMBERS - 1}%3")
        made = f"total_jobs = {MEMBERS}\n"
        wait_for(lambda made=made: made in cluster.run("qstat", "-Bf").stdout, 120, "all are there")
        assert cluster.run("qdel", f"{number}[]").returncode == 0
        wait_for(lambda: not cluster.run("qstat").stdout, 120, "all are forgotten")
        resident.append(_resident_mb(cluster))
    assert resident[-1] - resident[2] < MOST_GROWTH_MB, resident
