"""What a job may use, and what happens above it, as TORQUE was recorded doing it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.batch.builtin.cluster import Cluster
from tests.waiting import wait_for
from torque_mesos.batch.builtin.mom_limits import Use, exceeded, size_bytes

N1, N2 = "n1.cluster.test", "n2.cluster.test"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("100b", 100), ("2kb", 2048), ("1gb", 1 << 30), ("3mw", 12 << 20), ("7w", 28), ("5", 5)],
)
def test_sizes(text: str, expected: int) -> None:
    assert size_bytes(text) == expected


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ({}, None),
        ({"cput": "00:00:03", "mem": "1gb"}, (-12, "cput 4 exceeded limit 3")),
        ({"cput": "00:00:05", "mem": "1mb"}, None),
        ({"vmem": "3mb"}, (-10, "vmem 4194304 exceeded limit 3145728")),
        ({"cput": "01:00:00", "mem": "2mb", "vmem": "1gb"}, None),
    ],
)
def test_limits(resources: dict[str, str], expected: object) -> None:
    assert exceeded(resources, Use(4.2, 2048, 4096)) == expected


@pytest.mark.system
def test_a_job_above_its_processor_time_is_killed(cluster: Cluster) -> None:
    cluster.with_nodes(N1)
    job_id = cluster.submit("while :; do :; done\n", "-N", "busy", "-l", "cput=1", "-j", "oe")
    job = cluster.wait_state(job_id, "C", 40)
    assert job["exit_status"] == "-12"
    assert "=>> PBS: job killed: cput " in (cluster.work / "busy.o0").read_text()
    assert job["resources_used.cput"] >= "00:00:01"


@pytest.mark.system
def test_the_shell_has_limits_of_its_own(cluster: Cluster) -> None:
    cluster.with_nodes(N1)
    options = ("-l", "file=10mb,pmem=500mb,nice=5", "-N", "own")
    job_id = cluster.submit("ulimit -f; ulimit -d; ulimit -v; nice\n", *options)
    cluster.wait_state(job_id, "C")
    out = (cluster.work / "own.o0").read_text().split()
    nice = str(os.nice(0) + 5)
    assert out in (["10240", "512000", "unlimited", nice], ["20480", "512000", "unlimited", nice])


@pytest.mark.system
def test_a_prologue_that_takes_too_long_is_ended(cluster: Cluster) -> None:
    cluster.qmgr("set server down_on_error=false")
    cluster.qmgr(f"create node {N1} np=2")
    config = "$pbsserver head.cluster.test\n$status_update_time 5\n$usecp *:/ /\n$prologalarm 30\n"
    cluster.start_mom(N1, config)
    cluster.wait_node(N1, "free")
    prologue = cluster.mom_home(N1) / "mom_priv" / "prologue"
    prologue.write_text("#!/bin/sh\nsleep 300\n")
    prologue.chmod(0o500)
    job_id = cluster.submit("true\n")
    wait_for(lambda: cluster.job(job_id).get("exit_status") == "-14", 60, "it is tried once more")
    error = f"file: {prologue}, exit: -4, prolog/epilog timeout occurred, child cleaned up"
    assert error in (cluster.mom_home(N1) / "log").read_text()
    prologue.unlink()
    assert cluster.wait_state(job_id, "C")["exit_status"] == "0"


@pytest.mark.system
def test_prologues_of_every_kind_run_in_torques_order(cluster: Cluster) -> None:
    cluster.with_nodes(N1)
    priv = cluster.mom_home(N1) / "mom_priv"
    for name in ("prologue", "prologue.user", "epilogue.user", "epilogue"):
        (priv / name).write_text(f"#!/bin/sh\necho {name} $(id -un)\n")
        (priv / name).chmod(0o555 if ".user" in name else 0o500)
    for name in ("pro", "epi"):
        script = cluster.work / name
        script.write_text(f"#!/bin/sh\necho {name} $(id -un)\n")
        script.chmod(0o500)
        cluster.give(script)
    limits = f"prologue={cluster.work}/pro,epilogue={cluster.work}/epi"
    job_id = cluster.submit("echo job\n", "-N", "framed", "-l", limits)
    cluster.wait_state(job_id, "C")
    user = cluster.account.pw_name
    owner = "root" if cluster.privileged else user
    assert (cluster.work / "framed.o0").read_text().splitlines() == [
        f"prologue {owner}",
        f"prologue.user {user}",
        f"pro {user}",
        "job",
        f"epi {user}",
        f"epilogue.user {user}",
        f"epilogue {owner}",
    ]


def fails(cluster: Cluster, node: str, name: str, code: int) -> Path:
    """A prologue or epilogue of a node that ends with this exit code; its path."""
    script = cluster.mom_home(node) / "mom_priv" / name
    script.write_text(f"#!/bin/sh\nexit {code}\n")
    script.chmod(0o500)
    return script


@pytest.mark.system
def test_a_sisters_failing_prologue_takes_its_node_down_until_the_mom_complains_no_more(
    cluster: Cluster,
) -> None:
    cluster.with_nodes(N1, N2)
    prologue = fails(cluster, N2, "prologue.parallel", 2)
    job_id = cluster.submit("true\n", "-l", f"nodes={N1}+{N2}")
    cluster.wait_node(N2, "down")
    text = f"ERROR: prolog/epilog failed, file: {prologue}, exit: 2, nonzero p/e exit status"
    assert cluster.node(N2)["note"] == text
    assert cluster.states(N1) == {"free"}
    job = cluster.wait_state(job_id, "Q")
    assert job["exit_status"] == "-3"
    prologue.unlink()
    cluster.run("momctl", "-h", N2, "-q", "clearmsg")
    cluster.wait_node(N2, "free")
    cluster.kick()
    assert cluster.wait_state(job_id, "C")["exit_status"] == "0"
    assert "note" not in cluster.node(N2)


@pytest.mark.system
@pytest.mark.parametrize(("append", "behind"), [("true", True), ("false", False)])
def test_what_a_mom_complains_of_is_put_behind_the_note_if_at_all(
    cluster: Cluster, append: str, behind: bool
) -> None:
    cluster.qmgr(f"set server note_append_on_error={append}")
    cluster.with_nodes(N1, N2)
    cluster.qmgr(f"set node {N2} note=mine")
    epilogue = fails(cluster, N2, "epilogue.parallel", 1)
    job_id = cluster.submit("true\n", "-l", f"nodes={N1}+{N2}")
    cluster.wait_node(N2, "down")
    error = f"ERROR: prolog/epilog failed, file: {epilogue}, exit: 1, nonzero p/e exit status"
    assert cluster.node(N2)["note"] == (f"mine - {error}" if behind else "mine")
    assert cluster.wait_state(job_id, "C")["exit_status"] == "0"
    epilogue.unlink()
    cluster.moms[N2].kill()
    cluster.moms[N2].wait()
    cluster.start_mom(N2)
    cluster.wait_node(N2, "free")
    assert cluster.node(N2)["note"] == "mine"


@pytest.mark.system
def test_a_first_hosts_failing_prologue_takes_no_node_down(cluster: Cluster) -> None:
    cluster.with_nodes(N1)
    prologue = fails(cluster, N1, "prologue", 2)
    job_id = cluster.submit("true\n", "-r", "n")
    wait_for(lambda: int(cluster.job(job_id).get("start_count", 0)) >= 3, 60, "three starts")
    assert "message=" not in cluster.node(N1)["status"]
    prologue.unlink()
    assert cluster.wait_state(job_id, "C")["exit_status"] == "0"
    kinds = [line.split(";")[1] for line in cluster.accounting() if job_id in line]
    assert set(kinds) == {"Q", "S", "E"}


@pytest.mark.system
@pytest.mark.parametrize("how", ["qdel", "qsig", "qrerun"])
def test_epilogue_precancel_runs_as_the_user_before_the_job_is_ended(
    cluster: Cluster, how: str
) -> None:
    cluster.with_nodes(N1)
    seen = cluster.work / "seen"
    script = cluster.mom_home(N1) / "mom_priv" / "epilogue.precancel"
    script.write_text(
        f"#!/bin/sh\nsleep 1\nkill -0 $5 || exit 1\n"
        f'{{ id -un; echo $#; printf "%s\\n" "$@"; }} >{seen}.new\n'
        f"mv {seen}.new {seen}\n"
    )
    script.chmod(0o555)
    body = f"echo on >{cluster.work}/up; sleep 100\n"
    job_id = cluster.submit(body, "-N", "ended", "-l", "walltime=60")
    wait_for((cluster.work / "up").exists, 60, "it runs")
    orders = {"qdel": (), "qsig": ("-s", "TERM"), "qrerun": ()}
    assert cluster.run(how, *orders[how], job_id, user=how != "qrerun").returncode == 0
    if how == "qrerun":
        wait_for(lambda: cluster.job(job_id).get("start_count") == "2", 60, "it starts again")
        assert not seen.exists()
        return
    cluster.wait_state(job_id, "C")
    user, count, *words = seen.read_text().splitlines()
    assert (user, count) == (cluster.account.pw_name, "11")
    assert words[0] == job_id
    assert words[3] == "ended"
    assert "walltime=" in words[5]
    assert words[9] == "0"
    assert words[10].endswith(".SC")
