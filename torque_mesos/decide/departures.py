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
    enough = _Enough(turn, stay_s)
    longest_s: dict[tuple[int, bool], float] = {}  # of those that have been looked at
    for demand, placed in _startable(turn, wanted, stay_s):
        request, told_s = demand.request, lasts_s(demand.job)
        before_s = longest_s.get((id(request), placed), -1.0)
        if told_s <= before_s:
            continue
        job_s = told_s if placed or enough(request, told_s) else min(told_s, UNTOLD_S)
        if job_s <= before_s:
            continue
        longest_s[id(request), placed] = job_s
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
    unplaced: dict[int, float] = {}  # from which wall time on there is no place
    for demand in in_order(turn, wanted):
        job, request = demand.job, demand.request
        if starts.refusal(job) or used.refusal(demand.pool, request):
            continue
        job_s = lasts_s(job)
        placement = None
        if job_s < unplaced.get(id(request), float("inf")):
            bear = [h for h in free.values() if _stays(turn, h.name, stay_s) >= job_s]
            placement = place(request, bear)
        if placement is None or placement.tier is not Tier.ONLINE:
            unplaced[id(request)] = min(job_s, unplaced.get(id(request), float("inf")))
            yield demand, False
            continue
        for name, share in placement.shares.items():
            rest = free[name].without(share)
            if rest.free:
                free[name] = rest
            else:
                del free[name]
        starts.served(job, placed=True)
        used.placed(demand.pool, request)
        yield demand, True


def _stays(turn: Turn, name: str, stay_s: Mapping[str, float]) -> float:
    """For how long the agent of a host stays; infinitely where it does not go away."""
    agent = turn.agents.get(name)
    return stay_s.get(agent.agent_id, float("inf")) if agent is not None else 0.0


class _Enough:
    """Whether there are as many hosts for a job as it needs that stay until it has ended.

    What is enough for a job is for shorter ones of the same request, too.
    """

    def __init__(self, turn: Turn, stay_s: Mapping[str, float]) -> None:
        self._turn = turn
        self._stay_s = stay_s
        self._known: dict[int, tuple[float, float]] = {}  # enough up to, and too few from

    def __call__(self, request: Request, job_s: float) -> bool:
        """Of this request and wall time."""
        up_to_s, from_s = self._known.get(id(request), (-1.0, float("inf")))
        if up_to_s < job_s < from_s:
            if enough := self._count(request, job_s):
                up_to_s = job_s
            else:
                from_s = job_s
            self._known[id(request)] = up_to_s, from_s
            return enough
        return job_s <= up_to_s

    def _count(self, request: Request, job_s: float) -> bool:
        missing = request.hosts
        for name, agent in self._turn.agents.items():
            stays_s = self._stay_s.get(agent.agent_id, job_s)
            if stays_s >= job_s and could_serve(self._turn, name, request):
                missing -= 1
                if not missing:
                    return True
        return False
