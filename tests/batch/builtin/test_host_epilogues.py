"""Prologues and epilogues of a job on two hosts: their order, and what each is told.

Held to what TORQUE did in the same situations.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.batch.builtin.cluster import Cluster
from tests.waiting import wait_for

pytestmark = pytest.mark.system

N1, N2 = "n1.cluster.test", "n2.cluster.test"
BOTH = ("-l", f"nodes={N1}:ppn=1+{N2}:ppn=1")


def _script(cluster: Cluster, node: str, name: str, body: str) -> Path:
    path = cluster.mom_home(node) / "mom_priv" / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o555 if ".user" in name else 0o500)
    return path


def _told(cluster: Cluster) -> Path:
    told = cluster.work / "told"
    told.touch()
    told.chmod(0o666)
    return told


def test_the_other_hosts_epilogues_are_over_before_the_firsts_begin(cluster: Cluster) -> None:
    cluster.with_nodes(N1, N2)
    told = _told(cluster)
    for node, pause in ((N1, ""), (N2, "sleep 1; ")):
        for kind in ("", ".user", ".parallel", ".user.parallel"):
            name = f"epilogue{kind}"
            _script(cluster, node, name, f"{pause}echo {node[:2]} {name} >>{told}")
    job_id = cluster.submit("true\n", *BOTH)
    cluster.wait_state(job_id, "C")
    assert told.read_text().splitlines() == [
        "n2 epilogue.user.parallel",
        "n2 epilogue.parallel",
        "n1 epilogue.user",
        "n1 epilogue",
    ]


def test_a_host_whose_mom_dies_in_an_epilogue_holds_the_first_host_up_no_more(
    cluster: Cluster,
) -> None:
    cluster.with_nodes(N1, N2)
    told = _told(cluster)
    _script(cluster, N1, "epilogue", f"echo first >>{told}")
    begun = cluster.work / "begun"
    _script(cluster, N2, "epilogue.parallel", f"touch {begun}; sleep 300")
    job_id = cluster.submit("true\n", *BOTH)
    wait_for(begun.exists, 60, "the other host's epilogue runs")
    assert told.read_text() == ""
    cluster.moms[N2].kill()
    cluster.moms[N2].wait()
    cluster.wait_state(job_id, "C")
    assert told.read_text() == "first\n"


def test_prologues_are_told_of_the_script_and_the_firsts_make_files_of_their_owner_only(
    cluster: Cluster,
) -> None:
    cluster.with_nodes(N1, N2)
    told = _told(cluster)
    names = {N1: ("prologue", "prologue.user"), N2: ("prologue.parallel", "prologue.user.parallel")}
    for node, scripts in names.items():
        for name in scripts:
            _script(cluster, node, name, f'echo {name} $(umask) "$8" >>{told}')
    job_id = cluster.submit("true\n", *BOTH)
    cluster.wait_state(job_id, "C")

    def script_of(node: str) -> str:
        return f"{cluster.mom_home(node)}/mom_priv/jobs/{job_id}.SC"

    found = [line.split(" ") for line in told.read_text().splitlines()]
    assert [(name, script) for name, _, script in found] == [
        ("prologue.parallel", script_of(N2)),
        ("prologue.user.parallel", script_of(N2)),
        ("prologue", script_of(N1)),
        ("prologue.user", script_of(N1)),
    ]
    assert [umask for _, umask, _ in found[2:]] == ["0077", "0077"]
