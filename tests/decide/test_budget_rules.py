"""What a budget enforces, over random sites: what nodes are brought for, and who gets no more."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from tests.decide.site import SLOT, Site, some
from tests.decide.test_budget import HOUR, NOON
from torque_mesos.decide.budget import DAY_S
from torque_mesos.decide.plan import Kill, Launch, Offline, Online, Plan
from torque_mesos.decide.pool import Budget
from torque_mesos.decide.reason import Code
from torque_mesos.model import JobState, frozen_map

PRICE = 2.0
START_S = 120.0  # what a start may take
LEFT_S = DAY_S - NOON % DAY_S


@dataclass(frozen=True)
class Held:
    """An online node: the slots that it holds, and the wall times of jobs of one slot there."""

    slots: int
    jobs: tuple[int, ...]  # hours

    def cost(self, ahead_s: float) -> float:
        """Until it has ended, or the day has."""
        for_s = min(max([hours * HOUR for hours in self.jobs], default=ahead_s), LEFT_S)
        return self.slots * SLOT.cpus * PRICE * for_s / HOUR


held = st.integers(1, 4).flatmap(
    lambda slots: st.builds(
        Held, st.just(slots), st.lists(st.integers(1, 30), max_size=slots).map(tuple)
    )
)


def site_of(nodes: list[Held], waiting: list[tuple[int, int]], budget: float) -> Site:
    site = Site().rules(price=PRICE, budget=Budget(day=budget))
    for number, node in enumerate(nodes):
        name, first = f"n{number}", len(site.jobs)
        there = {slot: f"{first + slot}.head" for slot in range(len(node.jobs))}
        for hours in node.jobs:
            words = frozen_map({"nodes": "1", "walltime": f"{hours}:00:00"})
            site.asks("", JobState.RUNNING, resources=words, exec_nodes=(name,))
        site.online(name, node.slots, 4, jobs=there)
    for number, (slots, hours) in enumerate(waiting):
        words = frozen_map({"nodes": f"1:ppn={slots}", "walltime": f"{hours}:00:00"})
        site.asks("", resources=words).parked(f"p{number}", 4, offered=4)
    return site


@given(
    st.lists(held, max_size=4),
    st.lists(st.tuples(st.integers(1, 4), st.integers(1, 30)), max_size=4),
    st.integers(0, 300),
)
def test_nothing_is_brought_beyond_it_and_beyond_it_nobody_gets_more(
    nodes: list[Held], waiting: list[tuple[int, int]], budget: int
) -> None:
    site = site_of(nodes, waiting, budget)
    plan = site.plan(wall_s=NOON)
    ahead_s = site.policy.budget_ahead_s
    committed = sum(node.cost(ahead_s) for node in nodes)
    slack = sum(node.slots for node in nodes) * SLOT.cpus * PRICE * START_S / HOUR
    if committed > budget + 1e-6:
        assert not some(plan, Launch)
        busy = sum(node.cost(ahead_s) for node in nodes if node.jobs)
        _stops(plan, nodes, all_=busy > budget + slack, idle=committed > budget + slack)
    else:
        assert not [o for o in some(plan, Offline) if o.reason.code is Code.BUDGET]
        # Each job was given slots that are there, or what was brought for it.
        brought = sum(launch.slots for launch in some(plan, Launch))
        longest_s = max((hours for _, hours in waiting), default=0) * HOUR
        least = brought * SLOT.cpus * PRICE * min(ahead_s, LEFT_S) / HOUR
        assert committed + least <= budget + 1e-6
        if len(waiting) == 1 and brought:
            for_s = min(max(longest_s, ahead_s), LEFT_S)
            most = committed + brought * SLOT.cpus * PRICE * for_s / HOUR
            assert most <= budget + 1e-6
    ended = {kill.name for kill in some(plan, Kill)}
    assert not ended & {f"n{number}" for number, node in enumerate(nodes) if node.jobs}


def _stops(plan: Plan, nodes: list[Held], *, all_: bool, idle: bool) -> None:
    """In one turn: so the scheduler can put jobs there no longer than one turn takes."""
    offline = {o.name for o in some(plan, Offline) if o.reason.code is Code.BUDGET}
    going = {f"n{n}" for n, node in enumerate(nodes) if all_ or (idle and not node.jobs)}
    assert offline == going
    assert not (all_ and some(plan, Online))
