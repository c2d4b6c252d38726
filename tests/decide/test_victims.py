"""Which idle slots go first where only some may: of no use to jobs, then dearest to keep."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.decide.site import NOW_S, SLOT, Site, one, some
from torque_mesos.decide.plan import Offline, Spare
from torque_mesos.decide.pool import Pool
from torque_mesos.decide.reason import Code
from torque_mesos.model import Grant, TaskState, frozen_map


def idle(site: Site, **seconds: float) -> Site:
    """Since when nodes are idle."""
    return site.remembers(idle_since=frozen_map({n: NOW_S - s for n, s in seconds.items()}))


def gone(site: Site) -> list[str]:
    return [offline.name for offline in some(site.plan(), Offline)]


def test_of_equal_hosts_the_one_that_is_idle_longest() -> None:
    site = Site().rules(floor_slots=4).online("n1").online("n2").online("n3")
    assert gone(idle(site, n1=100, n2=300, n3=200)) == ["n2", "n3"]


def test_a_large_host_before_a_small_one_that_is_idle_a_little_longer() -> None:
    site = Site().rules(floor_slots=2).online("n1", 2).online("n2", 8)
    assert gone(idle(site, n1=120, n2=100)) == ["n2"]
    much_longer = Site().rules(floor_slots=8).online("n1", 2).online("n2", 8)
    assert gone(idle(much_longer, n1=900, n2=100)) == ["n1"]


def test_what_the_floor_cannot_spare_stays_whatever_it_costs() -> None:
    site = Site().rules(floor_slots=4).online("n1", 2).online("n2", 8)
    plan = idle(site, n1=100, n2=100).plan()
    assert one(plan, Offline).name == "n1"
    kept = plan.nodes["n2"]
    assert (kept.code, kept.numbers["idle_s"], kept.numbers["cost"]) == (Code.FLOOR, 100, 800)


def test_the_host_of_the_dearer_pool_goes_first() -> None:
    spot = Pool("spot", queues=("spot",), attributes=(("kind", ("spot",)),), price=0.1)
    site = Site().rules(floor_slots=4, pools=(spot,), price=1.0)
    for name, kind in (("n1", "spot"), ("n2", "own")):
        site.online(name)
        site.agents[-1] = replace(site.agents[-1], attributes=frozen_map({"kind": kind}))
    assert gone(idle(site, n1=500, n2=100)) == ["n2"]


def test_a_host_that_a_waiting_job_may_use_goes_last() -> None:
    """The job needs another host as well, so it has no place yet."""
    site = Site().rules(floor_slots=4).online("n1", 1).online("n2", 4).parked("n3", 4)
    site.asks("2:ppn=4")
    plan = idle(site, n1=70, n2=900).plan()
    assert [offline.name for offline in some(plan, Offline)] == ["n1"]
    assert plan.nodes["n2"].code is Code.FLOOR


def test_single_slots_go_in_the_same_order_and_after_whole_hosts() -> None:
    def busy(site: Site, name: str, since_s: float) -> None:
        site.online(name, 4, jobs={0: "r"})
        grants = tuple(
            Grant(f"t{number}-{name}", 1, SLOT, TaskState.RUNNING, NOW_S - 999)
            for number in range(4)
        )
        site.workers[-1] = replace(site.workers[-1], grants=grants)
        spare[name] = Spare(3, NOW_S - since_s)

    spare: dict[str, Spare] = {}
    site = Site().rules(floor_slots=5)
    busy(site, "n1", 100)
    busy(site, "n2", 300)
    assert gone(site.remembers(spare=frozen_map(spare))) == ["n2"]
    whole = idle(site.online("n3", 3).rules(floor_slots=8), n3=100)
    assert gone(whole) == ["n3"]


@pytest.mark.parametrize(
    ("floor", "reserve", "keeper"),
    [(4, 0, "the floor"), (0, 4, "the reserve"), (4, 4, "the floor")],
)
def test_an_idle_node_is_told_what_keeps_it(floor: int, reserve: int, keeper: str) -> None:
    site = Site().rules(floor_slots=floor, reserve_slots=reserve).online("n1")
    reason = idle(site, n1=100).plan().nodes["n1"]
    assert (reason.code, reason.text.endswith(f"kept for {keeper}")) == (Code.FLOOR, True)
