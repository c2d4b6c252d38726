"""What the status says of pools and of costs."""

from __future__ import annotations

from torque_mesos.admin.status import Amounts, PoolStatus, Spent
from torque_mesos.decide import Policy
from torque_mesos.decide.pool import Budget
from torque_mesos.decide.pools import Pools
from torque_mesos.framework.published import Published


def pools_of(published: Published, policy: Policy) -> tuple[PoolStatus, ...]:
    """Each pool that has agents, where the settings name any."""
    if not policy.pools:
        return ()
    snapshot = published.snapshot
    nodes = snapshot.reading.nodes if snapshot.reading is not None else ()
    pools = Pools(
        policy,
        {agent.hostname: agent for agent in snapshot.agents},
        {node.name: node for node in nodes},
        snapshot.workers,
        published.plan.memory.spending.pools,
    )
    found = []
    for pool in pools.all:
        if pools.shares(pool):
            continue
        count, held = pools.held(pool)
        limit = pool.share.limit
        found.append(
            PoolStatus(
                name=pool.name,
                held=Amounts(count, held.cpus, held.mem_mb),
                limit=Amounts(limit.nodes, limit.cpus, limit.mem_mb),
                floor_slots=pool.share.floor_slots,
                spent=spent_of(published, policy, pool.name, pool.share.budget),
            )
        )
    return tuple(found)


def spent_of(published: Published, policy: Policy, name: str, budget: Budget) -> Spent | None:
    """What a pool (or "": all of them) has spent; None where nothing has a price."""
    snapshot = published.snapshot
    if not policy.price and not any(pool.price for pool in policy.pools):
        return None
    if snapshot.wall_s is None or published.plan.memory.spending.unknown:
        return None
    spending = published.plan.memory.spending
    day, month = spending.of(name, snapshot.wall_s, snapshot.offset_s)
    return Spent(round(day, 4), round(month, 4), budget.day, budget.month)
