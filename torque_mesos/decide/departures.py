"""Which agents leave for their maintenance now, because of the jobs that wait."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from torque_mesos.decide.demand import Demand
from torque_mesos.decide.maintenance import UNTOLD_S, lasts_s, leaving, left
from torque_mesos.decide.plan import Snapshot
from torque_mesos.decide.request import Request
from torque_mesos.decide.serve import could_serve
from torque_mesos.decide.turn import Turn


def leave_maintained(turn: Turn, snapshot: Snapshot, wanted: Iterable[Demand]) -> None:
    """Note which agents leave; `wanted`: the jobs that could start now if nodes were there."""
    stay_s = left(snapshot)
    if not stay_s:
        return
    found, due_s = leaving(snapshot, stay_s, _leads(turn, wanted, stay_s))
    turn.agents_leaving = {**turn.agents_leaving, **found}
    if due_s is not None:
        turn.timer(due_s)


def _leads(turn: Turn, wanted: Iterable[Demand], stay_s: Mapping[str, float]) -> dict[str, float]:
    """By agent that goes away, how long the longest job may last that it could run."""
    leads_s: dict[str, float] = {}
    leave = [name for name, agent in turn.agents.items() if agent.agent_id in stay_s]
    for request, job_s in {(demand.request, lasts_s(demand.job)) for demand in wanted}:
        if not _enough_stay(turn, request, job_s, stay_s):
            job_s = min(job_s, UNTOLD_S)
        for name in leave:
            agent_id = turn.agents[name].agent_id
            if job_s > leads_s.get(agent_id, 0.0) and could_serve(turn, name, request):
                leads_s[agent_id] = job_s
    return leads_s


def _enough_stay(turn: Turn, request: Request, job_s: float, stay_s: Mapping[str, float]) -> bool:
    """Whether there are as many hosts for a job as it needs that stay until it has ended."""
    missing = request.hosts
    for name, agent in turn.agents.items():
        if stay_s.get(agent.agent_id, job_s) >= job_s and could_serve(turn, name, request):
            missing -= 1
            if not missing:
                return True
    return False
