"""Costs: what was spent, and that a budget is never exceeded by growing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.decide.site import FREE, Site, codes, one, some
from torque_mesos.decide.budget import Spending, day_of, month_of, over_budget, spans
from torque_mesos.decide.plan import Decline, Kill, Launch, Offline
from torque_mesos.decide.pool import Budget, Pool, Share
from torque_mesos.decide.reason import Code
from torque_mesos.decide.worker import ONLINE_NOTE
from torque_mesos.model import JobState, Queue, frozen_map

NOON = datetime(2026, 2, 27, 12, tzinfo=UTC).timestamp()
HOUR = 3600.0


def test_what_is_held_is_charged_as_time_goes_by() -> None:
    spending = Spending().until(NOON, 0.0, {"": 6.0})
    assert spending.of("", NOON, 0.0) == (0.0, 0.0)
    spending = spending.until(NOON + HOUR, 0.0, {"": 6.0}).until(NOON + 2 * HOUR, 0.0, {"": 3.0})
    assert spending.of("", NOON + 2 * HOUR, 0.0) == (9.0, 9.0)


def test_a_new_day_begins_at_local_midnight_and_a_new_month_with_the_first() -> None:
    offset_s = 2 * HOUR
    begun = Spending().until(NOON, offset_s, {})
    late = begun.until(NOON + 11 * HOUR, offset_s, {"": 1.0})  # 01:00 local, the 28th
    assert late.of("", NOON + 11 * HOUR, offset_s) == pytest.approx((1.0, 11.0))
    march = late.until(NOON + 34.5 * HOUR, offset_s, {"": 1.0})
    assert march.of("", NOON + 34.5 * HOUR, offset_s) == pytest.approx((0.5, 0.5))
    assert march.of("", NOON + 100 * HOUR, offset_s)[0] == 0.0


def test_a_clock_that_goes_back_charges_nothing() -> None:
    spending = Spending().until(NOON, 0.0, {"": 1.0}).until(NOON - HOUR, 0.0, {"": 1.0})
    assert spending.of("", NOON - HOUR, 0.0) == (0.0, 0.0)
    assert spending.at_s == NOON - HOUR


@given(
    st.lists(st.floats(0, 40 * 86400), min_size=1, max_size=8),
    st.sampled_from([-5 * HOUR, 0.0, 5.5 * HOUR]),
)
def test_steps_do_not_matter(steps: list[float], offset_s: float) -> None:
    slowly = quickly = Spending().until(NOON, offset_s, {})
    now = NOON
    for step in steps:
        now += step
        slowly = slowly.until(now, offset_s, {"": 2.0, "p": 1.0})
    quickly = quickly.until(now, offset_s, {"": 2.0, "p": 1.0})
    for name in ("", "p"):
        assert slowly.of(name, now, offset_s) == pytest.approx(quickly.of(name, now, offset_s))
    in_day, in_month = quickly.of("", now, offset_s)
    assert in_day <= in_month + 1e-6
    assert in_day <= 48.0 + 1e-6


def test_months() -> None:
    assert month_of(day_of(NOON, 0.0)) == 2026 * 12 + 2
    assert spans(NOON, HOUR)[1][1] == 35 * HOUR
    assert spans(NOON, 0.0) == (
        (-12 * HOUR, 12 * HOUR),
        (-(26 * 24 + 12) * HOUR, 36 * HOUR),
        (12 * HOUR, 36 * HOUR),
        (36 * HOUR, (36 + 31 * 24) * HOUR),
        ((36 + 31 * 24) * HOUR, (36 + 61 * 24) * HOUR),
    )


@pytest.mark.parametrize(
    ("budget", "ahead", "over"),
    [
        (Budget(), (1e9, 1e9), None),
        (Budget(day=10.0), (5.0, 5.0), None),
        (Budget(day=10.0), (5.1, 5.1), "of a day"),
        (Budget(day=10.0), (5.0, 500.0), None),
        (Budget(month=21.0), (6.0, 6.1), "of a month"),
        (Budget(day=4.9), (0.0, 0.0), "of a day"),
        (Budget(day=5.0), (0.0, 0.0), None),
        (Budget(day=10.0), (5.0, 5.0, 10.1), "of a day (10.10 of 10 to come in the next"),
        (Budget(day=10.0), (5.0, 5.0, 10.0), None),
        (Budget(month=21.0), (6.0, 6.0, 30.0, 21.1, 0.0), "of a month"),
        (Budget(month=21.0), (6.0, 6.0, 30.0, 21.0, 21.1), "the one after the next"),
    ],
)
def test_what_a_budget_bears(budget: Budget, ahead: tuple[float, float], over: str | None) -> None:
    found = over_budget(budget, (5.0, 15.0), ahead)
    assert (found is None) if over is None else (found is not None and over in found)


# -- in decisions -------------------------------------------------------------------------


def priced(**budget: float) -> Site:
    site = Site().rules(price=2.0, budget=Budget(**budget)).parked("n1", 8, offered=8)
    return site.asks("1:ppn=2").asks("1:ppn=2")


def spent(in_day: float, name: str = "") -> Spending:
    month = month_of(day_of(NOON, 0.0))
    from torque_mesos.decide.budget import Spent

    return Spending(NOON, frozen_map({name: Spent(day_of(NOON, 0.0), in_day, month, in_day)}))


def slots(site: Site, **changes: object) -> int:
    plan = site.plan(**{"wall_s": NOON, **changes})
    return sum(launch.slots for launch in some(plan, Launch))


def test_growth_stops_before_a_budget_is_exceeded() -> None:
    assert slots(priced(day=8.0)) == 4
    assert slots(priced(day=7.9)) == 2
    assert slots(priced(month=7.9)) == 2
    site = priced(day=8.0).remembers(spending=spent(1.0))
    assert slots(site) == 2
    plan = site.plan(wall_s=NOON)
    assert codes(plan)["1.head"] is Code.BUDGET
    assert "the budget of a day (1.00 of 8 spent, 8.00 to come until" in plan.jobs["1.head"].text


def test_what_is_held_counts_and_is_remembered() -> None:
    site = priced(day=12.0).online("n2", 3, jobs=dict.fromkeys(range(3), "r"))
    assert slots(site) == 2  # 3 held, 2 more: 10 an hour
    plan = site.plan(wall_s=NOON)
    assert plan.memory.spending.at_s == NOON
    site.memory = plan.memory
    plan = site.plan(wall_s=NOON + HOUR)
    assert plan.memory.spending.of("", NOON + HOUR, 0.0) == (6.0, 6.0)
    assert codes(plan)["0.head"] is Code.BUDGET


def test_the_next_day_is_a_new_one() -> None:
    site = priced(day=8.0).remembers(spending=spent(8.0))
    assert slots(site) == 0
    assert slots(site, wall_s=NOON + 12 * HOUR) == 4


def test_what_cannot_be_read_allows_nothing() -> None:
    site = priced(day=8.0).remembers(spending=Spending(unknown="spending.json is not JSON"))
    plan = site.plan(wall_s=NOON)
    assert not some(plan, Launch)
    assert "spending.json is not JSON" in plan.jobs["0.head"].text
    assert plan.memory.spending.unknown
    assert slots(priced(day=8.0), wall_s=None) == 0
    site = priced().remembers(spending=Spending(unknown="spending.json is not JSON"))
    assert slots(site) == 4  # no budget: nothing to keep to


def test_nothing_is_kept_idle_when_the_budget_is_spent() -> None:
    site = Site().rules(price=2.0, floor_slots=4, budget=Budget(day=100.0)).online("n1")
    site.remembers(idle_since={"n1": 0.0})
    assert not some(site.plan(wall_s=NOON), Offline)
    site.remembers(spending=spent(99.0))
    assert some(site.plan(wall_s=NOON), Offline)


def test_a_pool_has_its_own_price_and_budget() -> None:
    pool = Pool(
        "gpu",
        queues=("gpu",),
        attributes=(("kind", ("gpu",)),),
        price=10.0,
        share=Share(budget=Budget(day=25.0)),
    )
    site = Site().rules(price=1.0, pools=(pool,)).parked("g1", 8, offered=8, kind="gpu")
    site.parked("c1", 8, offered=8)
    for queue in ("gpu", "gpu", "gpu", "batch"):
        site.asks("1", queue=queue)
    plan = site.plan(wall_s=NOON)
    assert {launch.name: launch.slots for launch in some(plan, Launch)} == {"g1": 2, "c1": 1}
    assert codes(plan)["2.head"] is Code.BUDGET
    assert "budget of pool gpu" in plan.jobs["2.head"].text


# -- for as long as jobs last ----------------------------------------------------------------


def lasting(site: Site, walltime: str, *, on: str = "", slots: int = 4) -> Site:
    """A job with a wall time: it waits, or runs `on` a node."""
    state = JobState.RUNNING if on else JobState.QUEUED
    resources = frozen_map({"nodes": f"1:ppn={slots}", "walltime": walltime})
    nodes = (on,) if on else ()
    return site.asks(f"1:ppn={slots}", state, resources=resources, exec_nodes=nodes)


@pytest.mark.parametrize(
    ("walltime", "day", "taken"),
    [
        ("00:10:00", 8.0, 4),  # an hour at least: 4 cpus x 2
        ("03:00:00", 24.0, 4),
        ("03:00:00", 23.9, 0),
        ("24:00:00", 96.0, 4),  # a half of it until midnight
        ("24:00:00", 95.9, 0),
        ("48:00:00", 192.0, 4),  # the whole of the next day
        ("48:00:00", 191.9, 0),
    ],
)
def test_a_job_is_counted_for_its_wall_time(walltime: str, day: float, taken: int) -> None:
    site = Site().rules(price=2.0, budget=Budget(day=day)).parked("n1", 8, offered=8)
    assert slots(lasting(site, walltime)) == taken


def test_a_longer_job_than_the_budget_bears_does_not_keep_a_shorter_one_waiting() -> None:
    site = Site().rules(price=2.0, budget=Budget(day=24.0)).parked("n1", 8, offered=8)
    site = lasting(lasting(site, "09:00:00"), "03:00:00")
    assert slots(site) == 4
    assert codes(site.plan(wall_s=NOON))["0.head"] is Code.BUDGET


def busy(day: float, walltime: str) -> Site:
    jobs = {0: "0.head", 1: "0.head"}
    site = Site().rules(price=2.0, budget=Budget(day=day)).online("n1", 4, jobs=jobs)
    return lasting(site, walltime, on="n1", slots=2)


def test_what_runs_counts_for_its_wall_time_too() -> None:
    for day, taken in ((24.0 + 8.0, 4), (24.0 + 7.9, 0)):
        site = busy(day, "03:00:00").parked("n2", 4, offered=4)
        assert slots(lasting(site, "00:30:00")) == taken


def test_nodes_get_no_more_jobs_when_what_runs_may_spend_the_budget() -> None:
    borne = busy(24.0, "03:00:00").plan(wall_s=NOON)
    assert not some(borne, Offline)
    plan = busy(23.7, "03:00:00").plan(wall_s=NOON)
    offline = one(plan, Offline)
    assert (offline.name, offline.reason.code) == ("n1", Code.BUDGET)
    assert not some(plan, Kill), "its job goes on"
    unknown = busy(23.7, "03:00:00").remembers(spending=Spending(unknown="not JSON"))
    assert not some(unknown.plan(wall_s=NOON), Offline)
    assert not some(busy(23.7, "03:00:00").plan(wall_s=None), Offline)


def test_a_pool_over_its_budget_does_not_keep_another_from_its_offers() -> None:
    share = Share(budget=Budget(day=0.0))
    fat = Pool("fat", queues=("fat",), attributes=(("kind", ("fat",)),), share=share, price=1)
    site = Site(queues=[Queue("batch"), Queue("fat")]).rules(pools=(fat, Pool("rest")))
    site.asks("1", JobState.RUNNING, "fat", exec_nodes=("n1",))
    site.agent("n1", 4, kind="fat").node("n1", 2, (FREE,), ONLINE_NOTE, {0: "0.head"}, "fat")
    site.worker("n1", 2).offer("n1", 2).parked("n2", 2).asks("1:ppn=2")
    assert one(site.plan(wall_s=NOON), Decline).reason.code is Code.BUDGET
    site.offer("n2", 2)
    plan = site.plan(wall_s=NOON)
    assert [launch.name for launch in some(plan, Launch)] == ["n2"]


def test_what_is_not_wanted_at_a_limit_is_declined_in_these_words() -> None:
    plan = priced(day=0.0).plan(wall_s=NOON)
    assert "2 jobs that wait for nodes are at a limit" in one(plan, Decline).reason.text
