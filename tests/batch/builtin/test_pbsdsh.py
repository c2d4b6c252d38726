"""pbsdsh, and the tasks that it starts on a job's hosts, as TORQUE was recorded doing it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.accounts import need_root
from tests.batch.builtin.cluster import MOM_CONFIG, Cluster
from tests.waiting import wait_for
from torque_mesos.batch.builtin import pbsdsh

N1, N2 = "n1.cluster.test", "n2.cluster.test"
HOSTS: list[list[object]] = [["a", 2], ["b", 2]]


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({}, [0, 1, 2, 3]),
        ({"-u": ""}, [0, 2]),
        ({"-h": "b"}, [2]),
        ({"-n": "1"}, [1]),
        ({"-c": "3"}, [0, 1, 2]),
    ],
)
def test_slots(chosen: dict[str, str], expected: list[int]) -> None:
    assert [index for index, _ in pbsdsh.slots_of(HOSTS, chosen)] == expected


@pytest.mark.parametrize(
    ("chosen", "text"), [({"-h": "c"}, "c not found"), ({"-n": "4"}, "only 4 nodes available")]
)
def test_slots_that_are_not_there(chosen: dict[str, str], text: str) -> None:
    with pytest.raises(pbsdsh.Refused, match=text):
        pbsdsh.slots_of(HOSTS, chosen)


def _output(cluster: Cluster, script: str) -> list[str]:
    path = cluster.work / "script"
    path.write_text(script)
    job_id = cluster.submit(script, "-N", "dsh", "-j", "oe", "-l", "nodes=2:ppn=2")
    cluster.wait_state(job_id, "C")
    return (cluster.work / f"dsh.o{job_id.split('.')[0]}").read_text().splitlines()


@pytest.mark.system
def test_tasks_on_all_hosts_write_into_the_job(cluster: Cluster) -> None:
    cluster.with_nodes(N1, N2)
    show = "sh -c 'echo $PBS_NODENUM $PBS_VNODENUM ${PBS_NODEFILE:-none} $PWD'"
    lines = _output(cluster, f"pbsdsh -s -u {show} >{cluster.work}/caught\necho rc=$?\n")
    home = cluster.account.pw_dir
    assert lines[0].startswith("0 0 /")
    assert lines[1:] == [f"1 2 none {home}", "rc=0"]
    assert (cluster.work / "caught").read_text() == ""
    lines = _output(cluster, f"pbsdsh -o -s {show} >{cluster.work}/caught\n")
    assert lines == []
    assert len((cluster.work / "caught").read_text().splitlines()) == 4


@pytest.mark.system
def test_exit_statuses_and_errors(cluster: Cluster) -> None:
    cluster.with_nodes(N1, N2)
    lines = _output(
        cluster,
        "pbsdsh -n 3 sh -c 'exit 7'; echo rc=$?\n"
        "pbsdsh -n 3 sh -c 'kill -9 $$'; echo rc=$?\n"
        f"pbsdsh -h {N1} nosuchprogram; echo rc=$?\n"
        "pbsdsh -h n9 true; echo rc=$?\n"
        "pbsdsh -v -n 0 true; echo rc=$?\n",
    )
    assert lines == [
        "pbsdsh(): task 3 exit status 7",
        "rc=0",
        "pbsdsh(): task 3 exit status 265",
        "rc=0",
        "PBS: nosuchprogram: No such file or directory",
        "pbsdsh(): task 2 exit status 254",
        "rc=0",
        "pbsdsh(): n9 not found",
        "rc=1",
        "pbsdsh(): spawned task 0",
        "pbsdsh(): task 0 exit status 0",
        "rc=0",
    ]
    done = cluster.run("pbsdsh", "true", user=True)
    assert (done.returncode, done.stderr) == (1, "pbsdsh(): not executing under PBS\n")


@pytest.mark.system
def test_a_job_starter_starts_the_job_and_its_tasks(cluster: Cluster) -> None:
    starter = cluster.work / "starter"
    starter.write_text('#!/bin/sh\nexport STARTED="$PBS_TASKNUM $#"\nexec "$@"\n')
    starter.chmod(0o755)
    cluster.work.chmod(0o755)
    config = f"{MOM_CONFIG}$job_starter {starter}\n"
    cluster.with_nodes(N1, N2, config=config)
    show = "sh -c 'echo $PBS_NODENUM: $STARTED'"
    lines = _output(cluster, f"echo $STARTED\npbsdsh -s -u {show}\n")
    assert lines == ["1 1", "0: 2 3", "1: 3 3"]


def _alive(pid: str) -> bool:
    try:
        return Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.system
@pytest.mark.parametrize("restart", [False, True])
def test_tasks_end_with_their_job_also_those_of_a_mom_before(
    cluster: Cluster, restart: bool
) -> None:
    cluster.with_nodes(N1, N2)
    pids = cluster.work / "pids"
    job_id = cluster.submit(
        f"pbsdsh sh -c 'echo $$ >>{pids}; trap \"\" TERM; sleep 300; sleep 300'\n",
        *("-l", "nodes=2:ppn=2"),
    )
    wait_for(lambda: pids.exists() and len(pids.read_text().split()) == 4, 60, "all tasks run")
    if restart:
        cluster.moms[N1].kill()
        cluster.moms[N1].wait()
        cluster.start_mom(N1)
    cluster.qmgr("set server kill_delay=1")
    assert cluster.run("qdel", job_id, user=True).returncode == 0
    cluster.wait_state(job_id, "C")
    wait_for(lambda: not any(map(_alive, pids.read_text().split())), 60, "no task is left")


@pytest.mark.system
def test_nobody_starts_tasks_in_anothers_job(cluster: Cluster) -> None:

    need_root("to be another user")
    cluster.with_nodes(N1)
    job_id = cluster.submit("sleep 300\n")
    cluster.wait_state(job_id, "R")
    socket_ = cluster.mom_home(N1) / "mom_priv" / "tm"
    done = cluster.run(
        "pbsdsh", "true", uid=65534, env={"PBS_TM_SOCKET": str(socket_), "PBS_JOBID": job_id}
    )
    assert (done.returncode, done.stderr) == (1, "pbsdsh(): no such job here\n")
