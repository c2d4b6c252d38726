"""qstat's wide lists: -a, -i, -r, -n, -s, -u and -R, and the limits of queues, -q."""

from __future__ import annotations

import re
import time
from typing import Any, Dict, FrozenSet, List, Tuple

from .home import clock
from .nodespec import BadSpec, parse, slot_count
from .qstat_options import Options

Told = List[Tuple[str, Any]]

_HEAD = """
{}: 
                                                                                  Req'd       Req'd       Elap
Job ID                  Username    Queue    Jobname          SessID  NDS   TSK   Memory      Time    S   Time
----------------------- ----------- -------- ---------------- ------ ----- ------ --------- --------- - ---------"""  # noqa: E501, W291 - as TORQUE prints it
_RESERVED_HEAD = """
{}: 
                                                          Req'd     Req'd       Elap
Job ID                  Username    Queue    NDS   TSK    Memory    Time      S Time       BIG  FAST   PFS
----   ---------------- ----------- -------- ----- ------ --------- --------- - --------- ----- ----- -----"""  # noqa: E501, W291 - as TORQUE prints it
_QUEUES_HEAD = """
server: {}

Queue            Memory CPU Time Walltime Node  Run Que Lm  State
---------------- ------ -------- -------- ----  --- --- --  -----"""


def wanted(shown: Dict[str, str], options: Options) -> bool:
    """Whether the options ask for a job."""
    state = shown["job_state"]
    if "i" in options.listed and state not in "QHWT":
        return False
    if "r" in options.listed and state not in "RES":
        return False
    owner, user = shown["Job_Owner"], shown["Job_Owner"].split("@")[0]
    known = {owner, user, f"{user}@{shown['server']}"}
    return not options.users or bool(known & set(options.users.split(",")))


def in_unit(size: str, listed: FrozenSet[str]) -> str:
    """A size in whole gigabytes (`-G`) or megawords (`-M`), rounded up; else as it is."""
    found = re.match(r"(\d+)([kmgt]?)(w?)", size)
    if found is None or not listed & {"G", "M"}:
        return size
    exact = int(found[1]) * (8 if found[3] else 1) << 10 * " kmgt".index(found[2] or " ")
    unit, name = (1 << 30, "gb") if "G" in listed else (1 << 23, "mw")
    return f"{-(-exact // unit)}{name}"


_NO_DISKS = "   --    --    -- "


def row(job_id: str, shown: Dict[str, str], now: float, listed: FrozenSet[str]) -> str:
    """One job in the wide list."""
    state, user = shown["job_state"], shown["Job_Owner"].split("@")[0]
    ran = "start_time" in shown or state == "R"
    session = shown.get("session_id", "0") if ran and "[]" not in job_id else "-- "
    nodes = shown.get("Resource_List.nodect", "-- ")
    memory = shown.get("Resource_List.mem") or shown.get("Resource_List.vmem", "-- ")
    memory = in_unit(memory, listed)
    limit = shown.get("Resource_List.cput") or shown.get("Resource_List.walltime", "-- ")
    first = f"{job_id[:23]:<23} {user[:11]:<11} {shown['queue'][:8]:<8} "
    named = f"{shown['Job_Name'][:16]:<16} {session:>6} "
    rest = (
        f"{nodes:>5} {_tasks(shown):>6} {memory:>9} {limit:>9} {state} "
        f"{_elapsed(shown, limit, now):>9}"
    )
    return first + rest + _NO_DISKS if "R" in listed else first + named + rest


def _tasks(shown: Dict[str, str]) -> str:
    if "Resource_List.nodes" in shown:
        try:
            return str(slot_count(parse(shown["Resource_List.nodes"])))
        except BadSpec:
            return "-- "
    return shown.get("Resource_List.procs") or shown.get("Resource_List.ncpus") or "-- "


def _elapsed(shown: Dict[str, str], limit: str, now: float) -> str:
    state = shown["job_state"]
    if "Resource_List.cput" in shown:
        return shown.get("resources_used.cput", "-- ")
    if state in "RES" and "start_time" in shown:
        return clock(max(0, int(now - int(shown["start_time"]))))
    # TORQUE shows what was asked for where it knows no better.
    return limit if state in "RW" else "-- "


def lines(server: str, told: Told, options: Options) -> List[str]:
    """The whole list; empty where there is nothing to show."""
    out: List[str] = []
    for job_id, attributes in told:
        shown = dict(attributes)
        if not wanted(shown, options):
            continue
        text = row(job_id, shown, time.time(), options.listed)
        width = 1 << 16 if "1" in options.listed else _WIDTH
        more = [
            f"   {line}" if line else "    -- "
            for flag, name in _BELOW.items()
            if flag in options.listed
            for line in (_hosts(shown.get(name, ""), width) if flag == "n" else [shown.get(name)])
        ]
        out += [text + "".join(more)] if "1" in options.listed else [text, *more]
    head = _RESERVED_HEAD if "R" in options.listed else _HEAD
    return [head.format(server), *out] if out else []


_BELOW = {"n": "exec_host", "s": "comment"}
_WIDTH = 77


def _hosts(exec_host: str, width: int) -> List[str]:
    """The lines of a list of hosts: each without its domain, and with it without its slots."""
    lines = [""]
    for number, host in enumerate(exec_host.split("+")):
        part = ("+" if number else "") + host.split(".")[0]
        if len(lines[-1]) + len(part) >= width:
            lines.append("")
        lines[-1] += part
    return lines


def queue_lines(server: str, told: Told) -> List[str]:
    """`qstat -q`."""
    out = [_QUEUES_HEAD.format(server)]
    running = queued = 0
    for name, attributes in told:
        shown = dict(attributes)
        counts = dict(word.split(":") for word in shown["state_count"].split())
        runs = int(counts["Running"])
        waits = sum(int(counts[key]) for key in ("Queued", "Held", "Waiting"))
        running, queued = running + runs, queued + waits
        limits = [shown.get(f"resources_max.{key}") for key in ("mem", "cput", "walltime")]
        words = [found or "--".center(width) for found, width in zip(limits, (6, 8, 8))]  # noqa: B905
        nodes = shown.get("resources_max.nodect") or "--"
        most = shown.get("max_running") or "--"
        enabled = "D" if shown.get("enabled") == "False" else "E"
        started = "S" if shown.get("started") == "False" else "R"
        out.append(
            f"{name:<16} {words[0]:>6} {words[1]:>8} {words[2]:>8} {nodes:>4}  "
            f"{runs:>3} {waits:>3} {most:>2}   {enabled} {started}"
        )
    out.append(f"{'':<47}----- -----\n{'':<47}{running:>5} {queued:>5}")
    return out
