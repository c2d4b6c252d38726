"""How jobs end: exit statuses as TORQUE's, and output that cannot be delivered."""

from __future__ import annotations

import os
import signal
import stat

import pytest

from tests.batch.builtin.cluster import Cluster
from tests.waiting import wait_for

pytestmark = pytest.mark.system

N1, N2 = "n1.cluster.test", "n2.cluster.test"


def _ended(cluster: Cluster, script: str, *options: str) -> str:
    job_id = cluster.submit(script, *options)
    return cluster.wait_state(job_id, "C").get("exit_status", "")


def test_exit_statuses(cluster: Cluster) -> None:
    """The shell that reads the script says 128 and the signal of what the script died of."""
    cluster.with_nodes(N1)
    cluster.qmgr("set server kill_delay=1")
    for script, status in (
        ("true\n", "0"),
        ("exit 3\n", "3"),
        ("exit 300\n", "44"),
        ("kill -9 $$\n", "137"),
        ("kill -TERM $$\n", "143"),
        ("nosuchcommand\n", "127"),
    ):
        assert _ended(cluster, script) == status, script
    for name, allowed in (
        # As TORQUE's mom, that ends a job so as if it were deleted.
        ("KILL", {271}),
        ("TERM", {256 + signal.SIGTERM, 128 + signal.SIGTERM}),
        ("USR1", {256 + signal.SIGUSR1, 128 + signal.SIGUSR1}),
    ):
        job_id = cluster.submit("sleep 300\n")
        wait_for(lambda job=job_id: "session_id" in cluster.job(job), 60, "it runs")
        assert cluster.run("qsig", "-s", name, job_id, user=True).returncode == 0
        status = int(cluster.wait_state(job_id, "C")["exit_status"])
        assert status in allowed, name
    job_id = cluster.submit("trap '' TERM; sleep 300; sleep 300\n")
    wait_for(lambda: "session_id" in cluster.job(job_id), 60, "it runs")
    assert cluster.run("qdel", job_id, user=True).returncode == 0
    assert cluster.wait_state(job_id, "C")["exit_status"] in ("265", "271")


def test_a_failing_prologue_of_a_sister_is_tried_again(cluster: Cluster) -> None:
    cluster.qmgr("set server down_on_error=false")
    cluster.with_nodes(N1, N2)
    for name in (N1, N2):
        path = cluster.mom_home(name) / "mom_priv" / "prologue.parallel"
        path.write_text("#!/bin/sh\nexit 1\n")
        path.chmod(0o500)
    job_id = cluster.submit("true\n", "-l", "nodes=2:ppn=2")
    wait_for(lambda: int(cluster.job(job_id).get("start_count", 0)) > 2, 60, "it is retried")
    assert cluster.job(job_id)["exit_status"] == "-3"
    for name in (N1, N2):
        (cluster.mom_home(name) / "mom_priv" / "prologue.parallel").unlink()
    assert cluster.wait_state(job_id, "C")["exit_status"] == "0"


def test_a_failing_epilogue_changes_no_exit_status(cluster: Cluster) -> None:
    cluster.qmgr("set server down_on_error=false")
    cluster.with_nodes(N1)
    path = cluster.mom_home(N1) / "mom_priv" / "epilogue"
    path.write_text("#!/bin/sh\nexit 5\n")
    path.chmod(0o500)
    assert _ended(cluster, "exit 4\n") == "4"


@pytest.mark.parametrize("script", ["prologue", "epilogue"])
def test_a_script_that_dies_by_a_signal_has_not_failed(cluster: Cluster, script: str) -> None:
    cluster.with_nodes(N1)
    path = cluster.mom_home(N1) / "mom_priv" / script
    path.write_text("#!/bin/sh\nkill -TERM $$\n")
    path.chmod(0o500)
    assert _ended(cluster, "exit 4\n") == "4"
    assert "message=" not in cluster.node(N1)["status"]
    assert "free" in cluster.states(N1)


def test_output_that_cannot_be_delivered_is_kept_for_its_user(cluster: Cluster) -> None:
    cluster.with_nodes(N1)
    sealed = cluster.work / "sealed"
    sealed.mkdir(mode=0o500)
    cluster.give(sealed)
    options = ("-o", f"{sealed}/out", "-e", "/nowhere/at/all/")
    job_id = cluster.submit("echo told; echo wrong >&2\n", *options)
    assert cluster.wait_state(job_id, "C")["exit_status"] == "0"
    folder = cluster.mom_home(N1) / "undelivered"
    kept = {end: folder / f"{job_id}.{end}" for end in ("OU", "ER")}
    assert {end: path.read_text() for end, path in kept.items()} == {
        "OU": "told\n",
        "ER": "wrong\n",
    }
    for path in kept.values():
        found = path.stat()
        assert (found.st_uid, stat.S_IMODE(found.st_mode)) == (cluster.account.pw_uid, 0o600)
    assert not list(sealed.iterdir())
    log = (cluster.mom_home(N1) / "log").read_text()
    assert f"Unable to copy file {cluster.mom_home(N1)}/spool/{job_id}.OU to " in log
    assert f"saved as {kept['OU']}" in log
    assert cluster.job(job_id)["job_state"] == "C"
    assert not list((cluster.mom_home(N1) / "spool").iterdir())


def test_a_shell_that_is_not_there(cluster: Cluster) -> None:
    cluster.with_nodes(N1)
    assert _ended(cluster, "true\n", "-N", "none", "-S", "/bin/nosuchshell") == "254"
    text = (cluster.work / "none.e0").read_text()
    assert text == "PBS: exec of shell '/bin/nosuchshell' failed\n"


def test_umask_is_for_the_output_and_not_for_the_job(cluster: Cluster) -> None:
    cluster.with_nodes(N1)
    for options, mode in (((), 0o600), (("-W", "umask=022"), 0o644)):
        made = cluster.work / f"made{mode}"
        name = f"mode{mode}"
        assert _ended(cluster, f"umask; touch {made}\n", "-N", name, *options) == "0"
        assert stat.S_IMODE(made.stat().st_mode) == 0o600
        (output,) = cluster.work.glob(f"{name}.o*")
        assert stat.S_IMODE(output.stat().st_mode) == mode
        assert output.read_text() == "0077\n"
        if os.geteuid() == 0:
            assert made.stat().st_uid == output.stat().st_uid == cluster.account.pw_uid


def test_an_account_that_is_no_utf8_loses_no_record_and_no_dependent(cluster: Cluster) -> None:
    cluster.with_nodes(N1)
    job_id = cluster.submit("sleep 2\n", "-A", "caf\udce9")
    waiting = cluster.submit("true\n", "-W", f"depend=afterok:{job_id}")
    cluster.wait_state(waiting, "C")
    assert cluster.job(job_id)["Account_Name"] == "caf?"
    (day,) = (cluster.home / "server_priv" / "accounting").iterdir()
    written = [line for line in day.read_bytes().splitlines() if f";{job_id};".encode() in line]
    assert [line.split(b";")[1] for line in written] == [b"Q", b"S", b"E"]
    assert b" account=caf\xe9 " in written[-1]
