"""The bounds of what may be held: limits and budgets, of each pool and of all together.

A budget bears what is held until it has ended: a worker with jobs for as long as the longest
wall time among them, from now (that they began before is to the good), any other one, and a job
that asks for no wall time, for `budget_ahead_s`; but no longer than the day, or the month, lasts.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property

from torque_mesos.decide.budget import Spending, day_of, month_left_s, over_budget
from torque_mesos.decide.plan import Memory
from torque_mesos.decide.policy import Policy
from torque_mesos.decide.pool import DAY_S, Pool, Share
from torque_mesos.decide.pools import Pools
from torque_mesos.decide.reason import Code, Reason, because
from torque_mesos.model import Resources, frozen_map

Ahead = tuple[float, float]  # of the rest of the day, and of that of the month
_NONE: Ahead = (0.0, 0.0)
AT_LIMIT = frozenset({Code.AT_LIMIT, Code.POOL_LIMIT, Code.BUDGET})
"""Codes of jobs that wait because of a bound."""


class Bounds:
    """Whether so much more may be held.

    `busy_s`: asked when it is needed, how long the jobs of each worker may last.
    Made for one decision. `add` notes what it has taken already. A budget that cannot be
    known (its file cannot be read, or the time is not known) allows nothing that costs.
    """

    def __init__(
        self,
        policy: Policy,
        pools: Pools,
        memory: Memory,
        clock: tuple[float | None, float],
        busy_s: Callable[[], Mapping[str, float]],
    ) -> None:
        self._policy = policy
        self._pools = pools
        self._wall_s, self._offset_s = clock
        self._new_nodes: Counter[str] = Counter()
        self._new: dict[str, Resources] = {}
        self._new_cost: dict[str, Ahead] = {}
        self._busy_s = busy_s
        costs = policy.price or any(pool.price for pool in policy.pools)
        self._spending = memory.spending
        if costs and self._wall_s is not None:
            rates = pools.rate()
            self._spending = memory.spending.until(self._wall_s, self._offset_s, rates)
        if pools.payers != self._spending.pools:
            self._spending = replace(self._spending, pools=frozen_map(pools.payers))
        self._costs = bool(costs)
        self._any = self._bounded(policy.share) or any(
            self._bounded(pool.share) for pool in policy.pools
        )

    @property
    def any(self) -> bool:
        """Whether there is any bound."""
        return self._any

    @property
    def spending(self) -> Spending:
        """What was spent until now."""
        return self._spending

    def _bounded(self, share: Share) -> bool:
        return share.limit.any or share.budget.any

    @property
    def budgeted(self) -> bool:
        """Whether there is any budget: then it counts how long a job may last."""
        return self._any and self._costs and any(s.budget.any for s in self._shares())

    def _shares(self) -> list[Share]:
        return [self._policy.share, *(pool.share for pool in self._policy.pools)]

    def add(self, pool: Pool | None, nodes: int, more: Resources, for_s: float = 0.0) -> None:
        """Note that a pool gets so many nodes and resources more, for so long."""
        if pool is not None and self._any:
            self._new_nodes[pool.name] += nodes
            self._new[pool.name] = self._new.get(pool.name, Resources()) + more
            if self.budgeted:
                cost = self._cost(pool, more.cpus, for_s)
                for name in (pool.name, ""):
                    self._new_cost[name] = _sum(self._new_cost.get(name, _NONE), cost)

    def over(
        self,
        pool: Pool | None,
        nodes: int,
        more: Resources,
        held: tuple[int, Resources],
        for_s: float = 0.0,
    ) -> Reason | None:
        """Why a pool may not get `nodes` and `more` beside what was added; None if it may.

        `held`: workers and resources of all pools, with what was added. `for_s`: how long the
        job may last that it is for.
        """
        if not self._any:
            return None
        nodes_then, then = held[0] + nodes, held[1] + more
        if part := self._policy.limit.exceeded_by(nodes_then, then):
            return because(
                Code.AT_LIMIT,
                f"it waits for slots: more would exceed the safe allocation, {part}",
            )
        news = dict(self._new)
        if pool is not None:
            news[pool.name] = news.get(pool.name, Resources()) + more
            if self._pools.named and (over := self._over_pool(pool, nodes, news)):
                return over
        if more.cpus > 0 and (part := self._over_budgets(pool, more.cpus, for_s)):
            return because(Code.BUDGET, f"it waits for slots: more would exceed {part}")
        return None

    def _over_pool(self, pool: Pool, nodes: int, news: Mapping[str, Resources]) -> Reason | None:
        held_nodes, held = self._pools.held(pool)
        part = pool.share.limit.exceeded_by(
            held_nodes + self._new_nodes[pool.name] + nodes, held + news[pool.name]
        )
        if part is None:
            return None
        return because(
            Code.POOL_LIMIT,
            f"it waits for slots: more would exceed the limit of pool {pool.name}, {part}",
        )

    def exhausted(self, pool: Pool | None) -> bool:
        """Whether what is held already is more than a budget bears: then nothing is kept idle."""
        return self.overspent(pool) is not None

    def overspent(self, pool: Pool | None) -> str | None:
        """Which budget does not bear what is held already, until that has ended; None if all do."""
        return self._over_budgets(pool, 0.0, 0.0) if self._any else None

    def _over_budgets(self, pool: Pool | None, cpus: float, for_s: float) -> str | None:
        scopes = [("the budget", "", self._policy.budget)]
        if pool is not None and self._pools.named:
            scopes.append((f"the budget of pool {pool.name}", pool.name, pool.share.budget))
        scopes = [scope for scope in scopes if scope[2].any]
        if not scopes or not self._costs:
            return None
        if self._spending.unknown or self._wall_s is None:
            why = self._spending.unknown or "the time is not known"
            return f"{scopes[0][0]}, for all that is known: {why}"
        more = self._cost(pool, cpus, for_s) if pool is not None else _NONE
        for words, name, budget in scopes:
            ahead = _sum(self._held_cost.get(name, _NONE), self._new_cost.get(name, _NONE))
            spent = self._spending.of(name, self._wall_s, self._offset_s)
            if part := over_budget(budget, spent, _sum(ahead, more)):
                return f"{words} {part}"
        return None

    @cached_property
    def _left_s(self) -> Ahead:
        """What is left of the day and of the month."""
        wall_s, offset_s = self._wall_s or 0.0, self._offset_s
        day_s = (day_of(wall_s, offset_s) + 1) * DAY_S - offset_s - wall_s
        return day_s, month_left_s(wall_s, offset_s)

    def _cost(self, pool: Pool, cpus: float, for_s: float) -> Ahead:
        """What cpus of a pool cost in the rest of the day and of the month, held for so long."""
        rate = cpus * self._pools.price(pool) / 3600.0
        for_s = for_s if 0.0 < for_s < math.inf else self._policy.budget_ahead_s
        for_s = max(for_s, self._policy.budget_ahead_s)
        day_s, month_s = self._left_s
        return rate * min(for_s, day_s), rate * min(for_s, month_s)

    @cached_property
    def _held_cost(self) -> Mapping[str, Ahead]:
        """The same of all workers, by pool, and "" in all.

        One of a pool that is not known counts for every pool, and once, as the dearest, in all.
        """
        found: dict[str, Ahead] = {}
        busy_s = self._busy_s()
        for worker, own in self._pools.workers():
            costs = {
                pool.name: self._cost(pool, worker.resources.cpus, busy_s.get(worker.node, 0.0))
                for pool in (self._pools.all if own is None else (own,))
            }
            for scope, cost in (*costs.items(), ("", max(costs.values()))):
                found[scope] = _sum(found.get(scope, _NONE), cost)
        return found


def _sum(one: Ahead, other: Ahead) -> Ahead:
    return one[0] + other[0], one[1] + other[1]
