"""Which idle slots are given up first, where a floor or a reserve lets only some of them go.

What is idle the longest and cheapest to lose: the slots that no waiting job may use come before
those that one may; among them, those whose idle time has cost the most. That is the time times
the cpus times the price of the pool, so of two hosts that are idle for equally long, the one of
the dearer pool goes, then the larger one. To have them again costs one start of a mom each, so
large hosts are no dearer to lose than small ones. Whole hosts go before single slots (`shrink`).
"""

from __future__ import annotations

from collections.abc import Iterable

from torque_mesos.decide.growth import Growth
from torque_mesos.decide.turn import Turn


def idle_cost(turn: Turn, name: str, slots: int, since_s: float) -> float:
    """What it has cost to hold slots of a host idle since then.

    In cpu-seconds times the price of a cpu-hour; in plain cpu-seconds where nothing has a price.
    """
    cpus = turn.policy.slot.cpus * slots
    return (turn.now_s - since_s) * cpus * turn.pools.worth(turn.pools.of_host(name))


def hosts_to_go(turn: Turn, growth: Growth, idle: Iterable[str]) -> list[str]:
    """Idle workers in the order in which they go."""

    def key(name: str) -> tuple[bool, float, float, int, str]:
        since_s = turn.idle_since[name]
        cost = idle_cost(turn, name, turn.workers[name].slots, since_s)
        return _of_use(growth, name), -cost, since_s, len(name), name

    return sorted(idle, key=key)


def slots_to_go(turn: Turn, growth: Growth, beside: Iterable[str]) -> list[str]:
    """Nodes with jobs, in the order in which their idle slots go."""

    def key(name: str) -> tuple[bool, float, int, str]:
        spare = turn.spare.get(name)
        cost = idle_cost(turn, name, spare.slots, spare.since_s) if spare else 0.0
        return _of_use(growth, name), -cost, len(name), name

    return sorted(beside, key=key)


def _of_use(growth: Growth, name: str) -> bool:
    """Whether a part of a job that found no place could run there."""
    host = growth.hosts.get(name)
    return host is not None and any(host.serves(part) for part in growth.parts_unplaced)
