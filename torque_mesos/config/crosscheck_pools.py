"""What the settings of pools and of costs must be towards each other and the rest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from torque_mesos.config.checks import openpbs_resource
from torque_mesos.config.crosscheck import CrossProblem, floor_problems

if TYPE_CHECKING:
    from torque_mesos.config.models import Settings
    from torque_mesos.config.pools import PoolSettings

_OF_AGENTS = (
    "node_properties",
    "role",
    "min_slots_held",
    "reserve_slots",
    "schedules",
    "per_cpu_hour",
    "budget_per_day",
    "budget_per_month",
)


def pool_problems(settings: Settings) -> Iterator[CrossProblem]:
    """Everything that does not fit."""
    yield from _prices(settings)
    fallback: str | None = None
    seen: dict[tuple[tuple[str, tuple[str, ...]], ...], str] = {}
    for name, pool in settings.pools.items():
        key = f"pools.{name}"
        if pool.fallback and fallback is not None:
            yield CrossProblem(
                key,
                name,
                "should have queues, accounts, users or groups, for what no other pool takes"
                f" is pools.{fallback}'s already",
            )
        elif pool.fallback:
            fallback = name
        attributes = tuple(sorted(pool.attributes.items()))
        if attributes and attributes in seen:
            yield CrossProblem(
                f"{key}.attributes",
                dict(pool.attributes),
                f"should differ from pools.{seen[attributes]}.attributes, which takes these agents",
            )
        seen.setdefault(attributes, name)
        yield from _one(settings, key, pool)


def _prices(settings: Settings) -> Iterator[CrossProblem]:
    cost = settings.cost
    if cost.per_cpu_hour or any(pool.per_cpu_hour for pool in settings.pools.values()):
        return
    for key in ("budget_per_day", "budget_per_month"):
        value = getattr(cost, key)
        if value is not None:
            yield CrossProblem(
                f"cost.{key}", value, "should be left out, or cost.per_cpu_hour be more than 0"
            )


def _one(settings: Settings, key: str, pool: PoolSettings) -> Iterator[CrossProblem]:
    if not pool.attributes and not pool.fallback:
        for name in _OF_AGENTS:
            value = getattr(pool, name)
            if value or (name == "per_cpu_hour" and value is not None):
                yield CrossProblem(
                    f"{key}.{name}",
                    str(value) if name == "schedules" else value,
                    f"should be left out, or {key}.attributes be set: a pool without them has no"
                    " agents of its own",
                )
    if not settings.cost.per_cpu_hour and not pool.per_cpu_hour:
        for name in ("budget_per_day", "budget_per_month"):
            value = getattr(pool, name)
            if value is not None:
                yield CrossProblem(
                    f"{key}.{name}", value, f"should be left out, or {key}.per_cpu_hour be set"
                )
    floors = [("min_slots_held", pool.min_slots_held)]
    floors += [(f"schedules.{n}.slots", item.slots) for n, item in enumerate(pool.schedules)]
    for name, slots in floors:
        yield from floor_problems(settings, f"{key}.{name}", slots, pool.safe_allocation)
    if settings.batch.kind == "openpbs":
        for name in pool.node_properties:
            if not openpbs_resource(name):
                yield CrossProblem(
                    f"{key}.node_properties",
                    name,
                    "should be a letter, then letters, digits, '_' and '-', and no resource that"
                    " every node has, for it becomes a resource of OpenPBS",
                )
