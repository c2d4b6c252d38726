"""What is kept from turn to turn: it never changes a plan."""

from __future__ import annotations

import copy
import itertools
from dataclasses import replace

import pytest

from tests.decide.site import OFFLINE, Site
from torque_mesos.decide import Limit, decide
from torque_mesos.decide.kept import forget
from torque_mesos.decide.reason import Code
from torque_mesos.model import JobState, MauiPriority, Queue, Scheduling, frozen_map

_MAUI = Scheduling(maui=MauiPriority())


def _first() -> Site:
    site = (
        Site()
        .online("n0", 1, 1)
        .online("n1", jobs={0: "0.head"})
        .parked("n2", offered=2)
        .parked("n3")
    )
    site.asks("1", JobState.RUNNING, exec_nodes=("n1",))
    site.asks("1:ppn=2").asks("2:ppn=4").asks("3")
    # The first of these needs a larger host, the other one names a host to Maui only.
    return site.asks("1:ppn=6").asks("", resources=frozen_map({"nodes": "1", "x": "HOSTLIST=n3"}))


def _others() -> dict[str, Site]:
    """The same with one thing changed; all else is the very same."""
    first = _first()
    found = {"as it was": first}

    def other(what: str) -> Site:
        found[what] = site = copy.copy(first)
        for part in ("jobs", "nodes", "agents", "offers", "workers", "queues"):
            setattr(site, part, list(getattr(first, part)))
        return site

    other("a job more").asks("1")
    ended = other("a job has ended")
    del ended.jobs[0]
    ended.nodes[1] = replace(ended.nodes[1], slots={})
    started = other("a job has started")
    started.jobs[1] = replace(started.jobs[1], state=JobState.RUNNING, exec_nodes=("n0",))
    held = other("a job is held")
    held.jobs[3] = replace(held.jobs[3], state=JobState.HELD)
    other("a queue is stopped").queues = [Queue("batch", started=False)]
    offline = other("a person took a node offline")
    offline.nodes[0] = replace(offline.nodes[0], states=frozenset({OFFLINE}))
    away = other("an agent is away")
    away.agents[2] = replace(away.agents[2], active=False)
    del other("an agent is not listed").agents[2]
    other("another host").parked("n4", offered=4)
    other("a larger host").parked("n4", 8)
    other("a larger host, and Maui").parked("n4", 8).reads(scheduling=_MAUI)
    other("a worker is gone").workers = []
    other("offers are gone").offers = []
    other("other rules").rules(limit=Limit(nodes=1))
    return found


def test_a_plan_does_not_depend_on_the_turn_before() -> None:
    sites = _others()
    for before, now in itertools.permutations(sites, 2):
        decide(sites[before].snapshot(), sites[before].policy)
        plan = decide(sites[now].snapshot(), sites[now].policy)
        forget()
        assert decide(sites[now].snapshot(), sites[now].policy) == plan, f"{before}, then {now}"


@pytest.mark.parametrize("nodes", ["3:ppn=2", "2:ppn=4", "3:ppn=2:mesos"])
def test_a_refusal_is_the_same_where_a_bound_makes_it_count_more(nodes: str) -> None:
    site = Site().parked("n1", offered=4).parked("n2", offered=3).parked("n3").asks(nodes)
    free = site.plan().jobs["0.head"]
    assert free.code is Code.WAITING_FOR_OFFERS
    assert free.numbers["available"] == (1 if nodes == "2:ppn=4" else 2)
    assert site.rules(limit=Limit(nodes=100)).plan().jobs["0.head"] == free
