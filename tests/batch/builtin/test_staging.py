"""Files that jobs bring along and leave, as TORQUE was recorded copying them."""

from __future__ import annotations

import time

import pytest

from tests.batch.builtin.cluster import Cluster
from tests.waiting import wait_for
from torque_mesos.batch.builtin.mom_staging import pairs

N1 = "n1.cluster.test"
HINT = "Unable to copy files back - please see the mother superior's log for exact details."


def test_pairs() -> None:
    assert pairs("/here@head:/there, b@h:c") == [("/here", "head:/there"), ("b", "h:c")]
    assert pairs("") == []


@pytest.mark.system
def test_files_are_copied_in_and_out_and_then_removed(cluster: Cluster) -> None:
    cluster.with_nodes(N1)
    work = cluster.work
    (work / "one").write_text("one\n")
    cluster.give(work / "one")
    job_id = cluster.submit(
        f"cat {work}/in >{work}/seen; echo out >{work}/out\n",
        *("-W", f"stagein={work}/in@head.cluster.test:{work}/one"),
        *("-W", f"stageout={work}/out@head.cluster.test:{work}/back"),
    )
    job = cluster.wait_state(job_id, "C")
    assert job["exit_status"] == "0"
    assert "sched_hint" not in job
    assert (work / "seen").read_text() == "one\n"
    assert (work / "back").read_text() == "out\n"
    assert (work / "back").stat().st_uid == cluster.account.pw_uid
    assert not (work / "out").exists()
    assert not (work / "in").exists()
    assert (work / "one").exists()
    assert [line.split(";")[1] for line in cluster.accounting() if job_id in line] == list("QSE")


@pytest.mark.system
def test_without_its_files_a_job_waits_for_half_an_hour(cluster: Cluster) -> None:
    cluster.with_nodes(N1)
    work = cluster.work
    lost = f"stagein={work}/in@head.cluster.test:{work}/none"
    job_id = cluster.submit("true\n", "-W", lost)
    job = cluster.wait_state(job_id, "W")
    assert float(job["Execution_Time"]) > time.time() + 60
    assert job["exec_host"].startswith(N1)
    assert job["comment"].startswith("Job started on ")
    assert not {"start_time", "start_count", "exit_status"} & set(job)
    assert cluster.states(N1) == {"free"}
    kinds = [line.split(";")[1] for line in cluster.accounting() if job_id in line]
    assert kinds == ["Q"]


@pytest.mark.system
def test_files_that_cannot_be_copied_back_stay_and_are_told_of(cluster: Cluster) -> None:
    cluster.with_nodes(N1)
    work = cluster.work
    target = f"stageout={work}/out@head.cluster.test:{work}/none/back"
    job_id = cluster.submit(f"echo out >{work}/out\n", "-W", target)
    wait_for((work / "out").exists, 60, "it ran")
    job = cluster.wait_state(job_id, "C")
    assert (job["exit_status"], job["sched_hint"]) == ("0", HINT)
    assert (work / "out").read_text() == "out\n"
