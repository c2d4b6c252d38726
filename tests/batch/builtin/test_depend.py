"""Jobs that wait for jobs, as TORQUE was recorded doing it."""

from __future__ import annotations

import pytest

from tests.batch.builtin.cluster import Cluster
from tests.waiting import wait_for

pytestmark = pytest.mark.system

N1 = "n1.cluster.test"


def _after(cluster: Cluster, kind: str, target: str) -> str:
    return cluster.submit("true\n", "-W", f"depend={kind}:{target}")


def test_after_every_kind_of_end(cluster: Cluster) -> None:
    cluster.with_nodes(N1, np=20)
    bases = {
        "ok": cluster.submit("true\n", "-h"),
        "bad": cluster.submit("exit 3\n", "-h"),
    }
    kinds = ("after", "afterok", "afternotok", "afterany")
    jobs = {
        (kind, end): _after(cluster, kind, base) for kind in kinds for end, base in bases.items()
    }
    held = cluster.job(jobs["afterok", "ok"])
    assert (held["job_state"], held["Hold_Types"], held["substate"]) == ("H", "s", "22")
    assert held["depend"] == f"afterok:{bases['ok']}"
    assert cluster.job(bases["ok"])["depend"].startswith(f"before:{jobs['after', 'ok']},beforeok:")
    done = cluster.run("qrls", jobs["afterok", "ok"], user=True)
    assert done.returncode == 70
    cluster.run("qrls", *bases.values(), user=True)
    found = {key: cluster.wait_state(job_id, "C") for key, job_id in jobs.items()}
    ran = {key: "start_count" in job for key, job in found.items()}
    assert [key for key, value in ran.items() if not value] == [
        ("afterok", "bad"),
        ("afternotok", "ok"),
    ]
    lost = found["afterok", "bad"]
    assert lost["comment"] == f"Job deleted as result of dependency on job {bases['bad']}"
    assert (lost["exit_status"], lost["substate"], lost["Hold_Types"]) == ("271", "55", "s")
    assert "depend" not in found["afterany", "bad"]


def test_after_lets_go_when_the_other_starts(cluster: Cluster) -> None:
    cluster.with_nodes(N1)
    base = cluster.submit("sleep 300\n", "-h")
    waiting = _after(cluster, "after", base)
    cluster.run("qrls", base, user=True)
    cluster.wait_state(waiting, "C")
    assert cluster.job(base)["job_state"] == "R"


def test_a_deleted_job_counts_as_one_that_ended_well(cluster: Cluster) -> None:
    base = cluster.submit("true\n", "-h")
    chain = _after(cluster, "afterok", base)
    behind = _after(cluster, "afterok", chain)
    lost = _after(cluster, "afternotok", base)
    cluster.run("qdel", base, user=True)
    assert cluster.job(chain)["job_state"] == "Q"
    assert cluster.job(behind)["job_state"] == "H"
    assert cluster.job(lost)["exit_status"] == "271"


def test_dependencies_that_are_refused(cluster: Cluster) -> None:
    base = cluster.submit("true\n", "-h")
    over = cluster.submit("true\n", "-h")
    cluster.run("qdel", over, user=True)
    for text in (f"before:{base}", "afterok", "afterok:99999", f"afterok:{over}"):
        done = cluster.run("qsub", "-W", f"depend={text}", user=True, text="true\n")
        expected = (208, "qsub: submit error (Invalid Job Dependency)\n")
        assert (done.returncode, done.stderr) == expected, text
    for text in ("foo:1", "afterok:abc"):
        done = cluster.run("qsub", "-W", f"depend={text}", user=True, text="true\n")
        assert done.returncode == 2
        assert done.stderr.startswith(f"[qsub: illegal -W dependency value: '{text}']\n\nusage: ")
    # What can never be met is accepted, and waits for ever.
    lost = _after(cluster, "afternotok", over)
    assert cluster.job(lost)["job_state"] == "H"


def test_on_waits_for_those_that_come_before(cluster: Cluster) -> None:
    cluster.with_nodes(N1)
    waiting = cluster.submit("true\n", "-W", "depend=on:1")
    assert cluster.job(waiting)["depend"] == "on:1"
    first = _after(cluster, "beforeok", waiting)
    assert cluster.job(first)["depend"] == f"beforeok:{waiting}"
    assert cluster.wait_state(waiting, "C")["exit_status"] == "0"


def test_after_an_array_and_an_array_after(cluster: Cluster) -> None:
    cluster.with_nodes(N1, np=4)
    array = cluster.submit("exit $PBS_ARRAYID\n", "-t", "0-1", "-h")
    good = _after(cluster, "afterokarray", array)
    some = _after(cluster, "afteranyarray", array)
    follower = cluster.submit("true\n", "-t", "0-1", "-W", f"depend=afterany:{some}")
    assert cluster.job(follower.replace("[]", "[0]"))["job_state"] == "H"
    cluster.run("qrls", array, user=True)
    assert cluster.wait_state(good, "C")["exit_status"] == "271"
    cluster.wait_state(some, "C")
    wait_for(lambda: " C " in cluster.run("qstat", follower).stdout, 60, "the array has run")


def test_links_survive_a_killed_server(cluster: Cluster) -> None:
    base = cluster.submit("true\n", "-h")
    waiting = _after(cluster, "afterany", base)
    assert cluster.server is not None
    cluster.server.kill()
    cluster.server.wait()
    cluster.start_server()
    assert cluster.job(waiting)["depend"] == f"afterany:{base}"
    cluster.run("qdel", base, user=True)
    assert cluster.job(waiting)["job_state"] == "Q"
