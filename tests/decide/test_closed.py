"""Nodes whose free slots no job gets: by their state, or as a job has them alone."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.decide.site import DOWN, NOW_S, OFFLINE, Site, codes, launches, some
from torque_mesos.batch.openpbs_nodes import parse_nodes, with_slots
from torque_mesos.decide.kept import forget
from torque_mesos.decide.plan import Launch, Offline
from torque_mesos.decide.reason import Code
from torque_mesos.decide.worker import DRAINING_NOTE, ONLINE_NOTE, PARKED_NOTE
from torque_mesos.model import (
    Job,
    JobState,
    MauiPriority,
    Node,
    NodeState,
    Scheduling,
    frozen_map,
)

LONG_AGO = NOW_S - 3600.0
MAUI = Scheduling(maui=MauiPriority())


def runs(site: Site, at: str, **resources: str) -> Site:
    """A job that runs on a node."""
    asked = frozen_map(resources)
    job = Job("r.head", "j", "u@h", "batch", JobState.RUNNING, asked, (at,))
    return replace(site, jobs=[*site.jobs, job])


def closed(state: NodeState, jobs: dict[int, str] | None = None) -> Site:
    """A node with 8 slots in such a state, and a parked one with as many offered."""
    site = Site().agent("n1", 8).node("n1", 8, (state,), ONLINE_NOTE, jobs).worker("n1", 8)
    return site.parked("n2", 8, offered=8)


def pbs_node(state: str, jobs: list[str]) -> Node:
    """As OpenPBS' `pbsnodes` tells of it: one cpu for each job."""
    record = {
        "Mom": "n1",
        "state": state,
        "resources_available": {"ncpus": 8, "mesos": "True", "torque_mesos": ONLINE_NOTE},
        "resources_assigned": {"ncpus": len(jobs)},
        "jobs": jobs,
    }
    (found,) = parse_nodes(json.dumps({"pbs_server": "head", "nodes": {"n1": record}})).nodes
    return with_slots(found, {job: {"n1": 1} for job in jobs})


@pytest.mark.parametrize(
    ("state", "jobs"),
    [
        ("job-exclusive", ["r.head"]),
        ("offline_by_mom", []),
        ("maintenance", []),
        ("resv-exclusive", []),
        ("busy", []),
        ("provisioning", []),
        ("initializing", []),
    ],
)
def test_another_node_is_started_for_a_job_on_openpbs(state: str, jobs: list[str]) -> None:
    site = Site().rules(capacity_record=None).online("n1", 8, 8).parked("n2", 8, offered=8)
    site.nodes[0] = pbs_node(state, jobs)
    if jobs:
        site = runs(site, "n1", select="1:ncpus=1", place="excl")
    site.asks("1:ppn=2")
    plan = site.plan()
    assert codes(plan)[site.jobs[-1].job_id] is Code.STARTING_NODES
    assert [launch.name for launch in some(plan, Launch)] == ["n2"]


def test_a_node_of_openpbs_that_is_free_gets_it() -> None:
    site = Site().rules(capacity_record=None).online("n1", 8, 8).parked("n2", 8, offered=8)
    site.nodes[0] = pbs_node("free", [])
    assert codes(site.asks("1:ppn=2").plan()) == {"0.head": Code.RUNS_SOON}


@pytest.mark.parametrize(
    ("state", "jobs"),
    [
        (NodeState.BUSY, {}),
        (NodeState.BUSY, {0: "r.head"}),
        (NodeState.RESERVE, {}),
        (NodeState.UNKNOWN, {}),
        (NodeState.JOB_EXCLUSIVE, {0: "r.head"}),
    ],
)
def test_another_node_is_started_for_a_job_on_torque(
    state: NodeState, jobs: dict[int, str]
) -> None:
    assert launches(closed(state, jobs).asks("1:ppn=2")) == {"n2": 2}


@pytest.mark.parametrize("state", [NodeState.BUSY, NodeState.RESERVE])
def test_such_a_node_goes_when_it_is_idle_though_jobs_wait(state: NodeState) -> None:
    site = closed(state).asks("1:ppn=2").remembers(idle_since=frozen_map({"n1": LONG_AGO}))
    assert [action.name for action in some(site.plan(), Offline)] == ["n1"]


def test_a_node_that_is_full_may_still_grow() -> None:
    jobs = dict.fromkeys(range(4), "r.head")
    site = Site().agent("n1", 8).node("n1", 4, (NodeState.JOB_EXCLUSIVE,), ONLINE_NOTE, jobs)
    site = runs(site.worker("n1", 4).offer("n1", 4), "n1", nodes="1:ppn=4").asks("1:ppn=2")
    assert launches(site) == {"n1": 2}


@pytest.mark.parametrize(
    ("asked", "scheduling", "node"),
    [
        ({"nodes": "1", "x": "NACCESSPOLICY:SINGLEJOB"}, MAUI, "n2"),
        ({"nodes": "1", "x": "NACCESSPOLICY:SINGLEJOB"}, Scheduling(), None),
        ({"nodes": "1", "x": "NACCESSPOLICY:SHARED"}, MAUI, None),
        ({"nodes": "1", "naccesspolicy": "singlejob"}, MAUI, "n2"),
        ({"select": "1:ncpus=1", "place": "scatter:exclhost"}, Scheduling(), "n2"),
        ({"select": "1:ncpus=1", "place": "scatter"}, Scheduling(), None),
    ],
)
def test_a_job_that_has_its_node_alone_keeps_the_rest_of_it(
    asked: dict[str, str], scheduling: Scheduling, node: str | None
) -> None:
    site = Site().reads(scheduling=scheduling).online("n1", 8, 8, {0: "r.head"})
    site = runs(site.parked("n2", 8, offered=8), "n1", **asked).asks("1:ppn=2")
    assert list(launches(site)) == ([node] if node else [])


def test_the_rest_is_free_again_when_that_job_has_ended_or_another_scheduler_came() -> None:
    site = Site().reads(scheduling=MAUI).online("n1", 8, 8, {0: "r.head"})
    site.parked("n2", 8, offered=8).asks("1:ppn=2")
    alone = runs(site, "n1", nodes="1", x="NACCESSPOLICY:SINGLEJOB")
    forget()
    assert launches(alone) == {"n2": 2}
    alone.reads(scheduling=Scheduling())
    assert launches(alone) == {}
    alone.reads(scheduling=MAUI)
    assert launches(alone) == {"n2": 2}
    site.nodes[0] = replace(site.nodes[0], slots=frozen_map())
    assert launches(site) == {}


def test_a_drained_node_does_not_come_back_for_others_beside_such_a_job() -> None:
    states = (OFFLINE, NodeState.JOB_EXCLUSIVE)
    site = Site().agent("n1", 8).node("n1", 8, states, DRAINING_NOTE, {0: "r.head"}).worker("n1", 8)
    site = runs(site.parked("n2", 8, offered=8), "n1", select="1:ncpus=1", place="excl")
    plan = site.asks("1:ppn=2").plan()
    assert [launch.name for launch in some(plan, Launch)] == ["n2"]


def test_a_mom_that_starts_counts_whatever_the_record_said_before() -> None:
    site = Site().agent("n1").node("n1", 4, (DOWN, OFFLINE, NodeState.BUSY), PARKED_NOTE)
    site.nodes[0] = replace(site.nodes[0], states=site.nodes[0].states | {NodeState.UNKNOWN})
    site.parked("n2", offered=4).asks("1")
    starting = replace(site, workers=Site().starting("n1").workers)
    assert launches(starting) == {}


def test_a_reserve_counts_no_slots_that_no_job_gets() -> None:
    site = closed(NodeState.JOB_EXCLUSIVE, {0: "r.head"}).rules(reserve_slots=2)
    assert launches(site) == {"n2": 2}
    assert launches(site.asks("1")) == {"n2": 3}


def test_such_a_node_is_not_kept_for_the_reserve_and_takes_nothing_of_it() -> None:
    site = closed(NodeState.BUSY).rules(reserve_slots=4).online("n3")
    site.remembers(idle_since=frozen_map({"n1": LONG_AGO, "n3": LONG_AGO}))
    plan = site.plan()
    assert [action.name for action in some(plan, Offline)] == ["n1"]
    assert plan.nodes["n3"].code is Code.FLOOR
