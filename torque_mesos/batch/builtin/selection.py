"""`qselect` at the server: which jobs answer to what is asked."""

from __future__ import annotations

from typing import Callable, Dict, List, Tuple

from .errors import BADATVAL, IVALREQ, UNKQUE, UNKRESC, PbsError
from .records import Job
from .resources import RESOURCES
from .state import State

Criterion = Tuple[str, str, str]  # option, operator, value

_NUMBERS = ("-a", "-p")


def check(state: State, criteria: List[Criterion]) -> None:
    """Whether jobs can be asked for so. Raises `PbsError`."""
    for option, operator, value in criteria:
        if option not in ("-s", "-u", "-l", *_OWN):
            raise PbsError(IVALREQ)
        if option in _OWN and operator not in _COMPARE:
            raise PbsError(IVALREQ)
        if option == "-q" and value not in state.queues:
            raise PbsError(UNKQUE, detail=" destination")
        if option == "-p" and not value.lstrip("+-").isdigit():
            raise PbsError(BADATVAL, detail=" Priority")
        if option == "-l" and value.partition("=")[0] not in RESOURCES:
            raise PbsError(UNKRESC, detail=f" Resource_List.{value.partition('=')[0]}")


def answers(job: Job, criteria: List[Criterion]) -> bool:
    """Whether a job answers to all criteria."""
    return all(_answers(job, *criterion) for criterion in criteria)


def _answers(job: Job, option: str, operator: str, value: str) -> bool:
    if option == "-s":
        return job.state in value
    if option == "-u":
        user = job.owner.partition("@")[0]
        known = {user, job.owner, f"{user}@{job.job_id.partition('.')[2]}"}
        return bool(known & set(value.split(",")))
    if option == "-l":
        # TORQUE 6.1.3 takes every job for one that has less, whatever it has.
        return operator in ("ne", "lt", "le")
    own = _OWN[option](job)
    if option in _NUMBERS:
        return _COMPARE[operator](float(own or 0) - float(value))
    return _COMPARE[operator]((own > value) - (own < value))


_OWN: Dict[str, Callable[[Job], str]] = {
    "-A": lambda job: job.account,
    "-N": lambda job: job.name,
    "-a": lambda job: str(job.execute_at),
    "-c": lambda job: job.checkpoint,
    "-h": lambda job: job.hold,
    "-p": lambda job: str(job.priority),
    "-q": lambda job: job.queue,
    "-r": lambda job: "y" if job.rerunable else "n",
}
_COMPARE: Dict[str, Callable[[float], bool]] = {
    "eq": lambda sign: sign == 0,
    "ne": lambda sign: sign != 0,
    "ge": lambda sign: sign >= 0,
    "gt": lambda sign: sign > 0,
    "le": lambda sign: sign <= 0,
    "lt": lambda sign: sign < 0,
}
