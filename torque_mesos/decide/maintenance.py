"""Agents that Mesos' maintenance schedule takes away: their nodes end what they have in time.

A node is drained as soon as a job of the demand might not end before its window begins if it were
started there now: one that the batch scheduler may start, that could run there, has no free slots
on a node that stays, and asks for a longer wall time than is left. (The scheduler knows nothing of
the window: as long as such a job waits, it would get the node, and not a short one behind it.) One
that asks for none is taken to last a day: it may last longer, but for that no agent is left unused
whose window is weeks away. For the same reason a job counts for a day at most for which there are
not enough hosts that stay as long as it lasts (`departures`). What runs by then ends by itself,
as no job is ever ended by us, and until it has, no inverse offer is accepted. When nothing of ours
is left on an agent, and no mom will be started there any more, the inverse offer for it is
accepted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from torque_mesos.decide.grammar import RequestError, seconds
from torque_mesos.decide.plan import AcceptInverse, Snapshot
from torque_mesos.decide.reason import Code, Reason, because
from torque_mesos.model import Agent, InverseOffer, Job, Offer

LEAST_LEAD_S = 600.0  # a node is drained so long before its window, whatever the jobs ask for
UNTOLD_S = 86400.0  # what a job without a wall time is taken to last


class Lead(NamedTuple):
    """How long before its window an agent is drained at least, for which job, and what that asks.

    Times in seconds.
    """

    s: float
    job_id: str
    lasts_s: float


@lru_cache(maxsize=1024)
def wall_time_s(text: str | None) -> float:
    """A walltime in seconds; infinite where there is none, or what cannot be read."""
    try:
        return seconds(text or "")
    except RequestError:
        return math.inf


def windows(snapshot: Snapshot) -> Mapping[str, float]:
    """When each agent goes away, by its id: seconds since 1970, the earliest that was told."""
    found: dict[str, float] = {}
    told: list[Agent | Offer | InverseOffer] = [*snapshot.agents, *snapshot.offers]
    told += snapshot.inverse_offers
    for each in [each for each in told if each.unavailable_s is not None]:
        at_s = each.unavailable_s or 0.0
        found[each.agent_id] = min(at_s, found.get(each.agent_id, math.inf))
    return found


def left(snapshot: Snapshot) -> dict[str, float]:
    """For how many seconds each agent stays that goes away, by its id.

    Where the time of day is not known, none does.
    """
    wall_s = snapshot.wall_s
    found = windows(snapshot)
    return {each: at_s - wall_s if wall_s is not None else 0.0 for each, at_s in found.items()}


def leaving(
    snapshot: Snapshot, stay_s: Mapping[str, float], leads: Mapping[str, Lead]
) -> tuple[Mapping[str, Reason], float | None]:
    """The agents whose nodes are drained now, with the reason; and when the next one will be.

    `stay_s`: as of `left`; `leads`: by agent, what of the jobs that wait makes it leave
    earlier. The time is of the snapshot's clock.
    """
    reasons: dict[str, Reason] = {}
    next_s: float | None = None
    for agent_id, left_s in stay_s.items():
        lead = leads.get(agent_id)
        lead_s = max(LEAST_LEAD_S, lead.s if lead is not None else 0.0)
        if left_s > lead_s:
            due_s = snapshot.now_s + left_s - lead_s
            next_s = due_s if next_s is None else min(next_s, due_s)
            continue
        begins = f"begins in {left_s:.0f} s" if left_s > 0 else "has begun"
        if lead is not None and left_s > LEAST_LEAD_S:
            begins += f", and {lead.job_id} waits, which may last {lead.lasts_s:.0f} s"
        text = f"its agent's maintenance {begins}: it gets no more jobs"
        reasons[agent_id] = because(Code.MAINTENANCE, text, left_s=max(0.0, left_s))
    return reasons, next_s


def lasts_s(job: Job) -> float:
    """How long a job may last."""
    told_s = wall_time_s(job.resources.get("walltime"))
    return told_s if math.isfinite(told_s) else UNTOLD_S


def accepted(snapshot: Snapshot) -> tuple[AcceptInverse | None, float | None]:
    """The inverse offers of agents where nothing of ours is left, nor will be: they go so soon
    that no mom is started there, whatever jobs come. And when the next ones do, on the
    snapshot's clock.
    """
    if not snapshot.inverse_offers:
        return None, None
    ours = {worker.agent_id for worker in snapshot.workers}
    found, ids, next_s = windows(snapshot), [], None
    for offer in snapshot.inverse_offers:
        at_s = found.get(offer.agent_id)
        early_s = 0.0
        if at_s is not None and snapshot.wall_s is not None:
            early_s = at_s - snapshot.wall_s - LEAST_LEAD_S
        if early_s > 0:
            due_s = snapshot.now_s + early_s
            next_s = due_s if next_s is None else min(next_s, due_s)
        elif offer.agent_id not in ours:
            ids.append(offer.offer_id)
    if not ids:
        return None, next_s
    text = "nothing of ours is on the agents that are to be maintained"
    return AcceptInverse(tuple(ids), because(Code.MAINTENANCE, text)), next_s
