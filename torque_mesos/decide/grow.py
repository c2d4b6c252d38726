"""Growing: jobs on slots that are there, then on offers; the floor; and what goes online."""

from __future__ import annotations

from torque_mesos.decide.demand import Demand
from torque_mesos.decide.growth import Growth, held_with, host_of
from torque_mesos.decide.online import bring_online
from torque_mesos.decide.order import in_order
from torque_mesos.decide.packing import Host, Tier
from torque_mesos.decide.plan import CreateNode, Launch, SetNp
from torque_mesos.decide.protect import protected
from torque_mesos.decide.reason import Code
from torque_mesos.decide.serve import serve
from torque_mesos.decide.shelf import Shelf
from torque_mesos.decide.starts import Starts
from torque_mesos.decide.trim import finish_trims, parts
from torque_mesos.decide.turn import RETRY_S, Turn, because
from torque_mesos.decide.worker import PARKED_NOTE, Phase


def grow(turn: Turn, wanted: list[Demand]) -> Growth:
    """Place the waiting jobs in order, keep the floor, and start moms for both."""
    growth = Growth(waiting=bool(wanted), protected=protected(turn))
    if wanted or _missing(turn, growth) > 0:
        found = ((name, host_of(turn, name)) for name in sorted(turn.phases))
        growth.hosts = {name: host for name, host in found if host is not None}
        if growth.protected:
            near = (h for h in growth.hosts.values() if h.tier is not Tier.OFFERED)
            growth.hosts = {host.name: host for host in near}
    shelf = Shelf(growth.hosts)
    starts = Starts(turn.reading)
    for demand in in_order(turn, wanted):
        if refusal := starts.refusal(demand.job):
            turn.jobs[demand.job.job_id] = refusal
            placed = False
        else:
            placed = serve(turn, growth, shelf, demand)
            _end_of_trial(turn, growth, shelf)
        starts.served(demand.job, placed=placed)
    for_jobs = set(growth.launches)
    if not (turn.protection.pauses and growth.launches):
        _floor(turn, growth, growth.hosts)
    for name, slots in growth.launches.items():
        code = Code.JOB_WANTS if name in for_jobs else Code.FLOOR
        _launch(turn, name, slots, code)
    finish_trims(turn, growth)
    bring_online(turn, growth)
    return growth


def _end_of_trial(turn: Turn, growth: Growth, shelf: Shelf) -> None:
    """A trial of starts is for one job: nothing more is taken of what is offered."""
    if turn.protection.pauses and not growth.protected and growth.new_nodes:
        growth.protected = because(
            Code.PROTECTED, "it waits until a trial has shown that moms start"
        )
        for name in [n for n, host in shelf.hosts.items() if host.tier is Tier.OFFERED]:
            shelf.take(name, shelf.hosts[name].room)


def _missing(turn: Turn, growth: Growth) -> int:
    """How many slots there are too few for the floor."""
    if not turn.policy.floor_slots:
        return 0
    kept = sum(turn.kept_slots(name) for name in turn.workers if not turn.old(name))
    return turn.policy.floor_slots - growth.new_slots - kept


def _floor(turn: Turn, growth: Growth, hosts: dict[str, Host]) -> None:
    """Keep or start what is missing to `floor_slots`. Jobs that wait for room come first."""
    missing = _missing(turn, growth)
    if missing <= 0:
        return
    for name in sorted(hosts):
        if missing > 0 and hosts[name].tier is Tier.DRAINING and not growth.parts_unplaced:
            growth.online.add(name)
            missing -= turn.workers[name].slots
    waiting = [*growth.short.values(), *growth.at_limit.values()]
    nodes = max((request.hosts for request in waiting), default=0)
    room = turn.policy.slot * max((request.slots for request in waiting), default=0)

    def allowed(launches: dict[str, int]) -> bool:
        held_nodes, held = held_with(turn, launches)
        return not turn.policy.limit.exceeded_by(held_nodes + nodes, held + room)

    offered = (host for host in hosts.values() if host.tier is Tier.OFFERED and host.free > 0)
    for host in sorted(offered, key=lambda host: (-host.free, host.name)):
        if missing <= 0:
            break
        for slots in range(min(host.free, missing), 0, -1):
            more = {host.name: growth.launches.get(host.name, 0) + slots}
            in_the_way = growth.takes_room(turn, host.name, more[host.name])
            if not in_the_way and allowed({**growth.launches, **more}):
                growth.launches.update(more)
                missing -= slots
                break
    if missing > 0 and not allowed({**growth.launches, "": 1}):
        missing = 0  # the limit is nearer than the floor
    growth.floor_short = max(0, missing)


def _launch(turn: Turn, name: str, slots: int, code: Code) -> None:
    why = {
        Code.JOB_WANTS: f"waiting jobs want {slots} slots here",
        Code.FLOOR: f"{turn.policy.floor_slots} slots are always kept",
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
    offers = turn.offers.pop(name)
    turn.nodes[name] = reason
    worker = turn.workers.get(name)
    turn.do(
        Launch(
            name=name,
            agent_id=offers[0].agent_id,
            offer_ids=tuple(offer.offer_id for offer in offers),
            slots=slots,
            resources=turn.policy.slot * slots,
            reason=reason,
            parts=parts(turn.policy.slot * slots, slots, turn.policy.slot, first=worker is None),
            executor_id=worker.executor_id if worker else None,
        )
    )
    node = turn.records.get(name)
    if worker is None and node is not None and node.np != slots and turn.fresh:
        # While the mom starts, no time is lost; and no job is on a node that was parked.
        sized = because(Code.AS_GRANTED, f"its grants hold {slots} slots", slots=slots)
        turn.do(SetNp(name, slots, sized))
