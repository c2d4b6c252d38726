"""`qsub -t`: members, slot limits, the summary, and what is done to them."""

from __future__ import annotations

import pytest

from tests.batch.builtin.cluster import Cluster
from tests.waiting import wait_for
from torque_mesos.batch.builtin import array_request
from torque_mesos.batch.builtin.errors import PbsError

system = pytest.mark.system

N1 = "n1.cluster.test"


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ("0-3", ([0, 1, 2, 3], None)),
        ("1,3,5-7%2", ([1, 3, 5, 6, 7], 2)),
        ("1,1,2", ([1, 2], None)),
        ("-1", ([], None)),
        ("0-1%x", ([0, 1], 0)),
    ],
)
def test_requests(request_: str, expected: object) -> None:
    assert array_request.parse(request_) == expected


@pytest.mark.parametrize("request_", ["x", "5-2", "1-x", "", "5-99999999999"])
def test_requests_that_cannot_be_read(request_: str) -> None:
    with pytest.raises(PbsError, match="Bad Job Array Request"):
        array_request.parse(request_)


def _states(cluster: Cluster, *options: str) -> dict[str, str]:
    lines = cluster.run("qstat", *options).stdout.splitlines()[2:]
    return {line.split(".")[0]: line.split()[4] for line in lines}


@system
def test_a_slot_limit_holds_the_others_back(cluster: Cluster) -> None:
    cluster.with_nodes(N1, np=4)
    array = cluster.submit("sleep 300\n", "-N", "arr", "-t", "0-3%2")
    assert array == "0[].head.cluster.test"
    wait_for(lambda: _states(cluster, "-t").get("0[1]") == "R", 60, "two run")
    assert _states(cluster, "-t") == {"0[0]": "R", "0[1]": "R", "0[2]": "H", "0[3]": "H"}
    assert _states(cluster) == {"0[]": "R"}
    held = cluster.job("0[3]")
    assert (held["Hold_Types"], held["job_array_id"]) == ("l", "3")
    assert held["Job_Name"] == "arr-3"
    assert held["Output_Path"].endswith("/arr.o0-3")
    assert held["Variable_List"].startswith("PBS_ARRAYID=3,PBS_O_QUEUE=batch,")
    assert "Hold_Types" not in cluster.job("0[0]")
    nodes = cluster.node(N1)["jobs"]
    assert nodes == "0/0[0].head.cluster.test,1/0[1].head.cluster.test"
    for command in ("qhold", "qdel"):
        target = {"qhold": "0[3]", "qdel": "0[1]"}[command]
        assert cluster.run(command, target, user=True).returncode == 0
    wait_for(lambda: _states(cluster, "-t")["0[2]"] == "R", 60, "the next has the slot")
    assert cluster.job("0[3]")["Hold_Types"] == "ul"
    assert cluster.run("qrls", "0[3]", user=True).returncode == 0
    assert cluster.job("0[3]")["Hold_Types"] == "l"
    assert cluster.run("qdel", "-t", "2-3", array, user=True).returncode == 0
    wait_for(lambda: _states(cluster, "-t")["0[2]"] == "C", 60, "members of a range")
    assert _states(cluster, "-t")["0[0]"] == "R"
    assert cluster.run("qdel", array, user=True).returncode == 0
    wait_for(lambda: _states(cluster) == {"0[]": "C"}, 60, "all are over")
    assert cluster.run("qdel", array, user=True).returncode == 0


@system
def test_the_summary_is_shown_for_all(cluster: Cluster) -> None:
    cluster.submit("true\n", "-t", "1-2%1", "-h")
    done = cluster.run("qstat", "-f", "0[]")
    names = [line.split(" = ")[0].strip() for line in done.stdout.splitlines() if " = " in line]
    assert done.stdout.startswith("Job Id: 0[].head.cluster.test\n    Job_Name = STDIN\n")
    assert "job_array_request" in names
    assert not {"qtime", "job_array_id", "start_count"} & set(names)
    assert names.index("job_array_request") == names.index("submit_args") + 1
    assert list(_states(cluster)) == ["0[]"]
    assert list(_states(cluster, "-t", "0[]")) == ["0[1]", "0[2]"]
    assert list(_states(cluster, "0[2]")) == ["0[2]"]
    done = cluster.run("qsub", "-t", "x", user=True, text="true\n")
    assert (done.returncode, done.stderr) == (235, "qsub: submit error (Bad Job Array Request)\n")


@system
def test_members_know_who_they_are_and_a_killed_server_knows_them(cluster: Cluster) -> None:
    cluster.with_nodes(N1)
    array = cluster.submit("echo $PBS_ARRAYID $PBS_JOBID $PBS_JOBNAME\n", "-N", "ae", "-t", "7,8")
    wait_for(lambda: _states(cluster) == {"0[]": "C"}, 60, "it is over")
    out = (cluster.work / "ae.o0-7").read_text()
    assert out == "7 0[7].head.cluster.test ae-7\n"
    cluster.submit("true\n", "-t", "0-899%0")
    assert cluster.server is not None
    cluster.server.kill()
    cluster.server.wait()
    cluster.start_server()
    assert cluster.job("0[8]")["job_state"] == "C"
    assert array.startswith("0[]")
    wait_for(lambda: len(_states(cluster, "-t", "1[]")) == 900, 60, "all members are made")


@system
def test_an_array_goes_with_its_last_member(cluster: Cluster) -> None:
    cluster.qmgr("set server keep_completed=1")
    array = cluster.submit("true\n", "-t", "0-1", "-h")
    cluster.run("qdel", array)
    wait_for(lambda: cluster.run("qstat", array).returncode == 153, 60, "it is forgotten")


@system
@pytest.mark.parametrize("how", [(), ("-p",)])
def test_a_large_array_that_is_deleted_at_once_leaves_no_member(
    cluster: Cluster, how: tuple[str, ...]
) -> None:
    cluster.qmgr("set server keep_completed=0")
    array_id = cluster.submit("true\n", "-h", "-t", "0-2999")
    assert cluster.run("qdel", *how, array_id, user=not how).returncode == 0
    wait_for(lambda: not cluster.run("qstat", "-t").stdout, 60, "all members are gone")
