"""What growing finds out, and what can be taken where."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from torque_mesos.decide.packing import Host, Tier
from torque_mesos.decide.pool import Pool
from torque_mesos.decide.reason import Reason
from torque_mesos.decide.request import Chunk, Request
from torque_mesos.decide.turn import Turn
from torque_mesos.decide.worker import Phase
from torque_mesos.model import NodeState, Resources

_TIERS = {
    Phase.ONLINE: Tier.ONLINE,
    Phase.READY: Tier.READY,
    Phase.DRAINING: Tier.DRAINING,
    Phase.STARTING: Tier.STARTING,
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request got no place, and what more it would take at least.

    It counts for all jobs that ask for the same: hosts only get fewer while jobs are served.
    """

    reason: Reason
    nodes: int = 0
    slots: int = 0


@dataclass
class Growth:
    """What growing found out, for the parts that come after it.

    `claimed`: nodes whose slots a waiting job will take. `online`: those of them that may
    go online now. `short`: jobs that found no place and would with more offers;
    `at_limit`: jobs that more offers would not help; `at_pool_limit`: those of them that only
    the bounds of one pool keep waiting, by that pool. `ahead`: what of `launches` no job wants.
    `protected`: why no mom is started anywhere.
    """

    claimed: set[str] = field(default_factory=set)
    online: set[str] = field(default_factory=set)
    held_back: set[str] = field(default_factory=set)
    short: dict[str, Request] = field(default_factory=dict)
    at_limit: dict[str, Request] = field(default_factory=dict)
    at_pool_limit: dict[str, dict[str, Request]] = field(default_factory=dict)
    ahead: dict[str, int] = field(default_factory=dict)
    floor_short: int = 0
    launches: dict[str, int] = field(default_factory=dict)
    new_nodes: int = 0
    new_slots: int = 0
    refused: dict[Request, Refusal] = field(default_factory=dict)
    wake: bool = False
    waiting: bool = False
    hosts: dict[str, Host] = field(default_factory=dict)
    protected: Reason | None = None

    @cached_property
    def parts_short(self) -> frozenset[Chunk]:
        """What the jobs that are short ask for. (Read it when all jobs are served.)"""
        return frozenset(chunk for request in self.short.values() for chunk in request.chunks)

    @cached_property
    def parts_unplaced(self) -> frozenset[Chunk]:
        """The same, of those that the limit keeps waiting, too."""
        limited = (self.at_limit, *self.at_pool_limit.values())
        requests = {request for jobs in limited for request in jobs.values()}
        return self.parts_short | {chunk for request in requests for chunk in request.chunks}

    def unplaced_in(self, turn: Turn, pool: Pool | None) -> list[Request]:
        """What waiting jobs ask for that could run on hosts of a pool."""
        waiting = [*self.short.values(), *self.at_limit.values()]
        if not turn.pools.named or pool is None:
            return waiting + [r for jobs in self.at_pool_limit.values() for r in jobs.values()]
        waiting += self.at_pool_limit.get(pool.name, {}).values()
        return [request for request in set(waiting) if pool.word in request.names]

    def limited(self, turn: Turn, name: str) -> bool:
        """Whether jobs wait that could be started if a host gave up its share of a bound."""
        if not self.at_pool_limit:
            return bool(self.at_limit)
        pool = turn.pools.of_host(name)
        return bool(self.at_limit) or (pool is not None and pool.name in self.at_pool_limit)

    def takes_room(self, turn: Turn, name: str, slots: int) -> bool:
        """Whether a worker of `slots` on a host serves no waiting job, and a larger one would.

        At the limit, one elsewhere would.
        """
        names = turn.names_of(name)
        if growable(turn, name):
            slots = turn.full_slots(name)
        as_is = Host(name, slots, Tier.ONLINE, names)
        whole = Host(name, turn.full_slots(name), Tier.ONLINE, names)
        if any(as_is.serves(part) for part in self.parts_unplaced):
            return False
        return self.limited(turn, name) or any(whole.serves(part) for part in self.parts_unplaced)


def usable_offer(turn: Turn, name: str) -> bool:
    """Whether a mom may be started on the offers of a host."""
    wanted = Phase.PARKED if turn.policy.park else Phase.ABSENT
    where = turn.phases[name]
    return (
        (where is wanted or where is Phase.PARKED)
        and name not in turn.workers
        and not turn.must_be_marked(name)
        and not turn.backed_off(name)
        and turn.offered_slots(name) > 0
        and turn.feasible_without()
    )


def growable(turn: Turn, name: str) -> bool:
    """Whether the worker of a node may get another grant."""
    return (
        turn.phases[name] in _TIERS
        and name in turn.workers
        and turn.marked(name)
        and not turn.old(name)
        and not turn.stopping(name)
        and not turn.unreachable(name)
    )


def host_of(turn: Turn, name: str) -> Host | None:
    """What can be taken on a node, None where there is nothing."""
    where, names = turn.phases[name], turn.names_of(name)
    offered = turn.offered_slots(name)
    if where in (Phase.PARKED, Phase.ABSENT):
        return Host(name, offered, Tier.OFFERED, names) if usable_offer(turn, name) else None
    if where not in _TIERS or turn.stopping(name) or turn.unreachable(name):
        return None
    worker, node = turn.workers[name], turn.records[name]
    if where in (Phase.DRAINING, Phase.ONLINE) and turn.old(name):
        return None  # it ends what runs there, and gets nothing new
    if where is Phase.ONLINE and NodeState.DOWN in node.states:
        return None
    used = len(node.slots)
    now = turn.usable_slots(name)  # what np is set to when a node goes online
    if where is Phase.ONLINE:
        now = node.np
    elif where is Phase.STARTING:
        now = worker.slots
    coming = max(now, worker.slots)
    later = [(Tier.STARTING, coming - used)] if coming > now else []
    if offered and growable(turn, name):
        later.append((Tier.GROWN, coming - used + offered))
    return Host(name, now - used, _TIERS[where], names, tuple(later))


def held_with(turn: Turn, launches: dict[str, int]) -> tuple[int, Resources]:
    """Workers and resources that we hold, `launches` included."""
    return (
        turn.held_nodes + sum(name not in turn.workers for name in launches),
        turn.held + turn.policy.slot * sum(launches.values()),
    )


def over_limit(turn: Turn, growth: Growth, pool: Pool, nodes: int, slots: int) -> Reason | None:
    """Why jobs of a pool may not get so many nodes and slots beside all launches so far."""
    held = turn.held + turn.policy.slot * growth.new_slots
    more = turn.policy.slot * slots
    own = turn.pools.served_by(pool)
    return turn.bounds.over(own, nodes, more, (turn.held_nodes + growth.new_nodes, held))
