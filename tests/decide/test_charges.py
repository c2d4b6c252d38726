"""What a worker is charged for: the pool that it was started for, once."""

from __future__ import annotations

import pytest

from tests.decide.site import Site, some
from tests.decide.test_budget import HOUR, NOON
from torque_mesos.decide.budget import Spending
from torque_mesos.decide.plan import Offline, Plan
from torque_mesos.decide.pool import Budget, Pool
from torque_mesos.model import JobState, frozen_map

GPU = Pool("gpu", queues=("gpu",), attributes=(("kind", ("gpu",)),), price=10.0)
BIG = Pool("big", queues=("big",), attributes=(("kind", ("big",)),), price=2.0)


def held() -> Site:
    """Three pools, and a worker of 4 cpus of the cheapest, with a job of an hour."""
    site = Site().rules(pools=(GPU, BIG, Pool("rest")), price=1.0, budget=Budget(day=100.0))
    words = frozen_map({"nodes": "1", "walltime": "1:00:00"})
    site.asks("", JobState.RUNNING, resources=words, exec_nodes=("n1",))
    return site.online("n1", 4, jobs={0: "0.head"}).parked("n9")


def charged(plan: Plan, wall_s: float) -> dict[str, float]:
    spending = plan.memory.spending
    return {name: spending.of(name, wall_s, 0.0)[0] for name in spending.spent}


@pytest.mark.parametrize("listed", [True, False])
def test_a_worker_is_charged_by_its_pool_also_while_its_agent_is_not_listed(listed: bool) -> None:
    site = held()
    site.memory = site.plan(wall_s=NOON).memory
    site.agents = [agent for agent in site.agents if listed or agent.hostname != "n1"]
    plan = site.plan(wall_s=NOON + HOUR)
    assert charged(plan, NOON + HOUR) == {"": 4.0, "rest": 4.0}
    assert not some(plan, Offline)
    site.memory = plan.memory
    plan = site.plan(wall_s=NOON + 2 * HOUR)
    assert charged(plan, NOON + 2 * HOUR) == {"": 8.0, "rest": 8.0}, "it is still remembered"


def test_a_worker_of_a_pool_that_nobody_knows_is_charged_once_at_the_highest_price() -> None:
    site = held().remembers(spending=Spending(NOON, frozen_map()))
    site.agents = [agent for agent in site.agents if agent.hostname != "n1"]
    plan = site.plan(wall_s=NOON + HOUR)
    assert charged(plan, NOON + HOUR) == {"": 40.0}
    assert not some(plan, Offline), "40 of 100 were spent, and 40 more may be"
    gone = site.remembers(spending=Spending(NOON, frozen_map(), pools=frozen_map({"a-n1": "x"})))
    assert charged(gone.plan(wall_s=NOON + HOUR), NOON + HOUR) == {"": 40.0}, "no such pool"


def test_what_is_remembered_is_of_workers_that_are_there() -> None:
    site = held()
    memory = site.plan(wall_s=NOON).memory
    assert dict(memory.spending.pools) == {"a-n1": "rest"}
    site.memory, site.workers = memory, []
    assert not site.plan(wall_s=NOON).memory.spending.pools
    assert not Site().rules(price=1.0).online("n1").plan(wall_s=NOON).memory.spending.pools
