"""What is held may yet cost: each node until the last of its jobs has ended.

A job that runs lasts for what is left of its wall time, one that asks for none for
`budget_ahead_s`; so does a node without jobs, and at least so long what is brought for a job.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import cached_property

from torque_mesos.decide.budget import Ahead, cost_in, spans
from torque_mesos.decide.maintenance import wall_time_s
from torque_mesos.decide.policy import Policy
from torque_mesos.decide.pool import Pool
from torque_mesos.decide.pools import Pools
from torque_mesos.model import Job, JobState

_NONE: Ahead = (0.0,) * 5


def begun(before: Mapping[str, float], jobs: Iterable[Job], wall_s: float) -> dict[str, float]:
    """By job id, when each job with a wall time was first seen to run, in seconds since 1970.

    While a job is suspended its wall time does not pass: it begins anew with all of it.
    """
    return {
        job.job_id: min(wall_s, before.get(job.job_id, wall_s))
        for job in jobs
        if job.state is not JobState.SUSPENDED
        and math.isfinite(wall_time_s(job.resources.get("walltime")))
    }


def busy_for(
    jobs: Iterable[Job], began: Mapping[str, float], wall_s: float, untold_s: float
) -> dict[str, float]:
    """By node with jobs, how long the last of them may yet run."""
    found: dict[str, float] = {}
    for job in jobs:
        asked_s = wall_time_s(job.resources.get("walltime"))
        gone_s = wall_s - began.get(job.job_id, wall_s)
        left_s = max(0.0, asked_s - gone_s) if math.isfinite(asked_s) else untold_s
        for name in job.exec_nodes:
            found[name] = max(left_s, found.get(name, 0.0))
    return found


class Costs:
    """Sums by pool, and "" in all, of all workers and of what was added since."""

    def __init__(
        self, policy: Policy, pools: Pools, clock: tuple[float, float], busy_s: Mapping[str, float]
    ) -> None:
        self._policy = policy
        self._pools = pools
        self._spans = spans(*clock)
        self._nodes: dict[str, tuple[float, float]] = {}  # cpus, and for how long
        self._all: dict[str, Ahead] = {}
        self._of_jobs: dict[str, Ahead] = {}
        for worker, own in pools.workers():
            name, cpus = worker.node, worker.resources.cpus
            for_s = busy_s.get(name, policy.budget_ahead_s)
            self._nodes[name] = (cpus + self._nodes.get(name, (0.0, 0.0))[0], for_s)
            # One of a pool that is not known counts for every pool, and as the dearest in all.
            costs = {
                pool.name: cost_in(cpus * pools.price(pool), for_s, self._spans)
                for pool in (pools.all if own is None else (own,))
            }
            for scope, cost in (*costs.items(), ("", max(costs.values()))):
                self._all[scope] = _sum(self._all.get(scope, _NONE), cost)
                if name in busy_s:
                    self._of_jobs[scope] = _sum(self._of_jobs.get(scope, _NONE), cost)

    def all(self, scope: str) -> Ahead:
        """What all that a pool holds may cost."""
        return self._all.get(scope, _NONE)

    def of_jobs(self, scope: str) -> Ahead:
        """The same of the nodes that have jobs."""
        return self._of_jobs.get(scope, _NONE)

    def slack(self, scope: str) -> float:
        """What it costs for as long as a start may take: a job that was brought for begins later
        than it was brought for."""
        return self._rates.get(scope, 0.0) * self._policy.start_timeout_s / 3600.0

    @cached_property
    def _rates(self) -> Mapping[str, float]:
        return self._pools.rate()

    def more(self, pool: Pool, cpus: float, for_s: float, at: Mapping[str, float]) -> Ahead:
        """What so many cpus more cost for a job that may last so long.

        `at`: the cpus more on each node that it would use, where that is known.
        """
        price, for_s = self._pools.price(pool), max(for_s, self._policy.budget_ahead_s)
        if not at:
            return cost_in(cpus * price, for_s, self._spans)
        total = _NONE
        for name, new in at.items():
            held, until_s = self._nodes.get(name, (0.0, 0.0))
            if new or for_s > until_s:
                then = cost_in((held + new) * price, max(until_s, for_s), self._spans)
                before = cost_in(-held * price, until_s, self._spans)
                total = _sum(total, _sum(then, before))
        return total

    def add(self, pool: Pool, cpus: float, for_s: float, at: Mapping[str, float]) -> None:
        """Note that a job gets them."""
        more = self.more(pool, cpus, for_s, at)
        for scope in (pool.name, ""):
            self._all[scope] = _sum(self._all.get(scope, _NONE), more)
        for name, new in at.items():
            held, until_s = self._nodes.get(name, (0.0, 0.0))
            longest_s = max(until_s, for_s, self._policy.budget_ahead_s)
            self._nodes[name] = (held + new, longest_s)


def _sum(one: Ahead, other: Ahead) -> Ahead:
    return tuple([a + b for a, b in zip(one, other, strict=True)])
