"""Limits of gpus: those count, too, that a host takes as its record cannot say that it has none."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.decide.site import DOWN, NOW_S, OFFLINE, SLOT, Site, codes, launches, one, some
from torque_mesos.decide import Limit
from torque_mesos.decide.plan import Decline, Launch, Suppress
from torque_mesos.decide.pool import Pool, Share
from torque_mesos.decide.reason import Code
from torque_mesos.decide.worker import PARKED_NOTE
from torque_mesos.model import Agent, Node, Offer, Resources


def host(site: Site, name: str, record: int, offered: int, slots: int = 4) -> Site:
    """A parked host whose record says that it has gpus, and an offer with gpus."""
    whole = SLOT * slots + Resources(0.0, 0.0, offered)
    site.agents.append(Agent(f"a-{name}", name, whole))
    states = frozenset({DOWN, OFFLINE})
    site.nodes.append(Node(name, states, slots, frozenset({"mesos"}), PARKED_NOTE, gpus=record))
    site.offers.append(Offer(f"o-{name}", f"a-{name}", name, whole, received_s=NOW_S))
    return site


def gpu_site(limit: Limit, **rules: int) -> Site:
    return Site().rules(gpus=True, limit=limit, **rules)


def taken(site: Site) -> list[int]:
    return [launch.resources.gpus for launch in some(site.plan(), Launch)]


def test_gpus_that_no_job_wants_count_for_the_limit() -> None:
    site = host(host(gpu_site(Limit(gpus=1)), "n1", 2, 2), "n2", 2, 2)
    site.asks("1:ppn=4").asks("1:ppn=4")
    assert taken(site) == [1]
    assert codes(site.plan())["1.head"] is Code.AT_LIMIT
    assert taken(site.rules(limit=Limit(gpus=2))) == [1, 1]


def test_gpus_that_no_job_wants_count_for_the_limit_of_a_pool() -> None:
    pool = Pool("all", share=Share(limit=Limit(gpus=1)))
    site = host(host(Site().rules(gpus=True, pools=(pool,)), "n1", 2, 2), "n2", 2, 2)
    site.asks("1:ppn=4").asks("1:ppn=4")
    assert taken(site) == [1]
    assert codes(site.plan())["1.head"] is Code.POOL_LIMIT


@pytest.mark.parametrize("rules", [{"floor_slots": 2}, {"reserve_slots": 2}])
def test_gpus_that_no_job_wants_count_for_a_floor(rules: dict[str, int]) -> None:
    assert taken(host(gpu_site(Limit(gpus=0), **rules), "n1", 2, 2)) == []
    assert taken(host(gpu_site(Limit(gpus=1), **rules), "n1", 2, 2)) == [1]
    assert launches(host(gpu_site(Limit(gpus=0), **rules), "n1", 0, 2)) == {"n1": 2}


def test_a_job_that_wants_gpus_gets_that_which_another_did_not_want() -> None:
    site = host(gpu_site(Limit(gpus=1)), "n1", 1, 1).asks("1").asks("1:gpus=1")
    launch = one(site.plan(), Launch)
    assert (launch.slots, launch.resources.gpus) == (2, 1)
    assert "2 slots and 1 gpu" in launch.reason.text
    again = host(gpu_site(Limit(gpus=1)), "n1", 1, 1).asks("1:gpus=1").asks("1")
    assert taken(again) == [1]


def test_a_host_without_gpus_is_taken_at_the_limit_of_gpus() -> None:
    site = host(host(gpu_site(Limit(gpus=0)), "n1", 1, 1), "n2", 0, 0, 8).asks("1:ppn=4")
    assert launches(site) == {"n2": 4}


def test_a_host_without_gpus_is_waited_for_at_the_limit_of_gpus() -> None:
    site = host(gpu_site(Limit(gpus=0)), "n1", 1, 1).parked("n2").asks("1:ppn=4")
    plan = site.plan()
    assert codes(plan) == {"0.head": Code.WAITING_FOR_OFFERS}
    assert "gpus (1 of 0)" in plan.jobs["0.head"].text
    assert not some(plan, Launch) + some(plan, Suppress)


_hosts = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(1, 4)), min_size=1, max_size=4
)
_jobs = st.lists(
    st.sampled_from(["1", "1:ppn=4", "1:gpus=1", "2", "1:ppn=2:gpus=2", "2:gpus=1", "1+1:gpus=1"]),
    max_size=5,
)


@settings(max_examples=150, deadline=None)
@given(_hosts, _jobs, st.integers(0, 3), st.integers(0, 4), st.integers(0, 3))
def test_no_limit_of_gpus_is_exceeded_nor_more_taken_than_is_offered(
    hosts: list[tuple[int, int, int]], jobs: list[str], limit: int, floor: int, reserve: int
) -> None:
    site = gpu_site(Limit(gpus=limit), floor_slots=floor, reserve_slots=reserve)
    for number, (record, offered, slots) in enumerate(hosts):
        host(site, f"n{number}", record, offered, slots)
    for nodes in jobs:
        site.asks(nodes)
    plan = site.plan()
    assert sum(launch.resources.gpus for launch in some(plan, Launch)) <= limit
    for launch in some(plan, Launch):
        (offer,) = (offer for offer in site.offers if offer.hostname == launch.name)
        assert offer.resources.holds(launch.resources)
        record = next(node.gpus for node in site.nodes if node.name == launch.name)
        assert launch.resources.gpus >= min(record, 1)
    without = replace(site, policy=replace(site.policy, limit=Limit()))
    for launch in some(without.plan(), Launch):
        (offer,) = (offer for offer in site.offers if offer.hostname == launch.name)
        assert offer.resources.holds(launch.resources)


def test_the_offers_of_a_host_whose_gpus_are_not_offered_are_declined_with_that_reason() -> None:
    plan = host(gpu_site(Limit()), "n1", 1, 0).asks("1").plan()
    decline = one(plan, Decline)
    assert decline.reason.code is Code.TOO_SMALL
    assert decline.refuse_s > 60.0, "one with gpus is larger, and comes before that"
    assert "none of them is offered" in decline.reason.text
    assert "none of them is offered" in plan.nodes["n1"].text
