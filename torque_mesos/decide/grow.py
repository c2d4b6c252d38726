"""Growing: jobs on slots that are there, then on offers; the floor; and what goes online."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from torque_mesos.decide.demand import Demand
from torque_mesos.decide.packing import Host, Placement, Tier, place
from torque_mesos.decide.plan import CreateNode, Launch, Online, SetNp, Wake
from torque_mesos.decide.reason import Code, Reason
from torque_mesos.decide.request import Chunk, Request
from torque_mesos.decide.shelf import Shelf
from torque_mesos.decide.turn import RETRY_S, Turn, because
from torque_mesos.decide.worker import PARKED_NOTE, Phase
from torque_mesos.model import Job, NodeState, Resources

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
    `at_limit`: jobs that more offers would not help.
    """

    claimed: set[str] = field(default_factory=set)
    online: set[str] = field(default_factory=set)
    held_back: set[str] = field(default_factory=set)
    short: dict[str, Request] = field(default_factory=dict)
    at_limit: dict[str, Request] = field(default_factory=dict)
    floor_short: int = 0
    launches: dict[str, int] = field(default_factory=dict)
    new_nodes: int = 0
    new_slots: int = 0
    refused: dict[Request, Refusal] = field(default_factory=dict)
    wake: bool = False
    waiting: bool = False
    hosts: dict[str, Host] = field(default_factory=dict)

    @cached_property
    def parts_short(self) -> frozenset[Chunk]:
        """What the jobs that are short ask for. (Read it when all jobs are served.)"""
        return frozenset(chunk for request in self.short.values() for chunk in request.chunks)

    @cached_property
    def parts_unplaced(self) -> frozenset[Chunk]:
        """The same, of those that the limit keeps waiting, too."""
        return self.parts_short | {
            chunk for request in self.at_limit.values() for chunk in request.chunks
        }

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
        return bool(self.at_limit) or any(whole.serves(part) for part in self.parts_unplaced)


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


def _host(turn: Turn, name: str) -> Host | None:
    """What can be taken on a node, None where there is nothing."""
    where, names = turn.phases[name], turn.names_of(name)
    offered = turn.offered_slots(name)
    if where in (Phase.PARKED, Phase.ABSENT):
        return Host(name, offered, Tier.OFFERED, names) if usable_offer(turn, name) else None
    if where not in _TIERS or turn.stopping(name) or turn.unreachable(name):
        return None
    worker, node = turn.workers[name], turn.records[name]
    if where is Phase.DRAINING and turn.old(name):
        return None
    if where is Phase.ONLINE and NodeState.DOWN in node.states:
        return None
    used = len(node.slots)
    now = worker.running_slots  # what np is set to when a node goes online
    if where is Phase.ONLINE:
        now = node.np
    elif where is Phase.STARTING:
        now = worker.slots
    coming = max(now, worker.slots)
    later = [(Tier.STARTING, coming - used)] if coming > now else []
    if offered and growable(turn, name):
        later.append((Tier.GROWN, coming - used + offered))
    return Host(name, now - used, _TIERS[where], names, tuple(later))


def grow(turn: Turn, wanted: list[Demand]) -> Growth:
    """Place the waiting jobs in order, keep the floor, and start moms for both."""
    growth = Growth(waiting=bool(wanted))
    if wanted or _missing(turn, growth) > 0:
        found = ((name, _host(turn, name)) for name in sorted(turn.phases))
        growth.hosts = {name: host for name, host in found if host is not None}
    shelf = Shelf(growth.hosts)
    for demand in wanted:
        _serve(turn, growth, shelf, demand)
    for_jobs = set(growth.launches)
    _floor(turn, growth, growth.hosts)
    for name, slots in growth.launches.items():
        code = Code.JOB_WANTS if name in for_jobs else Code.FLOOR
        _launch(turn, name, slots, code)
    _bring_online(turn, growth)
    return growth


def _held(turn: Turn, launches: dict[str, int]) -> tuple[int, Resources]:
    """Workers and resources that we hold, `launches` included."""
    return (
        turn.held_nodes + sum(name not in turn.workers for name in launches),
        turn.held + turn.policy.slot * sum(launches.values()),
    )


def _over(turn: Turn, growth: Growth, nodes: int, slots: int) -> str | None:
    """What part of the limit so many nodes and slots, with all launches so far, would exceed."""
    limit = turn.policy.limit
    if limit.nodes is None and limit.cpus is None and limit.mem_mb is None:
        return None
    held = turn.held + turn.policy.slot * (growth.new_slots + slots)
    return limit.exceeded_by(turn.held_nodes + growth.new_nodes + nodes, held)


def _serve(turn: Turn, growth: Growth, shelf: Shelf, demand: Demand) -> None:
    job, request = demand.job, demand.request
    refusal = growth.refused.get(request)
    if refusal is None:
        placement = place(request, shelf.candidates(request))
        refusal = (
            _no_place(turn, growth, request)
            if placement is None
            else _take(turn, growth, shelf, job, placement)
        )
        if refusal is None:
            return
        growth.refused[request] = refusal
    reason = refusal.reason
    if refusal.slots and (over := _over(turn, growth, refusal.nodes, refusal.slots)):
        reason = _at_limit(over)
    turn.jobs[job.job_id] = reason
    waiting = growth.at_limit if reason.code is Code.AT_LIMIT else growth.short
    waiting[job.job_id] = request


def _take(
    turn: Turn, growth: Growth, shelf: Shelf, job: Job, placement: Placement
) -> Refusal | None:
    """Give a job its place, if the limit allows."""
    hosts = shelf.hosts
    new = {
        name: more
        for name, n in placement.slots.items()
        if (more := n - hosts[name].up_to(Tier.STARTING)) > 0
    }
    if new:
        nodes = sum(name not in turn.workers and name not in growth.launches for name in new)
        slots = sum(new.values())
        if over := _over(turn, growth, nodes, slots):
            return Refusal(_at_limit(over), nodes, slots)
        growth.new_nodes += nodes
        growth.new_slots += slots
        for name, n in new.items():
            growth.launches[name] = growth.launches.get(name, 0) + n
    growth.claimed.update(placement.slots)
    turn.jobs[job.job_id] = _explain(turn, growth, hosts, placement)
    for name, n in placement.slots.items():
        shelf.take(name, n)
    return None


def _no_place(turn: Turn, growth: Growth, request: Request) -> Refusal:
    """Why no slots can be found for a request now."""
    if not turn.agents:
        return Refusal(because(Code.NO_AGENTS, "Mesos shows no agents"))
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
            more = turn.full_slots(name) - turn.workers[name].slots if growable(turn, name) else 0
            ours += bool(most) or _could_serve(
                turn, name, host.up_to(Tier.STARTING) + more, request
            )
    parts = sorted(served)[-request.hosts :]
    reason = _failing(turn, request) or because(
        Code.WAITING_FOR_OFFERS,
        f"it needs {_hosts(request.hosts)} ({request}); {one_by_one} could serve it now,"
        " the rest must become free or be offered by Mesos",
        hosts=request.hosts,
        available=one_by_one,
    )
    nodes = max(0, request.hosts - ours)
    return Refusal(reason, nodes, max(1, request.slots - sum(parts)))


def _hosts(count: int) -> str:
    return "1 host" if count == 1 else f"{count} hosts"


def _could_serve(turn: Turn, name: str, slots: int, request: Request) -> bool:
    """Whether a host would serve a part of a request, had it so many slots."""
    host = Host(name, slots, Tier.OFFERED, turn.names_of(name))
    return any(host.serves(chunk) for chunk in request.chunks)


def _failing(turn: Turn, request: Request) -> Reason | None:
    """Why the hosts that would serve a request are left alone; None if none is."""
    for name in sorted(turn.agents):
        reason = turn.failing(name)
        if reason is not None and _could_serve(turn, name, turn.full_slots(name), request):
            return reason
    return None


def _at_limit(over: str) -> Reason:
    return because(
        Code.AT_LIMIT, f"it waits for slots: more would exceed the safe allocation, {over}"
    )


def _explain(turn: Turn, growth: Growth, hosts: dict[str, Host], placement: Placement) -> Reason:
    at: dict[Tier, list[str]] = {tier: [] for tier in Tier}
    for name, n in sorted(placement.slots.items()):
        at[hosts[name].tier_of(n)].append(name)
    if placement.tier <= Tier.DRAINING:
        growth.online.update(at[Tier.READY], at[Tier.DRAINING])
        if placement.tier is Tier.ONLINE:
            growth.wake = growth.wake or turn.now_s - turn.woken_s >= turn.policy.wake_every_s
            turn.timer(turn.woken_s + turn.policy.wake_every_s)
        return because(
            Code.RUNS_SOON,
            f"slots are free for it on {', '.join(sorted(placement.slots))}; it is the batch"
            " scheduler's turn",
        )
    growth.held_back.update(at[Tier.READY], at[Tier.DRAINING])
    starting = sorted(at[Tier.STARTING] + at[Tier.GROWN] + at[Tier.OFFERED])
    growth.held_back.update(n for n in starting if turn.phases[n] in (Phase.READY, Phase.DRAINING))
    return because(Code.STARTING_NODES, f"its nodes are being started: {', '.join(starting)}")


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
        held_nodes, held = _held(turn, launches)
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
            executor_id=worker.executor_id if worker else None,
        )
    )
    node = turn.records.get(name)
    if worker is None and node is not None and node.np != slots and turn.fresh:
        # While the mom starts, no time is lost; and no job is on a node that was parked.
        sized = because(Code.AS_GRANTED, f"its grants hold {slots} slots", slots=slots)
        turn.do(SetNp(name, slots, sized))


def _bring_online(turn: Turn, growth: Growth) -> None:
    """Nodes that are ready go online, but for those that wait for the rest of a job's nodes."""
    ready = {name for name, where in turn.phases.items() if where is Phase.READY}
    usable = {name for name in ready if not turn.stopping(name) and not turn.unreachable(name)}
    undrained = {name for name in growth.online if turn.phases[name] is Phase.DRAINING}
    names = (usable - (growth.held_back - growth.online)) | undrained
    unmarked = {
        name
        for name, where in turn.phases.items()
        if where is Phase.ONLINE and turn.records[name].note == PARKED_NOTE
    }
    sized = sorted({name for name in names if _np_as_granted(turn, name)} | unmarked)
    reason = because(Code.READY, "ready for jobs")
    if sized and turn.do_if_fresh(Online(tuple(sized), reason)):
        growth.wake = True
        turn.nodes.update(dict.fromkeys(sized, reason))
    elif sized:
        growth.wake = False
    if _raise_np(turn):
        growth.wake = True
    if growth.wake and growth.waiting:
        turn.woken_s = turn.now_s
        turn.do(Wake(because(Code.RUNS_SOON, "there are free slots and waiting jobs")))


def _np_as_granted(turn: Turn, name: str) -> bool:
    """See to it that a node that goes online has the slots of its grants."""
    node, slots = turn.records[name], turn.workers[name].running_slots
    if node.np == slots:
        return True
    if node.np > slots and (node.slots or not turn.feasible_without()):
        return False  # it may not fall now
    return _set_np(turn, name, slots)


def _raise_np(turn: Turn) -> bool:
    """Give online nodes the slots of grants that they got meanwhile. Raising is always safe."""
    raised = False
    for name, where in turn.phases.items():
        worker = turn.workers.get(name)
        if where is Phase.ONLINE and worker is not None and growable(turn, name):
            more = worker.running_slots > turn.records[name].np
            raised |= more and _set_np(turn, name, worker.running_slots)
    return raised


def _set_np(turn: Turn, name: str, slots: int) -> bool:
    reason = because(Code.AS_GRANTED, f"its grants hold {slots} slots", slots=slots)
    return turn.do_if_fresh(SetNp(name, slots, reason))
