"""What the server tells the commands of itself, its queues, and how many jobs are where."""

from __future__ import annotations

from typing import Dict, Iterable

from .attributes import QUEUE, SERVER, ordered
from .home import VERSION
from .records import STATE_NAMES, Attributes, Job
from .state import State


def state_count(jobs: Iterable[Job]) -> str:
    """How many jobs are in each state, as TORQUE writes it."""
    counts: Dict[str, int] = {}
    for job in jobs:
        counts[job.state] = counts.get(job.state, 0) + 1
    return "".join(f"{name}:{counts.get(letter, 0)} " for letter, name in STATE_NAMES.items())


def _assigned(jobs: Iterable[Job]) -> Attributes:
    total = sum(int(job.resources.get("nodect", 0)) for job in jobs if job.holds_slots)
    return [("resources_assigned.nodect", str(total))] if total else []


def queue_attributes(state: State, name: str) -> Attributes:
    """All that `qstat -Qf` and `list queue` show."""
    values = dict(state.queues[name])
    jobs = [job for job in state.jobs.values() if job.queue == name]
    mtime = values.pop("mtime", "0")
    rows = [(key, values[key]) for key in ordered(QUEUE, values)]
    counts = [("total_jobs", str(len(jobs))), ("state_count", state_count(jobs))]
    shown = _after("max_user_queuable", rows, counts)
    shown = _after("acl_group_sloppy", shown, [("mtime", mtime)])
    return _after("resources_available", shown, _assigned(jobs))


def _after(name: str, rows: Attributes, more: Attributes) -> Attributes:
    """A queue's attributes with others in the place that is theirs, behind that of `name`."""
    order = list(QUEUE)
    last = order.index(name)
    before = [key.split(".")[0] in ("total_jobs", "state_count", "mtime") for key, _ in rows]
    at = 0
    for position, (key, _) in enumerate(rows):
        if before[position] or order.index(key.split(".")[0]) <= last:
            at = position + 1
    return rows[:at] + more + rows[at:]


def server_attributes(state: State) -> Attributes:
    """All that `qstat -Bf` and `list server` show."""
    jobs = list(state.jobs.values())
    idle = state.attributes.get("scheduling") != "True"
    shown: Attributes = [("server_state", "Idle" if idle else "Active")]
    order = list(SERVER)
    versioned = False
    for name in ordered(SERVER, state.attributes):
        late = order.index(name.split(".")[0]) >= order.index("keep_completed")
        if late and not versioned:
            versioned = True
            shown.append(("pbs_version", VERSION))
        shown.append((name, state.attributes[name]))
        if name == "scheduling":
            shown += [("total_jobs", str(len(jobs))), ("state_count", state_count(jobs))]
        if name == "mail_from":
            shown += _assigned(jobs)
        if name == "keep_completed":
            if state.next_job:
                shown.append(("next_job_number", str(state.next_job)))
            shown.append(("net_counter", "0 0 0"))
    return shown
