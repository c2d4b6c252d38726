"""Serving the waiting jobs in order: a place for each, or the reason why there is none."""

from __future__ import annotations

import math
from dataclasses import replace

from torque_mesos.decide.bounds import AT_LIMIT
from torque_mesos.decide.demand import Demand
from torque_mesos.decide.growth import NOTHING, Growth, Refusal, growable, over_limit, whole_host
from torque_mesos.decide.idle_gpus import idle_gpus, note_gpus
from torque_mesos.decide.maintenance import wall_time_s
from torque_mesos.decide.packing import Host, Placement, Share, Tier, place
from torque_mesos.decide.reason import Code, Reason, counted
from torque_mesos.decide.request import Request
from torque_mesos.decide.shelf import Shelf
from torque_mesos.decide.turn import Turn, because
from torque_mesos.decide.worker import Phase
from torque_mesos.model import Job, Resources

_NONE = (0, NOTHING)


def serve(turn: Turn, growth: Growth, shelf: Shelf, demand: Demand) -> bool:
    """Place one waiting job, and note what it takes; or note why it waits, and give False."""
    job, request = demand.job, demand.request
    for_s = _lasts_s(turn, job)
    refusal = growth.refused.get(request)
    if refusal is None or (refusal.bounded and _bears(turn, growth, demand, refusal, for_s)):
        candidates = shelf.candidates(request)
        placement = place(request, candidates)
        refusal = (
            _no_place(turn, growth, demand, len(candidates))
            if placement is None
            else _take(turn, growth, shelf, demand, placement)
        )
        if refusal is not None and placement is not None and turn.policy.gpus:
            refusal = _without_gpus(turn, growth, shelf, demand, refusal)
        if refusal is None:
            return True
        growth.refused[request] = refusal
    reason = refusal.reason
    if refusal.slots:
        more = refusal.nodes, refusal.slots, refusal.extra
        reason = over_limit(turn, growth, demand.pool, *more, for_s) or reason
    turn.jobs[job.job_id] = reason
    waiting = growth.short
    if reason.code is Code.AT_LIMIT:
        waiting = growth.at_limit
    elif reason.code in AT_LIMIT:
        own = turn.pools.served_by(demand.pool).name
        waiting = growth.at_pool_limit.setdefault(own, {})
    waiting[job.job_id] = request
    return False


def _bears(turn: Turn, growth: Growth, demand: Demand, refusal: Refusal, for_s: float) -> bool:
    """Whether the bounds bear for this job what they refused a longer one of the same request."""
    more = refusal.nodes, refusal.slots, refusal.extra
    return over_limit(turn, growth, demand.pool, *more, for_s) is None


def _lasts_s(turn: Turn, job: Job) -> float:
    """The wall time of a job where that counts, for a budget; 0 where it has none."""
    seconds = wall_time_s(job.resources.get("walltime")) if turn.bounds.budgeted else 0.0
    return seconds if math.isfinite(seconds) else 0.0


def _take(
    turn: Turn, growth: Growth, shelf: Shelf, demand: Demand, placement: Placement
) -> Refusal | None:
    """Give a job its place, if the limit allows."""
    hosts = shelf.hosts
    shares = placement.shares
    new = {
        name: more
        for name, share in shares.items()
        if (more := _new(turn, growth, hosts[name], share)) != _NONE
    }
    for_s = _lasts_s(turn, demand.job)
    at: dict[str, float] = {}
    if turn.bounds.budgeted:
        at = {name: turn.policy.slot.cpus * new.get(name, _NONE)[0] for name in shares}
    if new:
        nodes = sum(name not in turn.workers and name not in growth.launches for name in new)
        slots = sum(more for more, _ in new.values())
        extra = sum((extra for _, extra in new.values()), NOTHING)
        if over := over_limit(turn, growth, demand.pool, nodes, slots, extra, for_s, at):
            return Refusal(over, nodes, slots, extra, bounded=turn.bounds.budgeted)
        own = turn.pools.served_by(demand.pool)
        turn.bounds.add(own, nodes, turn.policy.slot * slots + extra, for_s, at)
        growth.new_nodes += nodes
        growth.new_slots += slots
        growth.new_extra += extra
        for name, (n, beside) in new.items():
            note_gpus(turn, growth, name, shares[name].gpus)
            growth.launches[name] = growth.launches.get(name, 0) + n
            if beside != NOTHING:
                growth.extras[name] = growth.extras.get(name, NOTHING) + beside
    elif at:
        turn.bounds.add(turn.pools.served_by(demand.pool), 0, NOTHING, for_s, at)
    growth.claimed.update(shares)
    turn.jobs[demand.job.job_id] = _explain(turn, growth, hosts, placement)
    for name, share in shares.items():
        shelf.take(name, share)
    return None


def _without_gpus(
    turn: Turn, growth: Growth, shelf: Shelf, demand: Demand, refusal: Refusal
) -> Refusal | None:
    """A place without the gpus that hosts take for no job, where a bound does not bear those."""
    request, for_s = demand.request, _lasts_s(turn, demand.job)
    less = replace(refusal.extra, gpus=0)
    more = refusal.nodes, refusal.slots, less
    if request.gpus or over_limit(turn, growth, demand.pool, *more, for_s):
        return refusal
    placement = place(
        request,
        [h for h in shelf.candidates(request) if not idle_gpus(turn, growth, h.name)],
    )
    if placement is not None:
        return _take(turn, growth, shelf, demand, placement)
    if any(not turn.says_gpus(n) and could_serve(turn, n, request) for n in turn.agents):
        text = f"{refusal.reason.text}, and only hosts with gpus are offered: each takes one"
        return Refusal(because(Code.WAITING_FOR_OFFERS, text))
    return refusal


def _new(turn: Turn, growth: Growth, host: Host, share: Share) -> tuple[int, Resources]:
    """What must be taken of a host's offers for a share: slots, and what comes beside them."""
    slots = host.more(share.slots)
    gpus = share.gpus if host.tier is Tier.OFFERED else max(0, share.gpus - host.gpus)
    if host.tier is Tier.OFFERED:
        gpus += idle_gpus(turn, growth, host.name, gpus)
    mem_mb = 0.0
    if share.mem_mb and host.tier is Tier.OFFERED:
        mem_mb = max(0.0, share.mem_mb - host.own_mb(share.slots))
    return (slots, Resources(0.0, mem_mb, gpus)) if mem_mb or gpus else (slots, NOTHING)


def _no_place(turn: Turn, growth: Growth, demand: Demand, candidates: int) -> Refusal:
    """Why no slots can be found for a job now. `candidates`: the hosts that were looked at."""
    found = _missing(turn, growth, demand.request, candidates)
    if not demand.doubt or found.reason.code is not Code.WAITING_FOR_OFFERS:
        return found
    text = f"{found.reason.text}; it may never run: {demand.doubt}"
    return replace(found, reason=replace(found.reason, text=text))


def _missing(turn: Turn, growth: Growth, request: Request, candidates: int) -> Refusal:
    """Why a request finds no slots, and what it would take at least."""
    if not turn.agents:
        return Refusal(because(Code.NO_AGENTS, _no_agents(turn)))
    if not turn.bounds.any and len(request.chunks) == 1 and not (request.shared or request.group):
        # What it would take counts for bounds only; and all hosts that serve its one part were
        # looked at, for there are fewer than it needs.
        return Refusal(_why_not(turn, growth, request, candidates))
    # At least this much would have to be added: each host of ours serves one part at most,
    # and may do so when it has grown.
    served: list[int] = []
    one_by_one = ours = 0
    for name, host in growth.hosts.items():
        most = max((chunk.slots for chunk in request.chunks if host.serves(chunk)), default=0)
        if most:
            one_by_one += 1
            if host.tier is not Tier.OFFERED:
                served.append(most)
        if host.tier is not Tier.OFFERED:
            if name not in growth.grows_by:
                can = growable(turn, name)
                more = turn.full_slots(name) - turn.workers[name].slots if can else 0
                growth.grows_by[name] = more
            more = growth.grows_by[name]
            ours += bool(most) or could_serve(turn, name, request, host.up_to(Tier.STARTING) + more)
    parts = sorted(served)[-request.hosts :]
    reason = _why_not(turn, growth, request, one_by_one)
    nodes = max(0, request.hosts - ours)
    return Refusal(reason, nodes, max(1, request.slots - sum(parts)))


def _no_agents(turn: Turn) -> str:
    """That there is no agent at all, or none that can be used."""
    if not turn.unusable:
        return "Mesos shows no agents"
    name = min(turn.unusable)
    return f"Mesos shows no agent that can be used; {name}: {turn.unusable[name]}"


def _why_not(turn: Turn, growth: Growth, request: Request, available: int) -> Reason:
    """Why a request waits that so many hosts could serve a part of."""
    return growth.protected or _failing(turn, request) or _waits(turn, request, available)


def _waits(turn: Turn, request: Request, available: int) -> Reason:
    """What a request waits for: hosts, and among them what is not used for its maintenance."""
    code, text = Code.WAITING_FOR_OFFERS, "the rest must become free or be offered by Mesos"
    for name in sorted(turn.agents) if turn.agents_leaving else ():
        why = turn.leaving(name)
        if why is not None and why.code is Code.MAINTENANCE and could_serve(turn, name, request):
            code, text = why.code, f"{text}, and {name} is not used: {why.text}"
            break
    return because(
        code,
        f"it needs {_hosts(request)} ({request.brief}); {available} could serve it now, {text}",
        hosts=request.hosts,
        available=available,
    )


def _hosts(request: Request) -> str:
    hosts = counted(request.hosts, "host")
    return f"{hosts} of pool {request.pool}" if request.pool else hosts


def could_serve(turn: Turn, name: str, request: Request, slots: int | None = None) -> bool:
    """Whether a host would serve a part of a request, had it so many slots (None: all)."""
    names = turn.names_of(name)
    most = turn.full_slots(name) if slots is None else slots
    near = [c for c in request.chunks if c.slots <= most and c.names <= names]
    if not near or not any(c.mem_mb or c.gpus or c.alone for c in near):
        return bool(near)
    host = whole_host(turn, name, most)
    return any(host.serves(chunk) for chunk in near)


def _failing(turn: Turn, request: Request) -> Reason | None:
    """Why the hosts that would serve a request are left alone; None if none is."""
    for name in sorted(turn.agents) if turn.failures else ():
        reason = turn.failing(name)
        if reason is not None and could_serve(turn, name, request):
            return reason
    return None


def _explain(turn: Turn, growth: Growth, hosts: dict[str, Host], placement: Placement) -> Reason:
    at: dict[Tier, list[str]] = {tier: [] for tier in Tier}
    for name, share in sorted(placement.shares.items()):
        at[hosts[name].tier_of(share.slots, share.gpus)].append(name)
    if placement.tier <= Tier.DRAINING:
        growth.online.update(at[Tier.READY], at[Tier.DRAINING])
        if placement.tier is Tier.ONLINE:
            growth.wake = growth.wake or turn.now_s - turn.woken_s >= turn.policy.wake_every_s
            turn.timer(turn.woken_s + turn.policy.wake_every_s)
        return because(
            Code.RUNS_SOON,
            f"slots are free for it on {', '.join(sorted(placement.shares))}; it is the batch"
            " scheduler's turn",
        )
    growth.held_back.update(at[Tier.READY], at[Tier.DRAINING])
    starting = sorted(at[Tier.STARTING] + at[Tier.GROWN] + at[Tier.OFFERED] + at[Tier.REFILLED])
    growth.held_back.update(n for n in starting if turn.phases[n] in (Phase.READY, Phase.DRAINING))
    return because(Code.STARTING_NODES, f"its nodes are being started: {', '.join(starting)}")
