"""What growing finds out, and what can be taken where."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property

from torque_mesos.decide.packing import Host, Tier
from torque_mesos.decide.pool import Pool
from torque_mesos.decide.reason import Reason
from torque_mesos.decide.request import Chunk, Request
from torque_mesos.decide.turn import Turn
from torque_mesos.decide.usage import Usage
from torque_mesos.decide.worker import Phase
from torque_mesos.model import NodeState, Resources

_TIERS = {
    Phase.ONLINE: Tier.ONLINE,
    Phase.READY: Tier.READY,
    Phase.DRAINING: Tier.DRAINING,
    Phase.STARTING: Tier.STARTING,
}


NOTHING = Resources()


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request got no place, and what more it would take at least.

    `extra`: beside the slots.

    It counts for all jobs that ask for the same: hosts only get fewer while jobs are served.
    `bounded`: there were slots for it that a budget does not bear; it may bear a shorter job.
    """

    reason: Reason
    nodes: int = 0
    slots: int = 0
    extra: Resources = NOTHING
    bounded: bool = False


@dataclass
class Growth:
    """What growing found out, for the parts that come after it.

    `claimed`: nodes whose slots a waiting job will take. `online`: those of them that may
    go online now. `short`: jobs that found no place and would with more offers;
    `at_limit`: jobs that more offers would not help; `at_pool_limit`: those of them that only
    the bounds of one pool keep waiting, by that pool. `launches`: the slots to take of the
    offers of each host; `ahead`: what of them no job wants; `extras`: what to take beside
    them, memory above the slots' own and gpus; `idle_gpus`: hosts where one of the gpus is for no
    job (see idle_gpus.py). `memory_short`: nodes whose jobs asked for more
    memory than there is, or is offered. `in_use`: what jobs use of nodes beside
    their slots. `grows_by`: the slots that a worker could get beside its own, had its agent
    nothing else; as far as it was asked for. `protected`: why no mom is started anywhere.
    """

    claimed: set[str] = field(default_factory=set)
    online: set[str] = field(default_factory=set)
    held_back: set[str] = field(default_factory=set)
    short: dict[str, Request] = field(default_factory=dict)
    at_limit: dict[str, Request] = field(default_factory=dict)
    at_pool_limit: dict[str, dict[str, Request]] = field(default_factory=dict)
    ahead: dict[str, int] = field(default_factory=dict)
    floor_short: int = 0
    memory_short: set[str] = field(default_factory=set)
    launches: dict[str, int] = field(default_factory=dict)
    new_nodes: int = 0
    new_slots: int = 0
    extras: dict[str, Resources] = field(default_factory=dict)
    idle_gpus: set[str] = field(default_factory=set)
    new_extra: Resources = NOTHING
    refused: dict[Request, Refusal] = field(default_factory=dict)
    wake: bool = False
    waiting: bool = False
    hosts: dict[str, Host] = field(default_factory=dict)
    in_use: dict[str, Usage] = field(default_factory=dict)
    grows_by: dict[str, int] = field(default_factory=dict)
    protected: Reason | None = None

    @cached_property
    def requests_short(self) -> frozenset[Request]:
        """What the jobs that are short ask for. (Read it when all jobs are served.)"""
        return frozenset({id(request): request for request in self.short.values()}.values())

    @cached_property
    def parts_short(self) -> frozenset[Chunk]:
        """The same, part by part."""
        return frozenset(chunk for request in self.requests_short for chunk in request.chunks)

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
        if not self.parts_unplaced:
            return self.limited(turn, name)
        whole = whole_host(turn, name)
        worker = turn.workers.get(name)
        held = worker.resources if worker else turn.policy.slot * slots
        gpus = turn.gpus(name, held)
        as_is = replace(whole, free=slots, tier=Tier.ONLINE, mem_mb=held.mem_mb, gpus=gpus)
        if growable(turn, name):
            more = ((Tier.GROWN, whole.free),)
            as_is = replace(as_is, later=more, later_gpus=max(0, whole.gpus - gpus))
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
        and not turn.stuck(name)
        and turn.leaving(name) is None
        and turn.offered_slots(name) > 0
        and not turn.without_its_gpus(name)
        and turn.feasible_without()
    )


def growable(turn: Turn, name: str) -> bool:
    """Whether the worker of a node may get another grant."""
    return (
        turn.phases[name] in _TIERS
        and name in turn.workers
        and turn.marked(name)
        and not turn.goes(name)
        and not turn.stopping(name)
        and not turn.unreachable(name)
    )


def whole_host(turn: Turn, name: str, slots: int | None = None) -> Host:
    """A host as if nothing ran there and all of its agent were offered (`slots`: had it those)."""
    agent = turn.agents.get(name)
    total = agent.total if agent else NOTHING
    return Host(
        name,
        turn.full_slots(name) if slots is None else slots,
        Tier.OFFERED,
        turn.names_of(name),
        slot_mb=turn.policy.slot.mem_mb,
        mem_mb=total.mem_mb,
        gpus=turn.gpus(name, total),
    )


def host_of(turn: Turn, name: str, usage: Usage, taken: Resources = NOTHING) -> Host | None:
    """What can be taken on a node, None where there is nothing.

    `usage`: of jobs that are there; `taken`: what of its offers was taken already.
    """
    where, names, slot_mb = turn.phases[name], turn.names_of(name), turn.policy.slot.mem_mb
    offer = turn.offered(name)
    offered = turn.offered_slots(name)
    if taken != NOTHING:
        offer -= taken
        offered = offer.slots(turn.policy.slot)
    if where in (Phase.PARKED, Phase.ABSENT):
        if not usable_offer(turn, name):
            return None
        gpus = turn.gpus(name, offer)
        size = turn.full_slots(name)
        return Host(name, offered, Tier.OFFERED, names, (), slot_mb, offer.mem_mb, gpus, size=size)
    if where not in _TIERS or turn.stopping(name) or turn.unreachable(name):
        return None
    worker, node = turn.workers[name], turn.records[name]
    if turn.leaving(name) or (where in (Phase.DRAINING, Phase.ONLINE) and turn.old(name)):
        return None  # it ends what runs there, and gets nothing new
    if (where is Phase.ONLINE and NodeState.DOWN in node.states) or (
        where is not Phase.STARTING and turn.closed(name)
    ):
        return None
    if turn.oversized(name):
        return None  # it goes offline, and comes back with what it holds
    now = turn.usable_slots(name)  # what np is set to when a node goes online
    if where is Phase.ONLINE:  # it gets the slots of its new grants in this very turn
        now = max(now, node.np) if growable(turn, name) else node.np
    elif where is Phase.STARTING:
        now = worker.slots
    used = len(node.slots)
    if usage.mem_mb:  # jobs use what the slots that are free were to have
        spare_mb = worker.resources.mem_mb + taken.mem_mb - max(now, worker.slots) * slot_mb
        used += math.ceil(max(0.0, usage.mem_mb - spare_mb) / slot_mb)
    ending = sum(g.slots for g in worker.grants if g.task_id in turn.killed_at)
    coming = max(now, worker.slots - ending)
    needed = turn.slots_in_use(name)
    if where is Phase.DRAINING and coming < needed:
        return _sunk(turn, name, coming, used)
    if where is Phase.DRAINING and now < needed:
        now = used
    later = [(Tier.STARTING, max(0, coming - used))] if coming > now else []
    more_gpus = 0
    if growable(turn, name):
        if offered:
            later.append((Tier.GROWN, max(0, coming - used + offered)))
        more_gpus = turn.gpus(name, offer) if turn.policy.gpus else 0
        if more_gpus and not offered:
            later.append((Tier.GROWN, max(0, coming - used)))
    return Host(
        name,
        max(0, now - used),
        _TIERS[where],
        names,
        tuple(later),
        slot_mb,
        worker.resources.mem_mb,
        max(0, turn.gpus(name, worker.resources) - usage.gpus),
        more_gpus,
        untouched=not node.slots,
        size=turn.full_slots(name),
    )


def _sunk(turn: Turn, name: str, held: int, used: int) -> Host | None:
    """A node that is offline, as it holds less than the slots up to the highest in use."""
    owed = turn.slots_in_use(name) - held
    offered = turn.offered_slots(name)
    if offered < owed or not growable(turn, name):
        return None
    return Host(
        name,
        0,
        Tier.DRAINING,
        turn.names_of(name),
        ((Tier.REFILLED, max(0, held + offered - used)),),
        turn.policy.slot.mem_mb,
        untouched=False,
        sunk=(max(0, held - used), owed),
        size=turn.full_slots(name),
    )


def held_with(turn: Turn, growth: Growth) -> tuple[int, Resources]:
    """Workers and resources that we hold, all launches so far included."""
    return (
        turn.held_nodes + sum(name not in turn.workers for name in growth.launches),
        turn.held + turn.policy.slot * sum(growth.launches.values()) + growth.new_extra,
    )


def over_limit(
    turn: Turn,
    growth: Growth,
    pool: Pool,
    nodes: int,
    slots: int,
    extra: Resources = NOTHING,
    for_s: float = 0.0,
    at: dict[str, float] | None = None,
) -> Reason | None:
    """Why jobs of a pool may not get so much more, for so long, beside all launches so far.

    `at`: the cpus more on each node that is used, where that is known.
    """
    if not turn.bounds.any:
        return None
    held = turn.held + turn.policy.slot * growth.new_slots + growth.new_extra
    more = turn.policy.slot * slots + extra
    own = turn.pools.served_by(pool)
    held_now = turn.held_nodes + growth.new_nodes, held
    return turn.bounds.over(own, nodes, more, held_now, for_s, at or {})
