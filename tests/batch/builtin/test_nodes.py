"""The life of node records, with TORQUE's traps (delays scaled down)."""

from __future__ import annotations

import signal
import socket
import time

import pytest

from tests.batch.builtin.cluster import SCALE, Cluster
from tests.waiting import wait_for
from torque_mesos.batch.builtin import wire

pytestmark = pytest.mark.system

N1, N2, N3 = "n1.cluster.test", "n2.cluster.test", "n3.cluster.test"
UNSENT = "MOM-list-not-sent"
NOT_SENT_YET = (
    "The updated okclients list hasn't been sent out to the cluster yet. The node(s) will "
    "automatically update to free once this is done and the mom has reported in.\n"
)


def test_a_new_record_is_usable_after_ten_seconds_only(cluster: Cluster) -> None:
    cluster.rescale(1.0)
    begun = time.monotonic()
    cluster.qmgr(f"create node {N1} np=4,properties=mesos,note=ours")
    node = cluster.node(N1)
    assert set(node["state"].split(",")) == {"down", "offline", UNSENT}
    assert (node["np"], node["properties"], node["note"]) == ("4", "mesos", "ours")
    cluster.start_mom(N1, ready=False)
    cluster.wait_node(N1, "free")
    assert time.monotonic() - begun > 10


def test_a_new_record_cannot_be_parked_and_its_offline_mark_clears_itself(
    cluster: Cluster,
) -> None:
    cluster.rescale(60.0)  # ten minutes, so that it is new as long as it must be
    cluster.qmgr(f"create node {N1}")
    done = cluster.run("pbsnodes", "-o", "-N", "mine", N1)
    text = f"Error setting note attribute for {N1} - {NOT_SENT_YET}"
    assert (done.returncode, done.stderr) == (0, text)
    assert "note" not in cluster.node(N1)
    refused = cluster.run("qmgr", "-c", f"set node {N1} state=offline")
    assert (refused.returncode, refused.stderr) == (2, f"qmgr obj={N1} svr=default: {NOT_SENT_YET}")
    assert cluster.states(N1) == {"down", "offline", UNSENT}
    cluster.rescale(SCALE)
    cluster.wait_node(N1, "down")


def test_a_parked_record_is_ready_a_moment_after_its_mom_starts(cluster: Cluster) -> None:
    cluster.qmgr(f"create node {N1} np=2")
    cluster.wait_node(N1, "down")
    assert cluster.run("pbsnodes", "-o", "-N", "parked", N1).returncode == 0
    assert cluster.states(N1) == {"down", "offline"}
    cluster.start_mom(N1)
    assert cluster.states(N1) == {"offline"}
    assert cluster.run("pbsnodes", "-c", "-N", "", N1).returncode == 0
    node = cluster.node(N1)
    assert node["state"] == "free"
    assert "note" not in node


def test_a_dead_mom_is_noticed_late(cluster: Cluster) -> None:
    cluster.qmgr("set server node_check_rate=60")
    cluster.with_nodes(N1)
    job_id = cluster.submit("sleep 300\n", "-l", "nodes=1:ppn=2")
    session = int(cluster.wait_state(job_id, "R")["start_count"])
    assert session == 1
    cluster.moms[N1].kill()
    cluster.moms[N1].wait()
    killed = time.monotonic()
    cluster.wait_node(N1, "down", "job-exclusive", timeout_s=60)
    assert time.monotonic() - killed > 1
    assert cluster.job(job_id)["job_state"] == "R"
    plain = cluster.run("qdel", job_id, user=True)
    text = f"qdel: Server could not connect to MOM {job_id}\n"
    assert (plain.returncode, plain.stderr) == (224, text)
    asked = cluster.run("qrerun", job_id)
    text = f"qrerun: Execution server rejected request MSG=Rejected by mom {job_id}\n"
    assert (asked.returncode, asked.stderr) == (195, text)
    assert cluster.run("qrerun", "-f", job_id).returncode == 0
    assert cluster.job(job_id)["job_state"] == "Q"
    assert "jobs" not in cluster.node(N1)


def test_one_dead_mom_keeps_new_nodes_out_until_it_is_marked_offline(cluster: Cluster) -> None:
    cluster.qmgr("set server node_check_rate=100000")
    cluster.with_nodes(N1)
    cluster.moms[N1].kill()
    cluster.moms[N1].wait()
    cluster.qmgr(f"create node {N2}")
    cluster.start_mom(N2, ready=False)
    time.sleep(20 * SCALE)
    assert UNSENT in cluster.states(N2)
    cluster.run("pbsnodes", "-o", N1)
    cluster.wait_node(N2, "free")


def test_a_node_that_becomes_free_wakes_no_scheduler(cluster: Cluster) -> None:
    cluster.qmgr(f"create node {N1}")
    job_id = cluster.submit("true\n")
    cluster.start_mom(N1, ready=False)
    cluster.wait_node(N1, "free")
    time.sleep(0.5)
    assert cluster.job(job_id)["job_state"] == "Q"
    cluster.kick()
    cluster.wait_state(job_id, "C")


def test_scheduler_iteration_wakes_it(cluster: Cluster) -> None:
    cluster.qmgr("set server scheduler_iteration=1", f"create node {N1}")
    cluster.run("qterm")
    wait_for(lambda: cluster.server is not None and cluster.server.poll() == 0, 60, "it stops")
    cluster.start_server()
    job_id = cluster.submit("true\n")
    cluster.start_mom(N1, ready=False)
    cluster.wait_state(job_id, "C")


def test_deleting_an_idle_node_takes_two_seconds(cluster: Cluster) -> None:
    cluster.with_nodes(N1)
    begun = time.monotonic()
    cluster.qmgr(f"delete node {N1}")
    assert time.monotonic() - begun >= 2 * SCALE
    gone = cluster.run("qmgr", "-c", f"delete node {N1}")
    text = f"qmgr obj={N1} svr=default: Unknown node \n"
    assert (gone.returncode, gone.stderr) == (2, text)


def test_without_the_last_node_pbsnodes_fails_in_another_way(cluster: Cluster) -> None:
    assert cluster.run("pbsnodes", "-x").returncode == 1
    cluster.qmgr(f"create node {N1}", f"delete node {N1}")
    done = cluster.run("pbsnodes", "-x")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "pbsnodes: No nodes found\n")


def test_deleting_a_busy_node_can_cost_the_job(cluster: Cluster) -> None:
    """The server waits until it sees the job queued, and purges one that it never sees so.

    Here, because a mom that hangs does not put it back. (See test_registry.py for more.)
    """
    cluster.with_nodes(N1)
    job_id = cluster.submit("sleep 300\n", "-l", "nodes=1:ppn=2")
    cluster.wait_state(job_id, "R")
    cluster.moms[N1].send_signal(signal.SIGSTOP)
    done = cluster.run("qmgr", "-c", f"delete node {N1}")
    assert done.returncode == 2
    assert "all jobs on the node have been purged" in done.stderr
    assert cluster.job(job_id) == {}
    assert cluster.run("pbsnodes", N1).returncode == 1


def test_deleting_a_busy_node_ends_a_job_that_is_not_rerunable(cluster: Cluster) -> None:
    cluster.with_nodes(N1)
    job_id = cluster.submit("sleep 300\n", "-r", "n")
    cluster.wait_state(job_id, "R")
    assert cluster.run("qmgr", "-c", f"delete node {N1}").returncode == 0
    assert cluster.job(job_id)["exit_status"] == "271"


def test_slots_have_indexes(cluster: Cluster) -> None:
    """np below a slot in use forgets that slot: it is given out twice later."""
    cluster.with_nodes(N1, np=4)
    ids = [cluster.submit("sleep 300\n") for _ in range(4)]
    cluster.wait_state(ids[3], "R")
    for job_id in ids[:3]:
        cluster.run("qdel", job_id)
        cluster.wait_state(job_id, "C")
    assert cluster.node(N1)["jobs"] == f"3/{ids[3]}"
    cluster.qmgr(f"set node {N1} np=2")
    more = [cluster.submit("sleep 300\n") for _ in range(2)]
    for job_id in more:
        cluster.wait_state(job_id, "R")
    assert cluster.states(N1) == {"job-exclusive"}
    cluster.qmgr(f"set node {N1} np=4")
    last = [cluster.submit("sleep 300\n") for _ in range(2)]
    for job_id in last:
        cluster.wait_state(job_id, "R")
    assert cluster.node(N1)["jobs"].count(".head") == 5
    assert cluster.job(last[1])["exec_host"] == f"{N1}/3" == cluster.job(ids[3])["exec_host"]


def test_auto_node_np_overwrites_np(cluster: Cluster) -> None:
    cluster.with_nodes(N1, np=77)
    assert cluster.node(N1)["np"] == "77"
    cluster.qmgr("set server auto_node_np=True")
    wait_for(lambda: cluster.node(N1)["np"] != "77", 60, "the mom's count of cpus")


def test_a_name_that_does_not_resolve_is_refused(cluster: Cluster) -> None:
    for name in ("nosuchhost.invalid", "bad_name!"):
        done = cluster.run("qmgr", "-c", f"create node {name}")
        text = f"qmgr obj={name} svr=default: Unknown node \n"
        assert (done.returncode, done.stderr) == (2, text)


def test_an_address_is_a_name(cluster: Cluster) -> None:
    cluster.qmgr("create node 192.0.2.1 np=1000,properties=fat,note=capacity")
    cluster.wait_node("192.0.2.1", "down")


def test_a_mom_that_no_record_knows_is_not_listened_to(cluster: Cluster) -> None:
    cluster.start_mom(N3, ready=False)
    log = cluster.home / "server_logs"
    wait_for(
        lambda: any(
            "address not trusted" in path.read_text(encoding="utf-8") for path in log.iterdir()
        ),
        60,
        "it is logged",
    )


def test_a_mom_takes_no_join_from_an_address_that_is_not_on_its_list(cluster: Cluster) -> None:
    """Why a node that is `free` may not be ready for jobs over several hosts."""
    cluster.with_nodes(N1)
    port = int(cluster.node(N1)["mom_manager_port"])
    stranger = ("127.0.0.99", 0)
    with socket.create_connection(("127.0.0.11", port), source_address=stranger) as sock:
        sock.sendall(wire.encode({"op": "join", "job": "7.head", "order": {}}))
        assert sock.recv(100) == b""
    log = (cluster.mom_home(N1) / "log").read_text()
    assert "tcp_request, bad connect from 127.0.0.99" in log


def test_notes_are_appended_and_nodes_stay_powered(cluster: Cluster) -> None:
    """Every answer here was recorded from TORQUE 6.1.3."""
    cluster.with_nodes(N1)
    for options, note in (
        (("-A", "hello"), "hello"),
        (("-o", "-A", "more"), "hellomore"),
        (("-N", "base", "-A", "two"), "hellomoretwo"),
        (("-c",), "hellomoretwo"),
    ):
        done = cluster.run("pbsnodes", *options, N1)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert cluster.node(N1)["note"] == note
    unknown = cluster.run("pbsnodes", "-A", "x", "n9")
    assert unknown.returncode == 1
    assert unknown.stderr == "pbsnodes: Unknown node  MSG=cannot locate specified node\n"
    for options in (
        ("-p", N1),
        ("-d", N1),
        ("-p",),
        ("-p", "n9"),
        ("-A", "x"),
        ("-m", "running", N1),
    ):
        done = cluster.run("pbsnodes", *options)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    failed = f"Error setting node power state for {N1} - "
    done = cluster.run("pbsnodes", "-m", "foo", N1)
    assert (done.returncode, done.stderr) == (0, f"{failed}Illegal value for  power_state\n")
    cluster.wait_state(cluster.submit("sleep 100\n"), "R")
    done = cluster.run("pbsnodes", "-m", "sleep", N1)
    busy = "Can't change power state on a node which has running jobs."
    assert (done.returncode, done.stderr) == (0, f"{failed}{busy}\n")
