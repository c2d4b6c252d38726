"""Maui's priority of a job (Maui 3.3.2, `MPriority.c`), as far as it can be known from outside.

It is a sum of components, each times its weight; a component is a sum of factors, each times
its weight, and both may have a cap:

    service    the minutes that it waits; its expansion factor (wait + wall time) / wall time
    cred       the priorities of its user, group, account and class (queue)
    resources  its hosts, processors, memory (MB), processor-seconds, and wall time (s)

Fair share, targets, QOS, bypass and what `setspri` has set are Maui's own matter and not here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from torque_mesos.decide.maintenance import wall_time_s
from torque_mesos.decide.request import Request
from torque_mesos.model import Job, MauiPriority

_DEFAULTS = {
    "SERVICEWEIGHT": 1.0,
    "CREDWEIGHT": 1.0,
    "RESWEIGHT": 1.0,
    "QUEUETIMEWEIGHT": 1.0,
    "XFMINWCLIMIT": 120.0,
}
_SERVICE_CAP = "SERVICEWCAP"  # so it is spelled in Maui's table of parameters
_MOST = 1e9


def priority(maui: MauiPriority, job: Job, request: Request, wall_s: float | None) -> float:
    """What Maui would make of a job at a time of day (None: not known, as if just queued).

    A whole number, of at least 1 unless Maui was told to let priorities be negative.
    """
    wait_s = 0.0
    if wall_s is not None and job.queued_s is not None:
        wait_s = max(0.0, wall_s - job.queued_s)
    limit_s = wall_time_s(job.resources.get("walltime"))
    parts = {
        "SERVICE": _service(maui, wait_s, limit_s),
        "CRED": _cred(maui, job),
        "RES": _resources(request, limit_s),
    }
    total = 0.0
    for name, factors in parts.items():
        worth = sum(_of(maui, f"{n}WEIGHT") * _capped(maui, n, f) for n, f in factors.items())
        total += _of(maui, f"{name}WEIGHT") * _capped(maui, name, worth)
    if not (_of(maui, "ENABLENEGJOBPRIORITY") or _of(maui, "REJECTNEGPRIOJOBS")):
        total = max(1.0, total)
    return float(math.floor(min(total, _MOST)))


def _of(maui: MauiPriority, name: str) -> float:
    return maui.numbers.get(name, _DEFAULTS.get(name, 0.0))


def _capped(maui: MauiPriority, name: str, value: float) -> float:
    cap = _of(maui, _SERVICE_CAP if name == "SERVICE" else f"{name}CAP")
    return min(value, cap) if cap > 0 else value


def _service(maui: MauiPriority, wait_s: float, limit_s: float) -> Mapping[str, float]:
    least_s = max(limit_s, _of(maui, "XFMINWCLIMIT"), 1.0)
    expansion = (wait_s + limit_s) / least_s if math.isfinite(limit_s) else 1.0
    return {"QUEUETIME": wait_s / 60.0, "XFACTOR": expansion}


def _cred(maui: MauiPriority, job: Job) -> Mapping[str, float]:
    user = job.user or job.owner.partition("@")[0]
    names = {"USER": user, "GROUP": job.group, "ACCOUNT": job.account, "CLASS": job.queue}
    found = {}
    for kind, name in names.items():
        given = maui.given.get(kind, {})
        found[kind] = given.get(name) or given.get("DEFAULT", 0.0)  # as there, 0 is none
    return found


def _resources(request: Request, limit_s: float) -> Mapping[str, float]:
    seconds = limit_s if math.isfinite(limit_s) else 0.0
    return {
        "NODE": float(request.hosts),
        "PROC": float(request.slots),
        "MEM": float(request.mem_mb // request.slots * request.slots),  # whole MB of each slot
        "PS": request.slots * seconds,
        "WALLTIME": seconds,
    }
