"""Limits of a running job that are altered: its mom hears of them, and keeps them."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from tests.batch.builtin.cluster import Cluster
from tests.waiting import wait_for
from torque_mesos.batch.builtin import alter_running
from torque_mesos.batch.builtin.errors import PbsError

N1 = "n1.cluster.test"
system = pytest.mark.system


@pytest.mark.parametrize(
    ("attributes", "rank", "text"),
    [
        (["Job_Name", "Resource_List.walltime"], 0, None),
        (["Job_Name", "umask", "Keep_Files"], 2, "while job running  umask"),
        (["Resource_List.nodes"], 2, "while job running  Resource_List.nodes"),
        (["Resource_List.foo"], 2, "Unknown resource type  Resource_List.foo"),
        (["Resource_List.gres"], 1, "Unauthorized Request  Resource_List.gres"),
        (["Resource_List.gres"], 2, None),
    ],
)
def test_what_may_change_while_a_job_runs(
    attributes: list[str], rank: int, text: str | None
) -> None:
    if text is None:
        alter_running.check(attributes, rank)
        return
    with pytest.raises(PbsError, match=text):
        alter_running.check(attributes, rank)


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"attributes": ["Job_Name"], "name": "a"}, ["Job_Name"]),
        ({"resources": [["nodes", "9"]]}, ["Resource_List.nodes"]),
        ({"attributes": ["Job_Name"], "account": "a"}, ["Job_Name", "Account_Name"]),
        ({"others": {"x": "1", "checkpoint_dir": "/tmp"}}, ["x"]),
    ],
)
def test_a_client_cannot_hide_what_it_changes(changes: dict[str, Any], names: list[str]) -> None:
    assert alter_running.named(changes) == names


def _running(cluster: Cluster, *options: str) -> str:
    job_id = cluster.submit("sleep 600\n", "-N", "altered", *options)
    cluster.wait_state(job_id, "R")
    wait_for(lambda: "session_id" in cluster.job(job_id), 60, "its mom has reported it")
    return job_id


@system
def test_altered_limits_outlive_server_and_mom(cluster: Cluster) -> None:
    cluster.with_nodes(N1)
    job_id = _running(cluster, "-l", "walltime=15")
    assert cluster.run("qalter", "-l", "walltime=1000", job_id).returncode == 0
    cluster.restart()
    mom = cluster.moms[N1]
    mom.send_signal(signal.SIGKILL)
    mom.wait()
    cluster.start_mom(N1)
    job = cluster.job(job_id)
    assert (job["job_state"], job["Resource_List.walltime"]) == ("R", "00:16:40")
    assert int(job["Walltime.Remaining"]) > 900
    used = "resources_used.walltime"
    wait_for(lambda: cluster.job(job_id).get(used, "0") > "00:00:15", 60, "it used more than 15 s")
    assert cluster.run("qalter", "-l", "walltime=1", job_id, user=True).returncode == 0
    assert cluster.wait_state(job_id, "C")["exit_status"] == "-11"
    assert "exceeded limit 1\n" in (cluster.work / "altered.e0").read_text()


@system
def test_a_mom_that_is_away_is_told_of(cluster: Cluster) -> None:
    cluster.with_nodes(N1)
    job_id = _running(cluster)
    cluster.moms[N1].kill()
    cluster.moms[N1].wait()
    done = cluster.run("qalter", "-l", "walltime=1000", job_id)
    assert (done.returncode, done.stderr) == (
        224,
        f"qalter: Server could not connect to MOM {job_id}\n",
    )


@system
def test_an_answer_that_is_lost_ends_qalter_when_its_time_is_over(cluster: Cluster) -> None:
    cluster.restart(traps={"lost_answer": 1})
    cluster.with_nodes(N1)
    job_id = _running(cluster)
    done = cluster.run("qalter", "-l", "walltime=1", job_id, user=True, env={"PBSAPITIMEOUT": "1"})
    assert (done.returncode, done.stderr) == (237, f"qalter: Time out {job_id}\n")
    assert cluster.wait_state(job_id, "C")["exit_status"] == "-11"


@system
def test_what_is_refused_in_part_changes_nothing(cluster: Cluster) -> None:
    job_id = cluster.submit("true\n")
    before = cluster.job(job_id)
    options = ("-W", "umask=077", "-N", "other", "-p", "9", "-h", "o")
    done = cluster.run("qalter", *options, job_id, user=True)
    assert done.returncode == 159, done.stderr
    assert cluster.job(job_id) == before
    assert cluster.run("qalter", *options, job_id).returncode == 0
    after = cluster.job(job_id)
    assert (after["umask"], after["Job_Name"], after["Priority"]) == ("77", "other", "9")


@system
def test_a_comment_is_for_operators_and_managers(cluster: Cluster) -> None:
    """As TORQUE 6.1.3 answers."""
    refused = "Cannot set attribute, read only or insufficient permission "
    job_id = cluster.submit("true\n", "-h")
    done = cluster.run("qalter", "-W", "comment=mine", job_id, user=True)
    assert (done.returncode, done.stderr) == (155, f"qalter: {refused} {job_id}\n")
    assert "comment" not in cluster.job(job_id)
    text = "two words, and: more"
    assert cluster.run("qalter", "-W", f"comment={text}", job_id).returncode == 0
    assert cluster.job(job_id)["comment"] == text
    assert cluster.run("qalter", "-W", "comment=", job_id).returncode == 0
    assert "comment" not in cluster.job(job_id)
    done = cluster.run("qsub", "-W", "comment=mine", user=True, text="true\n")
    assert (done.returncode, done.stderr) == (155, f"qsub: submit error ({refused} comment)\n")


@system
def test_the_comment_of_a_running_job_may_change(cluster: Cluster) -> None:
    cluster.with_nodes(N1)
    job_id = _running(cluster)
    assert cluster.run("qalter", "-W", "comment=runs long", job_id).returncode == 0
    assert cluster.job(job_id)["comment"] == "runs long"
