"""qorder and qmove between queues, as TORQUE 6.1.3 answered."""

from __future__ import annotations

import pwd
from collections.abc import Iterator

import pytest

from tests.batch.builtin.cluster import Cluster, new_cluster

LIMITS = "qorder: Job exceeds queue resource limits \n"


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A server with queues that start nothing: `short` and `long` differ in walltime."""
    cluster = new_cluster()
    try:
        for name in ("short", "long", "lists", "routed"):
            cluster.qmgr(f"create queue {name} queue_type=execution,enabled=true,started=false")
        cluster.qmgr(
            "set queue short resources_max.walltime=600",
            "set queue short resources_default.walltime=200",
            "set queue long resources_default.walltime=500",
            "set queue routed from_route_only=true",
        )
        yield cluster
    finally:
        cluster.close()


def _order(cluster: Cluster, one: str, other: str) -> tuple[int, str]:
    done = cluster.run("qorder", one, other)
    return done.returncode, done.stderr


def _places(cluster: Cluster, *jobs: str) -> list[tuple[str, str]]:
    shown = [cluster.job(job) for job in jobs]
    return [(job["queue"], job["Resource_List.walltime"]) for job in shown]


@pytest.mark.system
def test_jobs_change_queues_only_where_both_fit(cluster: Cluster) -> None:
    one = cluster.submit("true\n", "-q", "short")
    large = cluster.submit("true\n", "-q", "long", "-l", "walltime=9999")
    other = cluster.submit("true\n", "-q", "long")
    before = _places(cluster, one, large)
    assert _order(cluster, one, large) == (190, LIMITS)
    assert _order(cluster, large, one) == (190, LIMITS)
    assert _places(cluster, one, large) == before
    # Neither a disabled nor a full queue minds, and what a queue gave stays behind.
    cluster.qmgr("set queue long enabled=false", "set queue short max_queuable=1")
    assert _order(cluster, one, other) == (0, "")
    assert _places(cluster, one, other) == [("long", "00:08:20"), ("short", "00:03:20")]


@pytest.mark.system
def test_lists_count_for_a_job_that_changes_places(cluster: Cluster) -> None:
    inside = cluster.submit("true\n", "-q", "lists")
    outside = cluster.submit("true\n", "-q", "long")
    for kind, status in (("user", 159), ("group", 159), ("host", 162)):
        enable = f"set queue lists acl_{kind}_enable"
        cluster.qmgr(f"set queue lists acl_{kind}s=nobody", f"{enable}=true")
        for jobs in ((inside, outside), (outside, inside)):
            assert _order(cluster, *jobs)[0] == status, (kind, jobs)
        cluster.qmgr(f"{enable}=false")
    assert [cluster.job(job)["queue"] for job in (inside, outside)] == ["lists", "long"]
    assert _order(cluster, inside, outside) == (0, "")


@pytest.mark.system
def test_a_user_moves_no_job_into_a_queue_for_routed_ones(cluster: Cluster) -> None:
    if not cluster.privileged:
        pytest.skip("needs root, to be a manager and a user")
    job = cluster.submit("true\n", "-q", "long")
    done = cluster.run("qmove", "routed", job, user=True)
    assert (done.returncode, done.stderr) == (176, f"qmove: Access to queue is denied {job}\n")
    assert cluster.job(job)["queue"] == "long"
    assert cluster.run("qmove", "routed", job).returncode == 0
    assert cluster.job(job)["queue"] == "routed"


@pytest.mark.system
def test_nobody_changes_the_place_of_anothers_job(cluster: Cluster) -> None:
    if not cluster.privileged:
        pytest.skip("needs root, to be two users")
    cluster.work.chmod(0o777)
    strange = pwd.getpwnam("daemon").pw_uid
    done = cluster.run("qsub", "-q", "long", uid=strange, text="true\n")
    assert done.returncode == 0, done.stderr
    foreign, own = done.stdout.strip(), cluster.submit("true\n", "-q", "long")
    for jobs in ((own, foreign), (foreign, own)):
        refused = cluster.run("qorder", *jobs, user=True)
        assert (refused.returncode, "operation not permitted" in refused.stderr) == (159, True)
    shown = cluster.run("qselect").stdout.split()
    assert shown == [foreign, own]
    assert cluster.run("qorder", own, foreign).returncode == 0
    assert cluster.run("qselect").stdout.split() == [own, foreign]


@pytest.mark.system
def test_names_that_no_job_can_have(cluster: Cluster) -> None:
    unknown = "Unknown Job Id Error MSG=cannot locate job"
    no_host = "Access from host not allowed, or unknown host\n"
    for words, status, error in (
        (["qsub", "-q", "@"], 2, "qsub: illegally formed destination: @\n"),
        (["qsub", "-q", "long@"], 2, "qsub: illegally formed destination: long@\n"),
        (["qsub", "-q", "a@b@c"], 2, "qsub: illegally formed destination: a@b@c\n"),
        (["qhold", "all"], 153, ""),
        (["qrls", "all"], 153, ""),
        (["qalter", "-p", "1", "all"], 153, ""),
        (["qsig", "all"], 153, f"qsig: {unknown} all\n"),
        (["qrun", "all"], 2, f"qrun: {unknown} all\n"),
        (["qmove", "long", "777"], 153, ""),
        (["qmove", "long@nosuch.invalid", "777"], 153, ""),
        (
            ["qdel", "-t", "1", "777"],
            1,
            "qdel: Error: job id '777' isn't a job array but -t was specified.\n",
        ),
        (
            ["qdel", "0@nosuch.invalid"],
            162,
            f"qdel: cannot connect to server nosuch.invalid (errno=15010) {no_host}",
        ),
    ):
        done = cluster.run(*words, user=True, text="true\n")
        assert (done.returncode, done.stdout) == (status, ""), words
        assert done.stderr.endswith(error), words
        assert bool(done.stderr) == bool(error), words
    if cluster.privileged:
        done = cluster.run("qdel", "-m", "bye", "777", user=True)
        assert (done.returncode, "to use -m parameter 777" in done.stderr) == (159, True)


@pytest.mark.system
def test_qmgr_tells_what_is_active_and_helps(cluster: Cluster) -> None:
    done = cluster.run("qmgr", "-c", "active server")
    assert (done.returncode, done.stdout) == (0, "Active servers:\ndefault\n")
    done = cluster.run("qmgr", text="active queue\nactive queue long\nactive queue\n")
    assert done.stdout.endswith(
        "Active queues:\nactive queue long\nactive queue\nActive queues:\nlong\n"
    )
    done = cluster.run("qmgr", "-c", "help set")
    assert (done.returncode, "Verbs: active, create" in done.stdout) == (2, True)


@pytest.mark.system
def test_no_job_is_moved_to_another_server(cluster: Cluster) -> None:
    job = cluster.submit("true\n", "-q", "long")
    done = cluster.run("qmove", "short@nosuch.invalid", job, user=True)
    assert done.returncode
    assert f"another server (nosuch.invalid): {job}\n" in done.stderr
    assert cluster.job(job)["queue"] == "long"
