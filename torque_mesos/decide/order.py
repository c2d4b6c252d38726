"""The order in which the batch scheduler looks at waiting jobs, as far as it can be known."""

from __future__ import annotations

from torque_mesos.decide.demand import Demand
from torque_mesos.decide.formula import Formula, FormulaError
from torque_mesos.decide.maui import priority
from torque_mesos.decide.reason import Code, because
from torque_mesos.decide.turn import Turn
from torque_mesos.model import Job


def in_order(turn: Turn, wanted: list[Demand]) -> list[Demand]:
    """The jobs in the scheduler's order; those that it holds back get their reason.

    Jobs come as the server lists them. Where the scheduler goes by queues, those of a queue
    of higher priority come first; its formula, where there is one, then decides within a
    queue. A starving job keeps all others waiting. Where Maui schedules, its priorities decide
    alone.
    """
    scheduling = turn.reading.scheduling
    if (maui := scheduling.maui) is not None:
        worth = {d.job.job_id: priority(maui, d.job, d.request, turn.wall_s) for d in wanted}
        return sorted(wanted, key=lambda demand: -worth[demand.job.job_id])
    starving = _starving(turn, wanted)
    if starving is not None:
        text = (
            f"the batch scheduler starts no job before {starving.job.job_id}, which has waited"
            " for too long"
        )
        for demand in wanted:
            if demand is not starving:
                turn.jobs[demand.job.job_id] = because(Code.BEHIND_ANOTHER, text)
        return [starving]
    if scheduling.formula:
        wanted = _by_formula(turn, wanted)
    queues = turn.reading.queues
    if scheduling.by_queue and len(queues) > 1:
        ordered = sorted(queues, key=lambda queue: -queue.priority)
        rank = {queue.name: number for number, queue in enumerate(ordered)}
        wanted = sorted(wanted, key=lambda demand: rank.get(demand.job.queue, len(rank)))
    return wanted


def _starving(turn: Turn, wanted: list[Demand]) -> Demand | None:
    after_s, wall_s = turn.reading.scheduling.starving_after_s, turn.wall_s
    if after_s is None or wall_s is None:
        return None
    found: Demand | None = None
    oldest_s = wall_s - after_s
    for demand in wanted:
        queued_s = demand.job.queued_s
        if queued_s is not None and queued_s < oldest_s:
            found, oldest_s = demand, queued_s
    return found


def _by_formula(turn: Turn, wanted: list[Demand]) -> list[Demand]:
    """Highest first. A formula of more than is known here leaves the order as it is."""
    try:
        formula = Formula.parse(turn.reading.scheduling.formula)
    except FormulaError:
        return wanted
    priority = {queue.name: queue.priority for queue in turn.reading.queues}

    def value(job: Job) -> float:
        known = {
            "eligible_time": job.eligible_s or 0.0,
            "queue_priority": float(priority.get(job.queue, 0)),
            "job_priority": float(job.priority),
        }
        return formula.value(known, job.resources)

    return sorted(wanted, key=lambda demand: -value(demand.job))
