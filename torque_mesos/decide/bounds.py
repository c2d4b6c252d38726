"""The bounds of what may be held: limits and budgets, of each pool and of all together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from torque_mesos.decide.budget import Spending, day_of, month_left_s, over_budget
from torque_mesos.decide.plan import Memory
from torque_mesos.decide.policy import Policy
from torque_mesos.decide.pool import DAY_S, Pool, Share
from torque_mesos.decide.pools import Pools
from torque_mesos.decide.reason import Code, Reason, because
from torque_mesos.model import Resources

AT_LIMIT = frozenset({Code.AT_LIMIT, Code.POOL_LIMIT, Code.BUDGET})
"""Codes of jobs that wait because of a bound."""


class Bounds:
    """Whether so much more may be held.

    Made for one decision. `add` notes what it has taken already. A budget that cannot be
    known (its file cannot be read, or the time is not known) allows nothing that costs.
    """

    def __init__(
        self,
        policy: Policy,
        pools: Pools,
        memory: Memory,
        clock: tuple[float | None, float],
    ) -> None:
        self._policy = policy
        self._pools = pools
        self._wall_s, self._offset_s = clock
        self._new_nodes: Counter[str] = Counter()
        self._new: dict[str, Resources] = {}
        costs = policy.price or any(pool.price for pool in policy.pools)
        self._spending = memory.spending
        if costs and self._wall_s is not None:
            rates = pools.rate()
            self._spending = memory.spending.until(self._wall_s, self._offset_s, rates)
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

    def add(self, pool: Pool | None, nodes: int, more: Resources) -> None:
        """Note that a pool gets so many nodes and resources more, in all."""
        if pool is not None and self._any:
            self._new_nodes[pool.name] += nodes
            self._new[pool.name] = self._new.get(pool.name, Resources()) + more

    def over(
        self, pool: Pool | None, nodes: int, more: Resources, held: tuple[int, Resources]
    ) -> Reason | None:
        """Why a pool may not get `nodes` and `more` beside what was added; None if it may.

        `held`: workers and resources of all pools, with what was added.
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
        if more.cpus > 0 and (part := self._over_budgets(pool, news)):
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
        return self._any and self._over_budgets(pool, {}) is not None

    def _over_budgets(self, pool: Pool | None, news: Mapping[str, Resources]) -> str | None:
        scopes = [("the budget", "", self._policy.budget)]
        if pool is not None and self._pools.named:
            scopes.append((f"the budget of pool {pool.name}", pool.name, pool.share.budget))
        scopes = [scope for scope in scopes if scope[2].any]
        if not scopes or not self._costs:
            return None
        if self._spending.unknown or self._wall_s is None:
            why = self._spending.unknown or "the time is not known"
            return f"{scopes[0][0]}, for all that is known: {why}"
        wall_s, offset_s = self._wall_s, self._offset_s
        rates = self._pools.rate(news)
        day_left_s = (day_of(wall_s, offset_s) + 1) * DAY_S - offset_s - wall_s
        left_s = (day_left_s, month_left_s(wall_s, offset_s))
        ahead_s = self._policy.budget_ahead_s
        for words, name, budget in scopes:
            spent = self._spending.of(name, wall_s, offset_s)
            if part := over_budget(budget, spent, rates[name], ahead_s, left_s):
                return f"{words} {part}"
        return None
