"""The situations of docs/explain.md, by their headings: each a site, and what was published."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from tests.decide.site import NOW_S, OFFLINE, Site
from torque_mesos.decide import Limit
from torque_mesos.decide.budget import Spending, Spent, day_of, month_of
from torque_mesos.decide.plan import Failures
from torque_mesos.decide.pool import Budget
from torque_mesos.decide.worker import ONLINE_NOTE
from torque_mesos.model import JobState, frozen_map

BUSY = {0: "running", 1: "running"}
FULL = dict.fromkeys(range(4), "running")
FAILED = Failures(3, NOW_S + 17.0, "pbs_mom: cannot bind port 15002: Address already in use")

NOON_S = datetime(2026, 2, 27, 12, tzinfo=UTC).timestamp()
TODAY = day_of(NOON_S, 0.0)
SPENT = Spending(NOON_S, frozen_map({"": Spent(TODAY, 37.5, month_of(TODAY), 512.0)}))


def _site() -> Site:
    return Site().rules(generation="g1", attribute_properties=("kind",))


def _maintained() -> Site:
    site = _site().online("n1", jobs=BUSY).parked("n2").asks("1:ppn=2")
    first, *rest = site.agents
    site.agents = [replace(first, unavailable_s=NOON_S + 3600.0), *rest]
    return site


# What a site is published with beside its snapshot.
PUBLISHED: dict[str, dict[str, Any]] = {
    "The batch server cannot be read": {"server_error": "qstat: cannot connect to server head"},
    "The Mesos master is away": {"connected": False},
}
SNAPSHOT: dict[str, dict[str, Any]] = {
    "The batch server cannot be read": {"reading": None, "fresh": False},
    "The Mesos master is away": {"mesos_ready": False},
    "It would exceed a budget": {"wall_s": NOON_S},
    "A node whose agent is to be maintained": {"wall_s": NOON_S},
}

SITES: dict[str, Callable[[], Site]] = {
    "It is the batch scheduler's turn": lambda: _site().online("n1").asks("1:ppn=2"),
    "Its nodes are being started": lambda: _site().parked("n1", offered=4).asks("1:ppn=2"),
    "It waits for offers": lambda: _site().parked("n1", offered=4).parked("n2").asks("2:ppn=4"),
    "It would exceed the safe allocation now": lambda: (
        _site()
        .rules(limit=Limit(nodes=1))
        .online("n1", jobs=FULL)
        .parked("n2", offered=4)
        .asks("1:ppn=4")
    ),
    "It would exceed a budget": lambda: (
        _site()
        .rules(price=0.5, budget=Budget(day=40.0))
        .online("n1", jobs=FULL)
        .parked("n2", offered=4)
        .remembers(spending=SPENT)
        .asks("1:ppn=2")
    ),
    "It asks for more than the safe allocation": lambda: (
        _site().rules(limit=Limit(cpus=8)).parked("n1").parked("n2").parked("n3").asks("3:ppn=4")
    ),
    "It is larger than any agent": lambda: _site().parked("n1").parked("n2").asks("1:ppn=8"),
    "No agent has what it asks for": lambda: _site().parked("n1", kind="thin").asks("1:ppn=2:fat"),
    "It is held": lambda: _site().parked("n1").asks("1", JobState.HELD),
    "Its queue is not served": lambda: (
        _site().rules(queues=("batch",)).parked("n1").asks("1", queue="interactive")
    ),
    "Its request cannot be read": lambda: _site().parked("n1").asks("2:ppn=four"),
    "Starts fail on its host": lambda: (
        _site().parked("n1", offered=4).asks("1").remembers(failures={"a-n1": FAILED})
    ),
    "Mesos shows no agents": lambda: _site().asks("1"),
    "A node in its grace": lambda: _site().online("n1").remembers(idle_since={"n1": NOW_S - 12.0}),
    "A node whose grace is over": lambda: (
        _site().online("n1").remembers(idle_since={"n1": NOW_S - 60.0})
    ),
    "A node that is kept for the floor": lambda: (
        _site().rules(floor_slots=4).online("n1").remembers(idle_since={"n1": NOW_S - 600.0})
    ),
    "A node that drains": lambda: _site().draining("n1", jobs=BUSY).rules(generation="g2"),
    "A node that was started with older settings": lambda: (
        _site().online("n1").rules(generation="g2")
    ),
    "A node whose agent is to be maintained": _maintained,
    "A node that a person took offline": lambda: (
        _site().agent("n1").node("n1", 4, (OFFLINE,), ONLINE_NOTE, BUSY).worker("n1")
    ),
    "A node of others": lambda: (
        _site().agent("n1").node("n1", 16).offer("n1", 4).parked("n2").asks("1:ppn=4")
    ),
    "An agent whose name cannot be a node's": lambda: _site().agent("10.0.0.7"),
    "The batch server cannot be read": lambda: _site().online("n1").asks("1"),
    "The Mesos master is away": lambda: _site().online("n1", jobs=FULL).parked("n2").asks("1"),
}
