"""qhold, qrls, qsig, qmove, qalter and routing queues, held to what TORQUE answered."""

from __future__ import annotations

import os

import pytest

from tests.accounts import need_root
from tests.batch.builtin.cluster import Cluster
from tests.waiting import wait_for

pytestmark = pytest.mark.system

N1 = "n1.cluster.test"
NOT_HELD = (
    "The requested state or substate can't be set from the job's current state "
    "(slot limit in effect)."
)


def _expect(cluster: Cluster, words: list[str], code: int, error: str, user: bool = True) -> None:
    done = cluster.run(*words, user=user)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", error), words


def test_holds(cluster: Cluster) -> None:
    job = cluster.submit("true\n")
    denied = "Unauthorized Request "
    root = os.geteuid() == 0
    _expect(cluster, ["qhold", job], 0, "")
    assert (cluster.job(job)["job_state"], cluster.job(job)["Hold_Types"]) == ("H", "u")
    if root:
        _expect(cluster, ["qhold", "-h", "o", job], 159, f"qhold: {denied} {job}\n")
    _expect(cluster, ["qhold", "-h", "os", job], 0, "", user=False)
    assert cluster.job(job)["Hold_Types"] == "sou"
    _expect(cluster, ["qrls", job], 0, "")
    assert cluster.job(job)["Hold_Types"] == "so"
    if root:
        _expect(cluster, ["qrls", "-h", "o", job], 159, f"qrls: {denied} {job}\n")
    _expect(cluster, ["qrls", "-h", "so", job], 0, "", user=False)
    assert (cluster.job(job)["job_state"], cluster.job(job)["Hold_Types"]) == ("Q", "n")
    _expect(cluster, ["qrls", job], 70, f"qrls: {NOT_HELD} {job}\n")
    _expect(cluster, ["qhold", "99999"], 153, "")
    _expect(cluster, ["qhold", job], 0, "")
    _expect(cluster, ["qrls", job, "99999"], 153, "")
    _expect(cluster, ["qhold", "abc"], 1, "qhold: illegally formed job identifier: abc\n")
    usage = "usage: qhold [-h hold_list] [-t array_range] job_identifier...\n"
    _expect(cluster, ["qhold"], 2, usage)
    _expect(cluster, ["qhold", "-h", "x", job], 2, f"qhold: illegal -h value\n{usage}")
    waiting = cluster.submit("true\n", "-a", "203001011200")
    _expect(cluster, ["qhold", waiting], 0, "")
    _expect(cluster, ["qrls", waiting], 0, "")
    assert cluster.job(waiting)["job_state"] == "W"
    cluster.run("qdel", job, user=True)
    over = "Request invalid for state of job MSG=invalid state for job - COMPLETE"
    for words in (["qhold"], ["qrls"], ["qmove", "batch"], ["qsig"], ["qalter", "-p", "1"]):
        _expect(cluster, [*words, job], 170, f"{words[0]}: {over} {job}\n")


def test_a_running_job_is_held_when_it_comes_back(cluster: Cluster) -> None:
    cluster.with_nodes(N1)
    job = cluster.submit("sleep 300\n")
    cluster.wait_state(job, "R")
    _expect(cluster, ["qhold", job], 0, "")
    assert (cluster.job(job)["job_state"], cluster.job(job)["Hold_Types"]) == ("R", "u")
    text = f"qrun: Request invalid for state of job MSG=job already running {job}\n"
    _expect(cluster, ["qrun", job], 2, text, user=False)
    _expect(
        cluster, ["qmove", "batch", job], 170, f"qmove: Request invalid for state of job {job}\n"
    )
    _expect(cluster, ["qrerun", job], 0, "", user=False)
    cluster.wait_state(job, "H")
    _expect(cluster, ["qrls", job], 0, "")
    wait_for(lambda: cluster.job(job).get("start_count") == "2", 60, "it runs again")


def test_signals(cluster: Cluster) -> None:
    cluster.with_nodes(N1)
    job = cluster.submit("sleep 300\n")
    cluster.wait_state(job, "R")
    wait_for(lambda: "session_id" in cluster.job(job), 60, "its session is known")
    _expect(cluster, ["qsig", "-s", "FOO", job], 167, f"qsig: Unknown/illegal signal name {job}\n")
    _expect(cluster, ["qsig", "-s", "0", job], 0, "")
    if os.geteuid() == 0:
        text = f"qsig: Unauthorized Request  {job}\n"
        _expect(cluster, ["qsig", "-s", "suspend", job], 159, text)
    _expect(cluster, ["qsig", "-s", "suspend", job], 0, "", user=False)
    assert cluster.job(job)["job_state"] == "S"
    assert "jobs" not in cluster.node(N1)
    _expect(cluster, ["qsig", "-s", "resume", job], 0, "", user=False)
    assert cluster.job(job)["job_state"] == "R"
    assert cluster.node(N1)["jobs"] == f"0/{job}"
    _expect(cluster, ["qsig", "-s", "SIGUSR1", job], 0, "")
    assert cluster.wait_state(job, "C")["exit_status"] == "266"
    queued = cluster.submit("true\n", "-h")
    _expect(cluster, ["qsig", queued], 170, f"qsig: Request invalid for state of job {queued}\n")


def test_moving_and_routing(cluster: Cluster) -> None:
    both = "started=true,enabled=true"
    cluster.qmgr(
        f"create queue second queue_type=execution,{both}",
        "create queue closed queue_type=execution,started=true",
        f"create queue short queue_type=execution,resources_max.walltime=60,{both}",
        "create queue route queue_type=route,route_destinations=short",
        "set queue route route_destinations+=second",
        f"set queue route {both}",
        f"create queue priv queue_type=execution,acl_user_enable=true,acl_users=bob,{both}",
        f"create queue one queue_type=execution,max_queuable=1,{both}",
    )
    done = cluster.run("qmgr", "-c", f"create queue r2 queue_type=route,{both}")
    assert done.stderr == "qmgr obj=r2 svr=default: Cannot enable queue, incomplete definition\n"
    cluster.qmgr(f"create node {N1}")
    job = cluster.submit("true\n", "-h")
    _expect(cluster, ["qmove", "second", job], 0, "")
    assert cluster.job(job)["queue"] == "second"
    if os.geteuid() == 0:
        _expect(cluster, ["qmove", "closed", job], 175, f"qmove: Queue is not enabled {job}\n")
        _expect(cluster, ["qmove", "priv", job], 159, f"qmove: Unauthorized Request  {job}\n")
    _expect(cluster, ["qmove", "nosuch", job], 172, f"qmove: Unknown queue {job}\n")
    _expect(cluster, ["qmove", "batch@head.cluster.test", job], 0, "")
    _expect(cluster, ["qmove", "second", "99999"], 153, "")
    small = cluster.submit("true\n", "-q", "route", "-l", "walltime=30", "-h")
    large = cluster.submit("true\n", "-q", "route", "-l", "walltime=600")
    assert (cluster.job(small)["queue"], cluster.job(large)["queue"]) == ("short", "second")
    cluster.submit("true\n", "-q", "one")
    who = f"user {cluster.account.pw_name}@{cluster.job(small)['submit_host']}"
    done = cluster.run("qsub", "-q", "one", user=True, text="true\n")
    text = "total number of jobs in queue exceeds the queue limit"
    assert (done.returncode, done.stderr) == (
        200,
        f"qsub: submit error (Maximum number of jobs already in queue MSG={text}: {who}, "
        "queue one)\n",
    )
    done = cluster.run("qsub", "-q", "priv", user=True, text="true\n")
    assert (done.returncode, done.stderr) == (
        159,
        "qsub: submit error (Unauthorized Request  MSG=user ACL rejected the submitting user: "
        f"{who}, queue priv)\n",
    )


def test_altering(cluster: Cluster) -> None:
    cluster.qmgr(f"create node {N1} np=2")
    job = cluster.submit("true\n")
    for words in (
        ["-l", "walltime=100"],
        ["-N", "newname"],
        ["-p", "7"],
        ["-r", "n"],
        ["-o", "rel"],
        ["-j", "oe"],
        ["-A", "acct"],
        ["-M", "x@y", "-m", "e"],
        ["-v", "X=1"],
        ["-W", "umask=022"],
        ["-a", "203001011200"],
    ):
        _expect(cluster, ["qalter", *words, job], 0, "")
    found = cluster.job(job)
    assert found["job_state"] == "W"
    assert found["Resource_List.walltime"] == "00:01:40"
    assert (found["Job_Name"], found["Priority"], found["Rerunable"]) == ("newname", "7", "False")
    assert (found["Join_Path"], found["Account_Name"], found["umask"]) == ("oe", "acct", "22")
    assert found["Output_Path"].endswith("/rel")
    assert found["Variable_List"] == "X=1"
    for words, code, text in (
        (["-l", "nodes=9"], 190, "Job exceeds queue resource limits"),
        (["-l", "foo=1"], 189, "Unknown resource type "),
        (["-l", "walltime=xx"], 168, "Illegal attribute or resource value for"),
    ):
        _expect(cluster, ["qalter", *words, job], code, f"qalter: {text} {job}\n")
    _expect(cluster, ["qalter", "-p", "1", "99999"], 153, "")
    done = cluster.run("qalter", "-p", "9999", job, user=True)
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, "qalter: illegal -p value")
    for name in ("", "9th", "a b"):
        done = cluster.run("qalter", "-N", name, job, user=True)
        assert done.returncode == 2, name
        assert done.stderr.startswith("qalter: illegal -N value\nusage: qalter"), name
    assert cluster.job(job)["Job_Name"] == "newname"
    other = cluster.submit("true\n", "-h")
    _expect(cluster, ["qalter", "-a", "0000", "-W", f"depend=afterok:{other}", job], 0, "")
    assert cluster.job(job)["depend"] == f"afterok:{other}"
    assert (cluster.job(job)["job_state"], cluster.job(job)["Hold_Types"]) == ("H", "s")


def test_nobody_touches_anothers_job(cluster: Cluster) -> None:
    need_root("and another user beside")
    job = cluster.submit("true\n")
    array = cluster.submit("true\n", "-t", "0-1")
    denied = "Unauthorized Request  MSG=operation not permitted"
    for words in (
        ["qhold"],
        ["qrls"],
        ["qsig"],
        ["qalter", "-p", "1"],
        ["qmove", "batch"],
        ["qdel"],
    ):
        for target in (job, array, array.replace("[]", "[1]")):
            done = cluster.run(*words, target, uid=65534)
            assert (done.returncode, done.stderr) == (159, f"{words[0]}: {denied} {target}\n")
    done = cluster.run("qdel", "all", uid=65534)
    assert (done.returncode, done.stderr) == (159, f"qdel: {denied} all\n")
    assert cluster.job(job)["job_state"] == "Q"
    text = "must have operator or manager privilege to use -m parameter"
    done = cluster.run("qdel", "-m", "why", job, user=True)
    assert (done.returncode, done.stderr) == (
        159,
        f"qdel: Unauthorized Request  MSG={text} {job}\n",
    )
    assert cluster.run("qdel", "all", user=True).returncode == 0
    assert cluster.job(job)["job_state"] == "C"


@pytest.mark.parametrize(
    ("options", "code", "first"),
    [
        (["-p", "1025"], 2, "[qsub: illegal -p value]"),
        (["-m", "x"], 2, "[qsub: illegal -m value]"),
        (["-c", "x"], 2, "[qsub: illegal -c value]"),
        (["-d", "relative"], 2, "[qsub: illegal -d value]"),
        (["-S", "relsh"], 2, "[qsub: illegal -S value]"),
        (["-a", "2630"], 2, "[qsub: illegal -a value]"),
        (["-l", "nodes=1,procs=1"], 2, "[qsub: illegal -l value]"),
        (["-x"], 2, "[qsub: '-x' invalid on non-interactive job]"),
        (["-I"], 1, "qsub:\tstandard input and output must be a terminal for "),
        (["-l", "nodes"], 1, "Cannot find an attr=value pair in comma separated value 'nodes'"),
        (
            ["-W", "group_list=nosuch"],
            199,
            "qsub: submit error (Bad GID for job execution MSG=cannot locate group nosuch in "
            "server group file)",
        ),
        (
            ["-W", "umask=77x"],
            168,
            "qsub: submit error (Illegal attribute or resource value for umask)",
        ),
        (
            ["-W", "foo=bar"],
            154,
            "qsub: submit error (Undefined attribute  MSG=detected presence of an unknown "
            "attribute)",
        ),
        (["-l", "mem=xx"], 168, None),
        (["-l", "nodes="], 168, None),
    ],
)
def test_what_qsub_refuses(
    quiet: Cluster, options: list[str], code: int, first: str | None
) -> None:
    done = quiet.run("qsub", *options, user=True, text="true\n")
    assert done.returncode == code
    assert done.stdout == ""
    if first is not None:
        assert done.stderr.splitlines()[0] == first


def test_what_qsub_takes_is_shown(quiet: Cluster) -> None:
    for options, name, value in (
        (["-M", "a@b,c@d"], "Mail_Users", "a@b,c@d"),
        (["-c", "interval=5"], "Checkpoint", "interval=5"),
        (["-e", "n1:/tmp/e"], "Error_Path", "n1:/tmp/e"),
        (["-W", "umask=022"], "umask", "18"),
        (["-W", "x=foo"], "x", "foo"),
        (["-l", "mem=100"], "Resource_List.mem", "100b"),
        (["-l", "gpus=1"], "Resource_List.gres", "gpus:1"),
        (["-T", "kind"], "jobtype", "kind"),
        (["-n"], "node_exclusive", "True"),
        (["-K", "5"], "user_kill_delay", "5"),
        (["-A", "proj"], "Account_Name", "proj"),
    ):
        job = quiet.job(quiet.submit("true\n", *options))
        assert job[name] == value, options
    job = quiet.job(quiet.submit("true\n", "-o", "/tmp/", "-N", "slash"))
    assert job["Output_Path"].endswith(f":/tmp/slash.o{job['Job_Id'].split('.')[0]}")
