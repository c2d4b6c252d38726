"""Growing: jobs on slots that are there, then on offers; the floor; and what goes online."""

from __future__ import annotations

from torque_mesos.decide.demand import Demand
from torque_mesos.decide.floors import Floors
from torque_mesos.decide.growth import NOTHING, Growth
from torque_mesos.decide.hosts import hosts_of
from torque_mesos.decide.idle_gpus import asked_for
from torque_mesos.decide.online import bring_online
from torque_mesos.decide.order import in_order
from torque_mesos.decide.packing import Share, Tier
from torque_mesos.decide.plan import CreateNode, Launch, SetNp
from torque_mesos.decide.pools import Used
from torque_mesos.decide.protect import protected
from torque_mesos.decide.reason import Code, Reason, counted
from torque_mesos.decide.serve import serve
from torque_mesos.decide.shelf import Shelf
from torque_mesos.decide.starts import Starts
from torque_mesos.decide.topup import top_up
from torque_mesos.decide.trim import finish_trims, parts
from torque_mesos.decide.turn import RETRY_S, Turn, because
from torque_mesos.decide.usage import usage_of
from torque_mesos.decide.worker import PARKED_NOTE, Phase
from torque_mesos.model import Resources


def grow(turn: Turn, wanted: list[Demand]) -> Growth:
    """Place the waiting jobs in order, keep the floor, and start moms for both."""
    growth = Growth(waiting=bool(wanted), protected=protected(turn))
    floors = Floors(turn)
    in_use = growth.in_use = usage_of(turn)
    top_up(turn, growth, in_use)
    if wanted or floors.short(growth):
        growth.hosts = hosts_of(turn, in_use, growth.extras)
        if growth.protected:
            near = (h for h in growth.hosts.values() if h.tier is not Tier.OFFERED)
            growth.hosts = {host.name: host for host in near}
    shelf = Shelf(growth.hosts)
    _serve_all(turn, growth, shelf, wanted)
    for_jobs = set(growth.launches)
    if not (turn.protection.pauses and growth.launches):
        floors.keep(growth)
    for name, slots in growth.launches.items():
        code = Code.JOB_WANTS if name in for_jobs else Code.FLOOR
        _launch(turn, growth, floors, name, slots, code)
    finish_trims(turn, growth)
    bring_online(turn, growth)
    return growth


def _serve_all(turn: Turn, growth: Growth, shelf: Shelf, wanted: list[Demand]) -> None:
    """Serve the jobs that the scheduler may start, in its order."""
    starts, used = Starts(turn.reading), Used(turn.policy, turn.pools, turn.reading)
    counted = starts.any or used.any
    free = not (counted or turn.bounds.any)  # then what a request was refused is refused again
    refused: dict[int, Reason] = {}  # by the identity of requests: there are few, for many jobs
    for demand in in_order(turn, wanted):
        if free and (again := refused.get(id(demand.request))) is not None:
            turn.jobs[demand.job.job_id] = again
            growth.short[demand.job.job_id] = demand.request
            continue
        refusal = None
        if counted:
            refusal = starts.refusal(demand.job) or used.refusal(demand.pool, demand.request)
        if refusal is not None:
            turn.jobs[demand.job.job_id] = refusal
            placed = False
        else:
            placed = serve(turn, growth, shelf, demand)
            if free and not placed:
                refused[id(demand.request)] = turn.jobs[demand.job.job_id]
            _end_of_trial(turn, growth, shelf)
        if counted:
            starts.served(demand.job, placed=placed)
        if counted and placed:
            used.placed(demand.pool, demand.request)


def _end_of_trial(turn: Turn, growth: Growth, shelf: Shelf) -> None:
    """A trial of starts is for one job: nothing more is taken of what is offered."""
    if turn.protection.pauses and not growth.protected and growth.new_nodes:
        growth.protected = because(
            Code.PROTECTED, "it waits until a trial has shown that moms start"
        )
        for name in [n for n, host in shelf.hosts.items() if host.tier is Tier.OFFERED]:
            shelf.take(name, Share(shelf.hosts[name].room, alone=True))


def _launch(turn: Turn, growth: Growth, floors: Floors, name: str, slots: int, code: Code) -> None:
    """Take `slots`, and what comes beside them, of the offers of a host."""
    extra = growth.extras.get(name, NOTHING)
    amount = _amount(slots, asked_for(growth, name, extra))
    why = {
        Code.JOB_WANTS: f"{'waiting jobs' if slots else 'jobs'} want {amount} here",
        Code.FLOOR: f"{counted(floors.slots(name), 'slot')} of a floor or reserve",
    }
    reason = because(code, why[code], slots=slots)
    if turn.phases[name] is Phase.ABSENT:
        created = turn.created_at.get(name)
        if created is not None and turn.now_s - created < RETRY_S:
            return
        turn.created_at[name] = turn.now_s
        agent = turn.agents[name]
        properties = turn.policy.node_properties(agent)
        turn.do(CreateNode(name, slots, properties, PARKED_NOTE, reason))
    worker, node = turn.workers.get(name), turn.records.get(name)
    whole = turn.policy.slot * slots + extra
    offers = turn.offers.pop(name)
    turn.nodes[name] = reason
    turn.do(
        Launch(
            name=name,
            agent_id=offers[0].agent_id,
            offer_ids=tuple(offer.offer_id for offer in offers),
            slots=slots,
            resources=whole,
            reason=reason,
            parts=parts(whole, slots, turn.policy.slot, first=worker is None),
            executor_id=worker.executor_id if worker else None,
        )
    )
    resized = node is not None and (node.np != slots or extra.gpus not in (0, node.gpus))
    if worker is None and resized and turn.fresh:
        # While the mom starts, no time is lost; and no job is on a node that was parked.
        sized = because(Code.AS_GRANTED, f"its grants hold {counted(slots, 'slot')}", slots=slots)
        turn.do(SetNp(name, slots, sized, extra.gpus))


def _amount(slots: int, extra: Resources) -> str:
    parts = [counted(slots, "slot")] * bool(slots)
    parts += [f"{extra.mem_mb:g} MB more memory"] * bool(extra.mem_mb)
    parts += [counted(extra.gpus, "gpu")] * bool(extra.gpus)
    return " and ".join(parts)
