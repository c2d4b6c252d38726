"""Agents in Mesos' maintenance schedule: drained in time, and given up when they are empty."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from tests.decide.site import NOW_S, Site, codes, kinds, one, some
from torque_mesos.decide.maintenance import LEAST_LEAD_S, wall_time_s
from torque_mesos.decide.plan import AcceptInverse, Decline, Kill, Launch, Offline, Online, Plan
from torque_mesos.decide.reason import Code
from torque_mesos.model import InverseOffer, Job, JobState, Queue, RunLimit, Whose, frozen_map

WALL_S = 1.8e9
HOUR_S = 3600.0


def in_window(site: Site, name: str, left_s: float) -> Site:
    """The agent of a host goes away in so many seconds."""
    agents = site.agents
    site.agents = [
        replace(a, unavailable_s=WALL_S + left_s) if a.hostname == name else a for a in agents
    ]
    return site


def plan(site: Site, *inverse: str, now_s: float = NOW_S) -> Plan:
    told = {agent.hostname: agent.unavailable_s for agent in site.agents}
    offers = tuple(InverseOffer(f"i-{n}", f"a-{n}", told[n] or WALL_S) for n in inverse)
    return site.plan(wall_s=WALL_S, inverse_offers=offers, now_s=now_s)


def asks(site: Site, nodes: str, walltime: str) -> Site:
    resources = frozen_map({"nodes": nodes, "walltime": walltime})
    name = f"{len(site.jobs)}.head"
    site.jobs.append(Job(name, "j", "u@h", "batch", JobState.QUEUED, resources))
    return site


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("02:30", 150),
        ("01:00:00", 3600),
        ("1.5", 1),
        (None, math.inf),
        ("", math.inf),
        ("-1", math.inf),
        ("soon", math.inf),
    ],
)
def test_wall_times(text: str | None, seconds: float) -> None:
    assert wall_time_s(text) == seconds


def test_a_node_with_jobs_is_drained_and_new_jobs_go_elsewhere() -> None:
    site = in_window(Site().online("n1", jobs={0: "r"}), "n1", 60).parked("n2", offered=4)
    found = plan(site.asks("1"))
    assert (one(found, Offline).name, one(found, Offline).reason.code) == ("n1", Code.MAINTENANCE)
    assert one(found, Launch).name == "n2"
    assert not some(found, Kill)


def test_a_drained_node_stays_so_until_its_jobs_end() -> None:
    site = in_window(Site().draining("n1", jobs={0: "r"}), "n1", -60)
    found = plan(site.asks("1"))
    assert not {"Kill", "Online"} & set(kinds(found))
    assert found.nodes["n1"].code is Code.MAINTENANCE
    empty = plan(in_window(Site().draining("n1"), "n1", -60))
    assert one(empty, Kill).name == "n1"


def test_an_idle_node_goes_at_once_whatever_the_floor() -> None:
    site = in_window(Site().online("n1").rules(floor_slots=4), "n1", 60)
    assert one(plan(site), Offline).name == "n1"
    ready = in_window(Site().ready("n1").rules(floor_slots=4), "n1", 60)
    found = plan(ready)
    assert not some(found, Online)
    assert one(found, Kill).name == "n1"


def test_no_mom_is_started_there() -> None:
    site = in_window(Site().parked("n1", offered=4), "n1", 60).asks("1")
    found = plan(site)
    assert not some(found, Launch)
    assert one(found, Decline).reason.code is Code.MAINTENANCE
    assert codes(found) == {"0.head": Code.MAINTENANCE}
    assert "n1 is not used: its agent's maintenance begins in 60 s" in found.jobs["0.head"].text


def test_a_job_that_waits_for_other_hosts_is_not_told_of_it() -> None:
    site = in_window(Site().parked("n1", offered=4), "n1", 60).parked("n2", 8)
    found = plan(site.asks("1:ppn=8"))
    assert codes(found) == {"0.head": Code.WAITING_FOR_OFFERS}
    assert "n1" not in found.jobs["0.head"].text


def test_a_job_without_a_wall_time_is_taken_to_last_a_day() -> None:
    far = in_window(Site().parked("n1", offered=4), "n1", 25 * HOUR_S)
    found = plan(far.asks("1"))
    assert one(found, Launch).name == "n1"
    assert found.again_s is not None
    assert found.again_s <= NOW_S + HOUR_S
    near = in_window(Site().parked("n1", offered=4), "n1", 23 * HOUR_S)
    assert not some(plan(near.asks("1")), Launch)


NOT_STARTABLE: dict[str, dict[str, Any]] = {
    "held": {"state": JobState.HELD, "holds": "u"},
    "waiting": {"state": JobState.WAITING},
    "too large": {"resources": frozen_map({"nodes": "1:ppn=99"})},
    "malformed": {"resources": frozen_map({"nodes": "x!"})},
    "of a queue that is not served": {"queue": "other"},
}


@pytest.mark.parametrize("job", NOT_STARTABLE.values(), ids=NOT_STARTABLE)
def test_a_job_that_cannot_start_drains_nothing(job: dict[str, Any]) -> None:
    site = Site(queues=[Queue("batch"), Queue("other")]).rules(queues=("batch",))
    site = in_window(site.parked("n1", offered=4), "n1", 2 * HOUR_S)
    found = plan(asks(site.asks("1", **job), "1", "01:00:00"))
    assert one(found, Launch).name == "n1"


def test_an_offer_tells_of_it_too() -> None:
    site = Site().parked("n1", offered=4).asks("1")
    site.offers = [replace(offer, unavailable_s=WALL_S + 60) for offer in site.offers]
    assert not some(plan(site), Launch)


def test_jobs_that_can_end_before_still_start() -> None:
    site = in_window(Site().parked("n1", offered=4), "n1", 2 * HOUR_S)
    found = plan(asks(site, "1", "01:00:00"))
    assert one(found, Launch).name == "n1"
    assert found.again_s is not None
    longer = asks(in_window(Site().parked("n1", offered=4), "n1", 2 * HOUR_S), "1", "03:00:00")
    assert not some(plan(longer), Launch)


def test_it_is_looked_at_again_when_a_drain_is_due() -> None:
    site = in_window(Site().online("n1", jobs={0: "r"}), "n1", LEAST_LEAD_S + 100)
    found = plan(site)
    assert not some(found, Offline)
    assert found.again_s == NOW_S + 100


def test_an_inverse_offer_is_accepted_when_nothing_is_left() -> None:
    busy = in_window(Site().draining("n1", jobs={0: "r"}), "n1", -60)
    assert not some(plan(busy, "n1"), AcceptInverse)
    empty = in_window(Site().parked("n1"), "n1", -60)
    assert one(plan(empty, "n1"), AcceptInverse).offer_ids == ("i-n1",)


def test_an_inverse_offer_is_not_accepted_while_a_mom_may_be_started_there() -> None:
    site = in_window(Site().parked("n1", offered=4), "n1", 2 * HOUR_S)
    found = plan(asks(site, "1", "01:00:00"), "n1")
    assert some(found, Launch)
    assert not some(found, AcceptInverse)
    early = plan(in_window(Site().parked("n1"), "n1", LEAST_LEAD_S + 100), "n1")
    assert not some(early, AcceptInverse)
    assert early.again_s == NOW_S + 100


def test_an_inverse_offer_alone_drains() -> None:
    found = plan(Site().online("n1", jobs={0: "r"}), "n1")
    assert one(found, Offline).reason.code is Code.MAINTENANCE


DAY_S = 86400.0


def test_a_long_job_drains_only_the_agents_that_could_run_it() -> None:
    site = Site().online("n1", jobs={0: "r"}).parked("n2", 8)
    for name in ("n1", "n2"):
        in_window(site, name, 2 * DAY_S)
    site.parked("n3", 8).parked("n4", 4)
    found = plan(asks(site, "1:ppn=8", "72:00:00"))
    assert not some(found, Offline), "n1 has four slots"
    assert found.nodes["n2"].code is not Code.MAINTENANCE
    both = plan(asks(site, "1:ppn=4", "72:00:00"))
    assert one(both, Offline).name == "n1"


@pytest.mark.parametrize(("left_s", "drained"), [(2 * DAY_S, False), (DAY_S, True)])
def test_a_job_that_no_hosts_bear_to_its_end_drains_them_a_day_before(
    left_s: float, drained: bool
) -> None:
    """Else one job of a month would keep all others from a cluster that is maintained then."""
    site = Site().online("n1", jobs={0: "r"}).online("n2", jobs=dict.fromkeys(range(4), "r"))
    for name in ("n1", "n2"):
        in_window(site, name, left_s)
    found = plan(asks(site, "2:ppn=1", "720:00:00"))
    assert bool(some(found, Offline)) is drained
    in_window(site, "n2", 90 * DAY_S)
    found = plan(asks(site, "1:ppn=1", "720:00:00"))
    assert [offline.name for offline in some(found, Offline)] == ["n1"], "n2 will run it"


MONTH = "720:00:00"


def with_windows(site: Site, *names: str) -> Site:
    """Those hosts go away in 20 days."""
    for name in names:
        in_window(site, name, 20 * DAY_S)
    return site


def test_a_job_over_its_run_limit_drains_nothing() -> None:
    site = Site(queues=[Queue("batch", run_limits=(RunLimit(Whose.USER, 1, None, "max_run"),))])
    site.online("n1").online("n2", jobs={0: "r.head"})
    there = frozen_map({"nodes": "1"})
    site.jobs.append(Job("r.head", "j", "u@h", "batch", JobState.RUNNING, there, ("n2",)))
    found = plan(asks(with_windows(site, "n1"), "1", MONTH))
    assert codes(found) == {"1.head": Code.RUN_LIMIT}
    assert not some(found, Offline)
    assert found.nodes["n1"].code is not Code.MAINTENANCE


def test_a_long_job_with_its_place_on_a_node_that_stays_drains_no_others() -> None:
    site = with_windows(Site().online("n1").online("n2").online("n3"), "n1", "n2")
    asks(asks(asks(site, "1:ppn=4", MONTH), "1:ppn=4", "1:00:00"), "1:ppn=4", "1:00:00")
    found = plan(site)
    assert set(codes(found).values()) == {Code.RUNS_SOON}
    assert not some(found, Offline)
    asks(site, "1:ppn=4", MONTH)
    assert len(some(plan(site), Offline)) == 2, "one place is not enough for two"


def test_until_that_job_has_started_no_node_that_leaves_goes_online() -> None:
    """The batch scheduler might as well put it there."""
    site = with_windows(Site().online("n3").parked("n1", offered=4), "n1")
    asks(asks(site, "1:ppn=4", MONTH), "1:ppn=4", "1:00:00")
    found = plan(site)
    assert codes(found) == {"0.head": Code.RUNS_SOON, "1.head": Code.MAINTENANCE}
    assert not some(found, Launch)
    begun = Site().online("n3", jobs=dict.fromkeys(range(4), "r")).parked("n1", offered=4)
    with_windows(begun, "n1")
    assert one(plan(asks(begun, "1:ppn=4", "1:00:00")), Launch).name == "n1"


def test_a_short_job_is_told_of_the_long_one_for_which_a_node_leaves() -> None:
    site = with_windows(Site().parked("n1", offered=4), "n1")
    site.online("n3", jobs=dict.fromkeys(range(4), "r"))
    found = plan(asks(asks(site, "1:ppn=4", MONTH), "1:ppn=4", "1:00:00"))
    assert not some(found, Launch)
    told = "begins in 1728000 s, and 0.head waits, which may last 2592000 s: it gets no more jobs"
    assert told in found.jobs["1.head"].text
