"""Who may see and do what."""

from __future__ import annotations

import pytest

from tests.accounts import need_root
from tests.batch.builtin.cluster import Cluster

pytestmark = pytest.mark.system

N1 = "n1.cluster.test"
NOBODY = 65534


def test_users_are_not_shown_everything(cluster: Cluster) -> None:
    need_root("and another user beside")
    job_id = cluster.submit("true\n")
    theirs = cluster.run("qstat", "-x", job_id, user=True).stdout
    ours = cluster.run("qstat", "-x", job_id).stdout
    for name in ("substate", "queue_rank", "neednodes"):
        assert f"<{name}>" in ours
        assert f"<{name}>" not in theirs


def test_rights(cluster: Cluster) -> None:
    need_root("and another user beside")
    cluster.qmgr(f"create node {N1}")
    denied = "Unauthorized Request  MSG=error in permissions"
    done = cluster.run("qmgr", "-c", "create node n9", user=True)
    text = f"qmgr obj=n9 svr=default: {denied} (PERM_MANAGER)\n"
    assert (done.returncode, done.stderr) == (2, text)
    done = cluster.run("pbsnodes", "-o", N1, user=True)
    text = f"Error setting note attribute for {N1} - {denied} (PERM_OPorMGR)\n"
    assert (done.returncode, done.stderr) == (0, text)
    done = cluster.run("qmgr", "-c", "set server scheduling=false", user=True)
    text = f"qmgr obj= svr=default: {denied} (PERM_OPorMGR)\n"
    assert (done.returncode, done.stderr) == (2, text)
    job_id = cluster.submit("true\n")
    done = cluster.run("qrun", job_id, user=True)
    assert (done.returncode, done.stderr) == (2, f"qrun: Unauthorized Request  {job_id}\n")
    assert cluster.run("qrerun", job_id, user=True).returncode == 159
    done = cluster.run("qterm", user=True)
    assert (done.returncode, done.stderr) == (2, "qterm: Unauthorized Request \n")
    assert cluster.run("pbsnodes", "-x", user=True).returncode == 0
    user = cluster.account.pw_name
    cluster.qmgr(f"set server operators += {user}@*")
    assert cluster.run("qmgr", "-c", f"set node {N1} np=5", user=True).stderr == ""
    assert cluster.run("qmgr", "-c", f"delete node {N1}", user=True).returncode == 2
    cluster.qmgr(f"set server managers += {user}@*")
    assert cluster.run("qmgr", "-c", f"delete node {N1}", user=True).returncode == 0


def test_one_users_job_is_no_business_of_anothers(cluster: Cluster) -> None:
    need_root("and another user beside")
    job_id = cluster.submit("true\n")
    denied = "Unauthorized Request  MSG=operation not permitted"
    for command, text in (
        (["qdel", job_id], f"qdel: {denied} {job_id}\n"),
        (["qdel", "-p", job_id], f"qdel: Unauthorized Request  {job_id}\n"),
        (["qrerun", job_id], f"qrerun: {denied} {job_id}\n"),
        (["qstat", "-x", job_id], f"qstat: Unauthorized Request  {job_id}\n"),
    ):
        done = cluster.run(*command, uid=NOBODY)
        assert (done.returncode, done.stdout, done.stderr) == (159, "", text)
    assert cluster.run("qstat", uid=NOBODY).stdout == ""
    assert cluster.job(job_id)["job_state"] == "Q"
    cluster.qmgr("set server query_other_jobs=true")
    assert job_id in cluster.run("qstat", uid=NOBODY).stdout


def test_in_single_user_mode_nobody_else_may_submit(single_user: Cluster) -> None:
    need_root("to be another user")
    done = single_user.run("qsub", uid=NOBODY, text="true\n")
    assert done.returncode == 177
    assert done.stderr.startswith("qsub: submit error (Bad UID for job execution MSG=")
