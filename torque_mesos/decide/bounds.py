"""The bounds of what may be held: limits and budgets, of each pool and of all together.

What is held may cost no more than a budget bears, in any day and month until it has ended
(`costs.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property

from torque_mesos.decide.budget import Spending, over_budget
from torque_mesos.decide.costs import Costs, begun, busy_for
from torque_mesos.decide.plan import Memory
from torque_mesos.decide.policy import Policy
from torque_mesos.decide.pool import Budget, Pool, Share
from torque_mesos.decide.pools import Pools
from torque_mesos.decide.reason import Code, Reason, because
from torque_mesos.model import Job, Resources, frozen_map

_NOWHERE: Mapping[str, float] = {}
_NO_TIME = "the time is not known"
AT_LIMIT = frozenset({Code.AT_LIMIT, Code.POOL_LIMIT, Code.BUDGET})
"""Codes of jobs that wait because of a bound."""


class Bounds:
    """Whether so much more may be held.

    `jobs`: those that are on nodes.
    Made for one decision. `add` notes what it has taken already. A budget that cannot be
    known (its file cannot be read, or the time is not known) allows nothing that costs.
    """

    def __init__(
        self,
        policy: Policy,
        pools: Pools,
        memory: Memory,
        clock: tuple[float | None, float],
        jobs: Mapping[str, Job],
    ) -> None:
        self._policy = policy
        self._pools = pools
        self._wall_s, self._offset_s = clock
        self._new_nodes: Counter[str] = Counter()
        self._new: dict[str, Resources] = {}
        self._jobs = jobs
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
        if self.budgeted and self._wall_s is not None:
            began = begun(self._spending.began, jobs.values(), self._wall_s)
            self._spending = replace(self._spending, began=frozen_map(began))

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

    @cached_property
    def _cost(self) -> Costs:
        wall_s, ahead_s = self._wall_s or 0.0, self._policy.budget_ahead_s
        busy_s = busy_for(self._jobs.values(), self._spending.began, wall_s, ahead_s)
        return Costs(self._policy, self._pools, (wall_s, self._offset_s), busy_s)

    def add(
        self,
        pool: Pool | None,
        nodes: int,
        more: Resources,
        for_s: float = 0.0,
        at: Mapping[str, float] = _NOWHERE,
    ) -> None:
        """Note that a pool gets so many nodes and resources more, for so long.

        `at`: the cpus more on each node that is used, where that is known.
        """
        if pool is not None and self._any:
            self._new_nodes[pool.name] += nodes
            self._new[pool.name] = self._new.get(pool.name, Resources()) + more
            if self.budgeted:
                self._cost.add(pool, more.cpus, for_s, at)

    def over(
        self,
        pool: Pool | None,
        nodes: int,
        more: Resources,
        held: tuple[int, Resources],
        for_s: float = 0.0,
        at: Mapping[str, float] = _NOWHERE,
    ) -> Reason | None:
        """Why a pool may not get `nodes` and `more` beside what was added; None if it may.

        `held`: workers and resources of all pools, with what was added. `for_s`: how long the
        job may last that it is for. `at`: as of `add`.
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
        if more.cpus > 0 and (part := self._over_budgets(pool, more.cpus, for_s, at)):
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
        return self.overspent(pool, busy=False) is not None

    def overspent(self, pool: Pool | None, *, busy: bool) -> str | None:
        """Which budget of this day or month does not bear what is held already until that has
        ended; None if all do. `busy`: of what is held, only the nodes that have jobs.
        """
        if not self._any or not (scopes := self._scopes(pool)):
            return None
        if why := self._unknown:
            return f"{scopes[0][0]}, for all that is known: {why}"
        for words, name, budget in scopes:
            ahead = self._cost.of_jobs(name) if busy else self._cost.all(name)
            if part := over_budget(
                budget, self._spent(name), ahead[:2], (), self._cost.slack(name)
            ):
                return f"{words} {part}"
        return None

    def _over_budgets(
        self, pool: Pool | None, cpus: float, for_s: float, at: Mapping[str, float]
    ) -> str | None:
        if not (scopes := self._scopes(pool)):
            return None
        if why := self._unknown:
            return f"{scopes[0][0]}, for all that is known: {why}"
        more = () if pool is None else self._cost.more(pool, cpus, for_s, at)
        for words, name, budget in scopes:
            ahead = self._cost.all(name)
            then = tuple([a + b for a, b in zip(ahead, more, strict=True)]) if more else ahead
            if part := over_budget(budget, self._spent(name), then, more):
                return f"{words} {part}"
        return None

    @property
    def _unknown(self) -> str:
        return self._spending.unknown or ("" if self._wall_s is not None else _NO_TIME)

    def _scopes(self, pool: Pool | None) -> list[tuple[str, str, Budget]]:
        """The budgets that count for a pool, each with its words and its name."""
        scopes = [("the budget", "", self._policy.budget)]
        if pool is not None and self._pools.named:
            scopes.append((f"the budget of pool {pool.name}", pool.name, pool.share.budget))
        return [scope for scope in scopes if scope[2].any and self._costs]

    def _spent(self, name: str) -> tuple[float, float]:
        return self._spending.of(name, self._wall_s or 0.0, self._offset_s)
