"""The status as a person reads it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from torque_mesos.admin.status import PoolStatus, Spent, Status

_JOBS_SHOWN = 20
_PROBLEMS_SHOWN = 5
_COLOURS = {
    "online": "green",
    "ready": "green",
    "starting": "cyan",
    "draining": "yellow",
    "sidelined": "yellow",
    "stranded": "red",
}


def printable(text: str) -> str:
    """Text that cannot do anything to a terminal: users name jobs, others read the names."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def picture(status: Status, now: float) -> RenderableType:
    """What `torque-mesos status` shows. `now` is seconds since 1970."""
    parts: list[RenderableType] = [*_head(status, now)]
    if status.nodes:
        parts += [Text(), _nodes(status)]
    if status.waiting:
        parts += [Text(), _waiting(status)]
        if (more := len(status.waiting) - _JOBS_SHOWN) > 0:
            parts.append(Text(f"... and {more} more; see: torque-mesos explain"))
    for problem in status.problems[:_PROBLEMS_SHOWN]:
        parts.append(Text(printable(f"! {problem}"), style="red"))
    if (more := len(status.problems) - _PROBLEMS_SHOWN) > 0:
        parts.append(Text(f"! ... and {more} more; see: torque-mesos status --json", style="red"))
    return Group(*parts)


def _head(status: Status, now: float) -> Iterator[Text]:
    at = datetime.fromtimestamp(status.time, UTC).astimezone()
    age_s = max(0.0, now - status.time)
    yield Text(
        f"torque-mesos {status.version}, {at:%H:%M:%S} ({age_s:.0f} s ago), "
        f"turn {status.counters.turns}, {status.counters.turn_s * 1000:.0f} ms"
    )
    if status.connected:
        yield Text(f"Mesos: {status.master}, framework {status.framework_id}")
    else:
        yield Text("Mesos: not connected", style="red")
    if not status.server_reachable:
        yield Text("batch server: cannot be read", style="red")
    if status.counters.turn_errors:
        yield Text(
            printable(
                f"{status.counters.turn_errors} turns failed, the last: "
                f"{status.counters.last_turn_error}"
            ),
            style="red",
        )
    if status.protected is not None:
        yield Text(printable(f"protected: {status.protected.text}"), style="red")
    held = ", ".join(
        f"{have or 0:g}{'' if limit is None else f' of {limit:g}'} {unit}"
        for have, limit, unit in (
            (status.held.nodes, status.limit.nodes, "nodes"),
            (status.held.cpus, status.limit.cpus, "cpus"),
            (status.held.mem_mb, status.limit.mem_mb, "MB"),
        )
    )
    floor = f"; floor: {status.floor_slots} slots" if status.floor_slots else ""
    yield Text(f"held: {held}{floor}")
    if status.spent is not None:
        yield Text(f"spent: {_spent(status.spent)}")
    for pool in status.pools:
        yield Text(_pool(pool))
    for queue in status.queues:
        note = "" if queue.watched else " (not watched)"
        yield Text(
            f"queue {printable(queue.name)}: {queue.waiting} waiting, {queue.running} running{note}"
        )


def _pool(pool: PoolStatus) -> str:
    limit = "" if pool.limit.cpus is None else f" of {pool.limit.cpus:g}"
    spent = f"; spent: {_spent(pool.spent)}" if pool.spent is not None else ""
    nodes = "" if pool.limit.nodes is None else f" of {pool.limit.nodes}"
    held = f"{pool.held.nodes or 0}{nodes} nodes, {pool.held.cpus or 0:g}{limit} cpus"
    return f"pool {printable(pool.name)}: {held}{spent}"


def _spent(spent: Spent) -> str:
    return ", ".join(
        f"{amount:.2f}{'' if budget is None else f' of {budget:g}'} {word}"
        for amount, budget, word in (
            (spent.day, spent.budget_day, "today"),
            (spent.month, spent.budget_month, "this month"),
        )
    )


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, justify="right" if column in ("np", "used", "cpus") else "left")
    return table


def _nodes(status: Status) -> Table:
    table = _table("node", "phase", "np", "used", "cpus", "jobs", "why")
    for node in status.nodes:
        table.add_row(
            Text(printable(node.name)),
            Text(node.phase, style=_COLOURS.get(node.phase, "")),
            str(node.np),
            str(node.used),
            f"{node.cpus:g}" if node.cpus else "",
            Text(printable(" ".join(node.jobs))),
            Text(printable(node.why.text) if node.why else ""),
        )
    return table


def _waiting(status: Status) -> Table:
    table = _table("waiting job", "owner", "queue", "why")
    for job in status.waiting[:_JOBS_SHOWN]:
        table.add_row(
            *(Text(printable(text)) for text in (job.job_id, job.owner, job.queue, job.sentence))
        )
    return table
