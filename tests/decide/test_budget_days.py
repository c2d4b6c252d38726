"""A budget in the days to come, and as time goes by."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.decide.site import Site, codes, some
from tests.decide.test_budget import HOUR, NOON, lasting
from torque_mesos.decide import decide, serve
from torque_mesos.decide.packing import Host, Placement, place
from torque_mesos.decide.plan import Launch, Offline
from torque_mesos.decide.pool import Budget
from torque_mesos.decide.reason import Code
from torque_mesos.decide.request import Request
from torque_mesos.model import JobState

LATE = NOON + 10 * HOUR  # 22:00


def brought(site: Site, wall_s: float) -> list[str]:
    return [launch.name for launch in some(site.plan(wall_s=wall_s), Launch)]


@pytest.mark.parametrize(
    ("budget", "walltime", "fits"),
    [
        (Budget(day=10.0), "02:00:00", True),  # 8 before midnight
        (Budget(day=10.0), "04:30:00", True),  # and 10 after it
        (Budget(day=10.0), "04:36:00", False),
        (Budget(day=10.0), "100:00:00", False),
        (Budget(day=96.0), "100:00:00", True),
        (Budget(month=104.0 + 3.9), "27:00:00", True),  # March begins after 26 hours
        (Budget(month=104.0), "52:00:00", True),
        (Budget(month=104.0), "52:06:00", False),
        (Budget(month=2975.9), "2000:00:00", False),  # 31 days of March
    ],
)
def test_a_job_fits_into_every_day_and_month(budget: Budget, walltime: str, fits: bool) -> None:
    site = Site().rules(price=1.0, budget=budget).parked("n1", 4, offered=4)
    assert brought(lasting(site, walltime), LATE) == (["n1"] if fits else [])


def test_what_is_held_in_the_next_day_leaves_less_of_it() -> None:
    site = Site().rules(price=1.0, budget=Budget(day=20.0)).online("n1", 4, jobs={0: "0.head"})
    lasting(site, "06:00:00", on="n1", slots=1).parked("n2", 4, offered=4)  # 16 after midnight
    assert brought(lasting(replace(site, jobs=[*site.jobs]), "03:00:00"), LATE) == ["n2"]
    site = lasting(site, "03:06:00")
    assert brought(site, LATE) == []
    assert "in the next one" in site.plan(wall_s=LATE).jobs["1.head"].text
    assert not some(site.plan(wall_s=LATE), Offline)


def test_a_job_of_today_waits_for_nothing_that_the_next_day_lacks() -> None:
    site = Site().rules(price=1.0, budget=Budget(day=20.0)).online("n1", 4, jobs={0: "0.head"})
    lasting(site, "30:00:00", on="n1", slots=1).parked("n2", 4, offered=4)  # put by the scheduler
    assert brought(lasting(site, "01:00:00"), LATE) == ["n2"]


def test_what_starts_counts_for_the_job_that_it_was_brought_for() -> None:
    """A node that has no job yet is held for as long as the one that will run there."""
    for day, names in ((24.0, ["n2"]), (23.9, [])):
        site = Site().rules(price=1.0, budget=Budget(day=day)).starting("n1", 4)
        lasting(lasting(site, "03:00:00"), "03:00:00").parked("n2", 4, offered=4)
        assert brought(site, NOON) == names


def test_jobs_that_share_a_new_node_count_for_as_long_as_it_is_held() -> None:
    site = Site().rules(price=1.0, budget=Budget(day=15.9)).parked("n1", 4, offered=4)
    lasting(lasting(site, "01:00:00", slots=2), "04:00:00", slots=2)  # 4 cpus for 4 hours
    plan = site.plan(wall_s=NOON)
    assert [launch.slots for launch in some(plan, Launch)] == [2]
    assert codes(plan)["1.head"] is Code.BUDGET


# -- as time goes by ------------------------------------------------------------------------


def running(day: float, nodes: int) -> Site:
    """Nodes of 4 slots, each with a job of 2 slots for two hours, since noon."""
    site = Site().rules(price=1.0, budget=Budget(day=day))
    for number in range(nodes):
        name = f"n{number}"
        site.online(name, 4, jobs={0: f"{number}.head", 1: f"{number}.head"})
        lasting(site, "02:00:00", on=name, slots=2)
    site.memory = site.plan(wall_s=NOON).memory
    return site


@pytest.mark.parametrize("minutes", [1, 30, 60, 90, 119])
@pytest.mark.parametrize(("day", "nodes"), [(8.0, 1), (20.0, 2)])
def test_time_that_passes_takes_no_node_offline(minutes: int, day: float, nodes: int) -> None:
    site = lasting(running(day, nodes), "00:01:00", slots=2)
    plan = site.plan(wall_s=NOON + minutes * 60.0)
    assert not some(plan, Offline)
    assert codes(plan)[f"{nodes}.head"] is Code.RUNS_SOON


def test_what_a_start_took_is_borne() -> None:
    site = running(8.0, 1)
    site.memory = replace(site.memory, spending=replace(site.memory.spending, began={}))
    assert not some(site.plan(wall_s=NOON + 60.0), Offline), "the job begins after a minute"
    assert some(site.plan(wall_s=NOON + 180.0), Offline)


def test_the_wall_time_of_a_suspended_job_does_not_pass() -> None:
    site = running(8.0, 1)
    site.jobs[0] = replace(site.jobs[0], state=JobState.SUSPENDED)
    assert some(site.plan(wall_s=NOON + HOUR), Offline)


def test_an_idle_node_that_the_budget_does_not_bear_goes_alone() -> None:
    site = running(13.0, 1).online("n9", 4)
    plan = site.plan(wall_s=NOON + HOUR)
    assert [action.name for action in some(plan, Offline)] == ["n9"]
    assert plan.nodes["n9"].code is Code.BUDGET


# -- many jobs ------------------------------------------------------------------------------


@pytest.mark.parametrize("offered", [0, 8])
def test_jobs_that_differ_in_wall_time_alone_are_looked_at_once(
    offered: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each look goes over all hosts."""
    looks = 0

    def counted(request: Request, candidates: list[Host]) -> Placement | None:
        nonlocal looks
        looks += 1
        return place(request, candidates)

    monkeypatch.setattr(serve, "place", counted)
    site = Site().rules(price=1.0, budget=Budget(day=10.0)).parked("n1", 8, offered=offered)
    for number in range(50):
        lasting(site, f"{10 + number}:00:00", slots=8)
    plan = decide(site.snapshot(wall_s=NOON), site.policy)
    assert looks == 1
    assert len(plan.jobs) == 50
    lasting(site, "01:00:00", slots=8)
    assert brought(site, NOON) == ["n1"] * bool(offered)
