"""Pools: whose each job and each agent is, and that one pool does not hold up another."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.decide.site import Site, codes, launches, one, some
from torque_mesos.decide import Limit
from torque_mesos.decide.plan import CreateNode, Decline, Launch, Offline, Revive, Suppress
from torque_mesos.decide.pool import Pool, Share
from torque_mesos.decide.reason import Code
from torque_mesos.decide.worker import ONLINE_NOTE
from torque_mesos.model import Job, JobState, Offer, Queue, frozen_map

GPU = Pool("gpu", queues=("gpu*",), attributes=(("kind", ("gpu",)),))
REST = Pool("rest")


def site(*pools: Pool) -> Site:
    site = Site().rules(pools=pools)
    site.queues = [Queue("batch"), Queue("gpu")]
    return site


def test_a_job_gets_nodes_of_its_pool_only() -> None:
    world = site(GPU).parked("c1", offered=4).parked("g1", offered=4, kind="gpu")
    assert launches(world.asks("1:ppn=2", queue="gpu")) == {"g1": 2}
    assert launches(world.asks("1:ppn=3")) == {"g1": 2, "c1": 3}
    world.asks("1:ppn=4", queue="gpu")
    plan = world.plan()
    assert codes(plan)["2.head"] is Code.WAITING_FOR_OFFERS
    assert "it needs 1 host of pool gpu (1:ppn=4)" in plan.jobs["2.head"].text


@pytest.mark.parametrize(
    ("rules", "job"),
    [
        ({"queues": ("g*",)}, {"queue": "gpu"}),
        ({"accounts": ("phys-*",)}, {"account": "phys-1"}),
        ({"users": ("alice", "bob")}, {"user": "bob"}),
        ({"groups": ("staff",)}, {"group": "staff"}),
        ({"groups": ("staff",), "users": ("a*",)}, {"group": "staff", "user": "alice"}),
    ],
)
def test_what_maps_a_job_to_a_pool(rules: dict[str, object], job: dict[str, object]) -> None:
    pool = Pool("p", attributes=(("kind", ("gpu",)),), **rules)  # type: ignore[arg-type]
    world = site(pool).parked("c1", offered=4).parked("g1", offered=4, kind="gpu")
    assert launches(world.asks("1", **job)) == {"g1": 1}  # type: ignore[arg-type]
    for key in job:
        others = {**job, key: "other"}
        if key == "queue":
            others["queue"] = "batch"
        world.jobs.clear()
        assert launches(world.asks("1", **others)) == {"c1": 1}  # type: ignore[arg-type]


def test_the_first_pool_that_fits_takes_a_job_and_an_agent() -> None:
    first = Pool("first", users=("a*",), attributes=(("kind", ("x*",)),))
    second = Pool("second", users=("al*",), attributes=(("kind", ("xy",)),))
    assert first.takes(Job("1", "j", "o", "q", JobState.QUEUED, user="alice"))
    world = site(first, second, REST).parked("n1", offered=4, kind="xy")
    assert world.policy.pool_of_agent(world.agents[0]) is first


def test_an_agent_that_no_pool_wants_is_left_alone() -> None:
    rest = Pool("rest", attributes=(("kind", ("cpu",)),))
    world = site(GPU, rest).agent("n1", kind="odd").offer("n1", 4).asks("1")
    plan = world.plan()
    assert plan.nodes["n1"].code is Code.NO_POOL
    assert one(plan, Decline).reason.code is Code.NO_POOL
    assert not some(plan, Launch)
    assert not some(plan, CreateNode)


def test_nodes_have_the_properties_of_their_pool() -> None:
    pool = Pool("gpu", queues=("gpu",), attributes=(("kind", ("gpu",)),), properties=("pool-gpu",))
    world = site(pool).agent("g1", kind="gpu").agent("c1", kind="cpu")
    made = {action.name: action.properties for action in some(world.plan(), CreateNode)}
    assert made == {"g1": {"mesos", "gpu", "pool-gpu"}, "c1": {"mesos", "cpu"}}


def test_an_offer_of_another_role_is_declined() -> None:
    pool = Pool("gpu", queues=("gpu",), attributes=(("kind", ("gpu",)),), role="gpu")
    world = site(pool).parked("g1", kind="gpu").parked("c1").rules(role="batch")
    world.asks("1", queue="gpu").asks("1").offer("g1", 4).offer("c1", 4)
    for role, taken in (("gpu", {"g1": 1}), ("batch", {"c1": 1}), ("", {"g1": 1, "c1": 1})):
        world.offers = [offer_with_role(offer, role) for offer in world.offers]
        assert launches(world) == taken
        declined = {
            offer_id
            for action in some(world.plan(), Decline)
            if action.reason.code is Code.OTHER_ROLE
            for offer_id in action.offer_ids
        }
        assert len(declined) == 2 - len(taken)


def offer_with_role(offer: Offer, role: str) -> Offer:
    return replace(offer, role=role)


def test_offers_are_asked_for_to_the_roles_of_the_jobs_that_wait() -> None:
    pool = Pool("gpu", queues=("gpu",), attributes=(("kind", ("gpu",)),), role="gpu")
    world = site(pool).parked("g1", kind="gpu").parked("c1").rules(role="batch")
    revive = one(world.asks("1", queue="gpu").plan(), Revive)
    assert (revive.roles, revive.silent) == (("gpu",), ("batch",))
    revive = one(world.asks("1").plan(), Revive)
    assert (revive.roles, revive.silent) == (("batch", "gpu"), ())
    world.memory = world.plan().memory
    world.jobs.pop(0)
    assert not some(world.plan(), Revive)  # both are asked for already
    assert one(site(GPU).parked("g1", kind="gpu").asks("1", queue="gpu").plan(), Revive).roles == ()


def limited(limit: Limit, **more: object) -> Pool:
    return Pool(
        "gpu",
        queues=("gpu",),
        attributes=(("kind", ("gpu",)),),
        share=Share(limit=limit, **more),  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("limit", [Limit(nodes=1), Limit(cpus=4), Limit(mem_mb=4096.0)])
def test_the_limit_of_a_pool_holds_up_that_pool_only(limit: Limit) -> None:
    world = (
        site(limited(limit))
        .parked("g1", offered=4, kind="gpu")
        .parked("g2", 4, offered=4, kind="gpu")
    )
    world.parked("c1", offered=4).parked("c2", offered=4)
    for queue in ("gpu", "gpu", "batch", "batch"):
        world.asks("1:ppn=4", queue=queue)
    plan = world.plan()
    assert {launch.name for launch in some(plan, Launch)} == {"g1", "c1", "c2"}
    assert codes(plan)["1.head"] is Code.POOL_LIMIT
    assert "limit of pool gpu" in plan.jobs["1.head"].text
    assert codes(plan)["3.head"] is Code.STARTING_NODES


def test_the_whole_limit_holds_with_pools() -> None:
    world = site(GPU).parked("g1", offered=4, kind="gpu").parked("c1", offered=4)
    world.rules(limit=Limit(cpus=4)).asks("1:ppn=4").asks("1:ppn=4", queue="gpu")
    assert codes(world.plan()) == {"0.head": Code.STARTING_NODES, "1.head": Code.AT_LIMIT}


def test_a_worker_whose_agent_is_away_counts_for_every_pool() -> None:
    world = site(limited(Limit(nodes=1))).parked("g1", offered=4, kind="gpu")
    world.worker("lost").asks("1", queue="gpu")
    assert codes(world.plan()) == {"0.head": Code.POOL_LIMIT}


def test_a_job_larger_than_its_pools_limit_can_never_run() -> None:
    world = site(limited(Limit(cpus=2))).parked("g1", offered=4, kind="gpu")
    plan = world.asks("1:ppn=3", queue="gpu").asks("1:ppn=2", queue="gpu").plan()
    assert codes(plan) == {"0.head": Code.NEVER_OVER_LIMIT, "1.head": Code.STARTING_NODES}
    assert "limit of pool gpu" in plan.jobs["0.head"].text


def test_a_property_of_another_pools_agents_is_never_there() -> None:
    world = site(GPU).parked("g1", offered=4, kind="gpu").parked("c1", offered=4)
    assert codes(world.asks("1:gpu").plan()) == {"0.head": Code.NEVER_NO_SUCH_NODE}


def test_an_idle_node_of_another_pool_is_not_given_up_for_a_pools_limit() -> None:
    world = site(limited(Limit(nodes=1)), REST).rules(floor_slots=8)
    world.agent("g1", kind="gpu").node("g1", 4, jobs={0: "r"}, note=ONLINE_NOTE)
    world.worker("g1").online("c1").remembers(idle_since={"c1": world.now_s - 1000})
    world.asks("1:ppn=4", queue="gpu")
    plan = world.plan()
    assert codes(plan) == {"0.head": Code.POOL_LIMIT}
    assert not some(plan, Offline)


# -- pools without agents of their own ---------------------------------------------------


STAFF = Pool("staff", groups=("staff",), share=Share(limit=Limit(cpus=3)))


def test_a_pool_without_agents_shares_the_fall_backs() -> None:
    world = site(STAFF).parked("n1", 8, offered=8)
    for _ in range(4):
        world.asks("1", group="staff")
    world.asks("1:ppn=2", group="others")
    plan = world.plan()
    assert one(plan, Launch).slots == 5
    assert codes(plan)["3.head"] is Code.POOL_LIMIT
    assert "pool staff would use more than its limit, cpus (4 of 3)" in plan.jobs["3.head"].text


def test_what_the_jobs_of_such_a_pool_use_already_counts() -> None:
    world = site(STAFF).online("n1", 4, 8, jobs={0: "r.head", 1: "r.head"}).offer("n1", 4)
    world.asks("1:ppn=2", JobState.RUNNING, job_id="r.head", group="staff", exec_nodes=("n1",))
    world.asks("1", group="staff").asks("1", group="staff")
    assert codes(world.plan()) == {"1.head": Code.RUNS_SOON, "2.head": Code.POOL_LIMIT}


def test_memory_that_such_jobs_use_counts_too() -> None:
    pool = Pool("staff", groups=("staff",), share=Share(limit=Limit(mem_mb=5 * 1024.0)))
    world = site(pool).parked("n1", 8, offered=8).parked("n2", 8, offered=8)
    big = frozen_map({"nodes": "1", "mem": "4gb"})
    world.asks("1", group="staff", resources=big).asks("1:ppn=2", group="staff")
    world.asks("1", group="staff")
    assert codes(world.plan()) == {
        "0.head": Code.STARTING_NODES,
        "1.head": Code.POOL_LIMIT,
        "2.head": Code.STARTING_NODES,
    }


# -- floors of pools ---------------------------------------------------------------------


def test_a_pools_floor_is_held_on_its_own_agents() -> None:
    pool = limited(Limit(), floor_slots=2)
    world = site(pool).parked("c1", offered=4).parked("g1", offered=4, kind="gpu")
    plan = world.plan()
    assert (one(plan, Launch).name, one(plan, Launch).slots) == ("g1", 2)
    assert one(plan, Launch).reason.code is Code.FLOOR


def test_a_pools_floor_and_the_whole_one_add_up_to_the_larger() -> None:
    pool = limited(Limit(), floor_slots=2)
    world = site(pool).rules(floor_slots=3).parked("c1", 4, offered=4)
    assert launches(world.parked("g1", offered=4, kind="gpu")) in ({"g1": 3}, {"g1": 2, "c1": 1})


def test_an_idle_node_is_kept_for_its_pools_floor() -> None:
    pool = limited(Limit(), floor_slots=4)
    for kind, kept in (("gpu", True), ("cpu", False)):
        world = site(pool).agent("n1", kind=kind).worker("n1")
        world.node("n1", 4, note=ONLINE_NOTE).parked("x", kind="gpu")
        world.remembers(idle_since={"n1": world.now_s - 1000})
        assert bool(some(world.plan(), Offline)) is not kept


def test_a_floor_that_its_limit_does_not_bear_asks_for_no_offers() -> None:
    pool = limited(Limit(cpus=1), floor_slots=4)
    world = site(pool).parked("g1", kind="gpu", offered=4)
    assert launches(world) == {"g1": 1}
    world = site(pool).agent("g1", kind="gpu").node("g1", 1, note=ONLINE_NOTE)
    assert some(world.worker("g1", 1).plan(), Suppress)


# -- what jobs are told -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("nodes", "text"),
    [
        ("1:fat", "can never run: no node of pool gpu has fat"),
        ("2:ppn=4", "can never run: it asks for 2 hosts (2:ppn=4), there are not so many"),
        (
            "1:ppn=9",
            "can never run: it asks for 9 slots on one host, the largest agent for it has 4",
        ),
    ],
)
def test_a_job_is_told_of_its_pool_by_its_name(nodes: str, text: str) -> None:
    world = site(GPU).parked("c1").parked("g1", kind="gpu").asks(nodes, queue="gpu")
    assert world.plan().jobs["0.head"].text == text


def test_a_job_of_a_pool_without_agents_is_told_so() -> None:
    plan = site(GPU).parked("c1").asks("1", queue="gpu").plan()
    assert plan.jobs["0.head"].text == "can never run: pool gpu has no agents"
