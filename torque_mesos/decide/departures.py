"""Which agents leave for their maintenance now, because of the jobs that wait."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torque_mesos.decide.demand import Demand
from torque_mesos.decide.hosts import hosts_of
from torque_mesos.decide.maintenance import UNTOLD_S, Lead, lasts_s, leaving, left
from torque_mesos.decide.order import in_order
from torque_mesos.decide.packing import Tier, place
from torque_mesos.decide.plan import Snapshot
from torque_mesos.decide.pools import Used
from torque_mesos.decide.request import Request
from torque_mesos.decide.serve import could_serve
from torque_mesos.decide.starts import Starts
from torque_mesos.decide.turn import Turn
from torque_mesos.decide.usage import usage_of
from torque_mesos.decide.worker import Phase


def leave_maintained(turn: Turn, snapshot: Snapshot, wanted: list[Demand]) -> None:
    """Note which agents leave; `wanted`: the jobs that count."""
    stay_s = left(snapshot)
    if not stay_s:
        return
    found, due_s = leaving(snapshot, stay_s, _leads(turn, wanted, stay_s))
    turn.agents_leaving = {**turn.agents_leaving, **found}
    if due_s is not None:
        turn.timer(due_s)


def _leads(turn: Turn, wanted: list[Demand], stay_s: Mapping[str, float]) -> dict[str, Lead]:
    """By agent that goes away, the longest job that the batch scheduler might start there.

    One that has free slots on nodes that stay counts only for those that are not online: they
    must not come between. From the others it could have taken its slots before.
    """
    leads: dict[str, Lead] = {}
    leave = [name for name, agent in turn.agents.items() if agent.agent_id in stay_s]
    away = [name for name in leave if turn.phases.get(name) is not Phase.ONLINE]
    seen: set[tuple[int, float, bool]] = set()
    for demand, placed in _startable(turn, wanted, stay_s):
        request, told_s = demand.request, lasts_s(demand.job)
        if (id(request), told_s, placed) in seen:
            continue
        seen.add((id(request), told_s, placed))
        enough = placed or _enough_stay(turn, request, told_s, stay_s)
        job_s = told_s if enough else min(told_s, UNTOLD_S)
        for name in away if placed else leave:
            agent_id = turn.agents[name].agent_id
            longest = leads.get(agent_id)
            if (longest is None or job_s > longest.s) and could_serve(turn, name, request):
                leads[agent_id] = Lead(job_s, demand.job.job_id, told_s)
    return leads


def _startable(
    turn: Turn, wanted: list[Demand], stay_s: Mapping[str, float]
) -> Iterator[tuple[Demand, bool]]:
    """The jobs that the batch scheduler may start now, in its order.

    Each with whether there are free slots for it on nodes that stay until it has ended. (One
    that has none may find some that are about to leave: it holds up nobody here.)
    """
    starts, used = Starts(turn.reading), Used(turn.policy, turn.pools, turn.reading)
    hosts = hosts_of(turn, usage_of(turn), {})
    free = {name: host for name, host in hosts.items() if host.tier is Tier.ONLINE and host.free}
    unplaced: set[tuple[int, float]] = set()
    for demand in in_order(turn, wanted):
        job, request = demand.job, demand.request
        if starts.refusal(job) or used.refusal(demand.pool, request):
            continue
        job_s = lasts_s(job)
        placement = None
        if (id(request), job_s) not in unplaced:
            bear = [h for h in free.values() if _stays(turn, h.name, stay_s) >= job_s]
            placement = place(request, bear)
        if placement is None or placement.tier is not Tier.ONLINE:
            unplaced.add((id(request), job_s))
            yield demand, False
            continue
        for name, share in placement.shares.items():
            free[name] = free[name].without(share)
        starts.served(job, placed=True)
        used.placed(demand.pool, request)
        yield demand, True


def _stays(turn: Turn, name: str, stay_s: Mapping[str, float]) -> float:
    """For how long the agent of a host stays; infinitely where it does not go away."""
    agent = turn.agents.get(name)
    return stay_s.get(agent.agent_id, float("inf")) if agent is not None else 0.0


def _enough_stay(turn: Turn, request: Request, job_s: float, stay_s: Mapping[str, float]) -> bool:
    """Whether there are as many hosts for a job as it needs that stay until it has ended."""
    missing = request.hosts
    for name, agent in turn.agents.items():
        if stay_s.get(agent.agent_id, job_s) >= job_s and could_serve(turn, name, request):
            missing -= 1
            if not missing:
                return True
    return False
