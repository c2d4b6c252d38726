"""Gpus of nodes and of jobs, as TORQUE 6.1.3 was recorded handling them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.batch.builtin.adapter import adapter_of
from tests.batch.builtin.cluster import Cluster
from tests.waiting import wait_for
from torque_mesos.batch.base import NewNode
from torque_mesos.batch.builtin import nodes_file
from torque_mesos.batch.builtin.nodespec import choose, parse
from torque_mesos.batch.builtin.records import Node
from torque_mesos.batch.builtin.scheduler import plan

N1, N2 = "n1.cluster.test", "n2.cluster.test"


def _nodes() -> list[Node]:
    up = {"down": False, "offline": False, "list_unsent": False}
    return [Node("n1", np=4, gpus=2, **up), Node("n2", np=4, gpus=1, **up)]


@pytest.mark.parametrize(
    ("spec", "eligible", "gpus"),
    [
        ("1:ppn=1:gpus=1", 1, ((0, 1),)),
        ("1:gpus=2", 1, ((0, 2),)),
        ("1:gpus=3", 0, ()),
        ("2:ppn=2:gpus=1", 2, ((0, 1), (1, 1))),
        ("2:gpus=2", 1, ()),
        ("1:gpus=1+1:gpus=1", 2, ((0, 2),)),
    ],
)
def test_nodes_that_have_the_gpus(
    spec: str, eligible: int, gpus: tuple[tuple[int, int], ...]
) -> None:
    choice = choose(
        parse(spec),
        _nodes(),
        lambda node: node.names,
        lambda node: node.np,
        lambda node: node.free_slots,
        gpus=lambda node: node.gpus,
        free_gpus=lambda node: node.free_gpus,
    )
    assert (choice.eligible, choice.gpus) == (eligible, gpus)
    assert (choice.picked is None) is (not gpus)


def test_a_plan_gives_a_gpu_once_and_lets_others_pass() -> None:
    jobs = [["1", "1:gpus=1"], ["2", "1:gpus=2"], ["3", "1:gpus=1"], ["4", "1:gpus=3"], ["5", "1"]]
    view = {
        "nodes": [["n1", ["n1"], 4, 4, 2, 2]],
        "nodect": [0],
        "limits": [],
        "jobs": [[*job, "", "", []] for job in jobs],
    }
    done = {order["id"]: order["do"] for order in plan(view)}
    assert done == {"1": "run", "2": "comment", "3": "run", "4": "delete", "5": "run"}


def test_the_nodes_file_has_them(tmp_path: Path) -> None:
    path = str(tmp_path / "nodes")
    nodes_file.write(path, _nodes())
    read = nodes_file.read(path, (15002, 15003))
    assert [(node.np, node.gpus) for node in read] == [(4, 2), (4, 1)]


@pytest.mark.system
def test_jobs_wait_for_gpus_and_are_told_theirs(cluster: Cluster) -> None:
    cluster.with_nodes(N1, N2, np=4)
    cluster.qmgr(f"set node {N1} gpus=2", f"set node {N2} gpus=1")
    for change in ("= 0", "= abc", "= -1", "+= 3"):
        assert cluster.run("qmgr", "-c", f"set node {N2} gpus {change}").returncode != 0
    assert cluster.run("pbsnodes", N1).stdout.splitlines()[-2:] == ["     gpus = 2", ""]
    refused = cluster.run("qsub", "-l", "nodes=1:gpus=3", user=True, text="true\n")
    assert "cannot locate feasible nodes" in refused.stderr
    go = cluster.work / "go"
    body = f"cat $PBS_GPUFILE; while [ ! -e {go} ]; do sleep 0.1; done\n"
    two = cluster.submit(body, "-N", "two", "-l", "nodes=1:gpus=2")
    assert cluster.wait_state(two, "R")["exec_gpus"] == f"{N1}-gpu/1+{N1}-gpu/0"
    both = cluster.submit("cat $PBS_GPUFILE\n", "-N", "both", "-l", "nodes=2:ppn=2:gpus=1")
    wait_for(lambda: "Not enough" in cluster.job(both).get("comment", ""), 60, "it waits")
    cluster.qmgr(f"set node {N1} np=5")
    cluster.restart()
    cluster.wait_node(N1, "free")
    assert cluster.node(N1)["gpus"] == "2"
    assert cluster.job(both)["job_state"] == "Q"
    go.touch()
    job = cluster.wait_state(both, "C")
    assert (job["exec_gpus"], job["gpu_flags"]) == (f"{N1}-gpu/0+{N2}-gpu/0", "1")
    number, later = two.split(".")[0], both.split(".")[0]
    assert (cluster.work / f"two.o{number}").read_text() == f"{N1}-gpu1\n{N1}-gpu0\n"
    assert (cluster.work / f"both.o{later}").read_text() == f"{N1}-gpu0\n{N2}-gpu0\n"


@pytest.mark.system
def test_the_adapter_sets_them(cluster: Cluster) -> None:
    adapter = adapter_of(cluster)
    adapter.create_nodes([NewNode(N1, 2, frozenset({"mesos"}), "", gpus=1)])
    assert [node.gpus for node in adapter.read().nodes] == [1]
    adapter.set_np(N1, 3, gpus=2)
    assert [(node.np, node.gpus) for node in adapter.read().nodes] == [(3, 2)]
    assert (cluster.home / "server_priv" / "nodes").read_text().startswith(f"{N1} np=3 gpus=2 ")
