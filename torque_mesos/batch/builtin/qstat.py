"""qstat: jobs, queues and the server."""

from __future__ import annotations

import getopt
import sys
from typing import Any, Dict, List, Tuple

from .client import Server, Unreachable, shown_id, warn
from .errors import UNKJOBID, UNKQUE, PbsError
from .home import Home
from .qstat_long import WIDE, lines, queue_lines
from .show import full, xml

_HEAD = (
    "Job ID                    Name             User            Time Use S Queue\n"
    "------------------------- ---------------- --------------- -------- - -----"
)
_QUEUE_HEAD = (
    "Queue              Max    Tot   Ena   Str   Que   Run   Hld   Wat   Trn   Ext T   Cpt\n"
    "----------------   ---   ----    --    --   ---   ---   ---   ---   ---   --- -   ---"
)
_SERVER_HEAD = (
    "Server             Max   Tot   Que   Run   Hld   Wat   Trn   Ext   Com Status    \n"
    "----------------   ---   ---   ---   ---   ---   ---   ---   ---   --- ----------"
)
_USAGE = """usage: qstat [-f [-1]] [-x] [-t] [job_identifier... | destination...]
       qstat [-a|-i|-r] [-u user] [-n [-1]] [-s] [-t] [job_identifier... | destination...]
       qstat -Q [-f [-1]] [destination...]
       qstat -q [destination...]
       qstat -B [-f [-1]] [server_name...]"""
_COUNTS = ("Queued", "Running", "Held", "Waiting", "Transit", "Exiting", "Complete")


def short(name: str) -> str:
    """A job's name, of a long one its end."""
    return name if len(name) <= 16 else f"...{name[-13:]}"


def row(job_id: str, shown: Dict[str, str]) -> str:
    """One job in the plain list."""
    used = shown.get("resources_used.cput", "0")
    owner = shown["Job_Owner"].split("@")[0]
    name, queue = short(shown["Job_Name"]), shown["queue"]
    return f"{job_id:<26} {name:<16} {owner[:15]:<15} {used:>8} {shown['job_state']} {queue:<15}"


def _jobs(told: List[Tuple[str, Any]], options: Dict[str, str]) -> None:
    out: List[str] = []
    if "-x" in options:
        jobs = (f"<Job><Job_Id>{job}</Job_Id>{xml(shown)}</Job>" for job, shown in told)
        sys.stdout.write('<?xml version="1.0"?>\n<Data>' + "".join(jobs) + "</Data>\n")
        return
    if "-f" in options:
        for job, shown in told:
            out += [f"Job Id: {job}", full(shown, "-1" not in options), ""]
    elif told:
        out = [_HEAD, *(row(job, dict(shown)) for job, shown in told)]
    if out:
        print("\n".join(out))


def _counts(shown: Dict[str, str]) -> Dict[str, str]:
    return dict(word.split(":") for word in shown["state_count"].split())


def _queues(told: List[Tuple[str, Any]], options: Dict[str, str]) -> None:
    if "-f" in options:
        for name, shown in told:
            print(f"Queue: {name}\n{full(shown, '-1' not in options, times=False)}\n")
        return
    print(_QUEUE_HEAD)
    for name, attributes in told:
        shown = dict(attributes)
        counts = _counts(shown)
        yes = ["yes" if shown.get(key) == "True" else "no" for key in ("enabled", "started")]
        numbers = " ".join(f"{counts[key]:>5}" for key in _COUNTS[:-1])
        kind = shown["queue_type"][:1]
        line = f"{name:<16} {0:>5} {shown['total_jobs']:>6} {yes[0]:>5} {yes[1]:>5} {numbers}"
        print(f"{line} {kind} {counts['Complete']:>5}")


def _server(told: List[Tuple[str, Any]], options: Dict[str, str]) -> None:
    for name, attributes in told:
        shown = dict(attributes)
        if "-f" in options:
            print(f"Server: {name}\n{full(attributes, '-1' not in options, times=False)}\n")
            continue
        counts = _counts(shown)
        numbers = " ".join(f"{counts[key]:>5}" for key in _COUNTS)
        line = f"{name:<16} {0:>5} {shown['total_jobs']:>5} {numbers} {shown['server_state']:<10}"
        print(f"{_SERVER_HEAD}\n{line}")


def main(home_path: str) -> int:
    """The command."""
    home = Home(home_path)
    try:
        flags, names = getopt.gnu_getopt(sys.argv[1:], "ace1fiGnqrsu:MQBRtW:x")
    except getopt.GetoptError as error:
        warn(f"qstat: invalid option -- '{error.opt}'\n{_USAGE}")
        return 2
    options = dict(flags)
    try:
        return _show(home, options, names)
    except Unreachable as error:
        text = f"(errno={error.code}) {error.text}"
        warn(f"qstat: cannot connect to server {error.server} {text}")
        warn(f"qstat: Error ({error.code} - {error.text}) ")
        return error.code & 0xFF


def _show(home: Home, options: Dict[str, str], names: List[str]) -> int:
    elsewhere = [name[1:] for name in names if name.startswith("@")]
    server = Server(home, 3, elsewhere[0] if elsewhere else "")
    names = [name for name in names if not name.startswith("@")]
    status = 0
    try:
        if "-q" in options:
            told_queues = server.ask("queues", names=names)["queues"]
            print("\n".join(queue_lines(server.name, told_queues)))
            return 0
        if "-Q" in options:
            _queues(server.ask("queues", names=names)["queues"], options)
            return 0
        if "-B" in options:
            _server(server.ask("server")["server"], options)
            return 0
    except PbsError as error:
        warn(f"qstat: {error.text}")
        return error.exit_code
    told: List[Tuple[str, Any]] = []
    for name in names or [""]:
        try:
            told += _of(server, name, "-t" in options)
        except PbsError as error:
            status = error.exit_code
            if error.code == UNKQUE:
                warn(f"qstat: Unknown queue destination {name}")
            elif error.code == UNKJOBID:
                warn(f"qstat: {error.text} {shown_id(name, server.name)}")
            else:
                warn(f"qstat: {error.text} {shown_id(name, server.name)}")
    if any(flag in options for flag in WIDE):
        out = lines(server.name, told, options)
        if out:
            print("\n".join(out))
    elif told or not names:
        _jobs(told, options)
    return status


def _of(server: Server, name: str, members: bool) -> List[Tuple[str, Any]]:
    if not name:
        return list(server.ask("jobs", members=members)["jobs"])
    if name[0].isdigit():
        return list(server.ask("jobs", id=name, members=members)["jobs"])
    return list(server.ask("jobs", queue=name.split("@")[0], members=members)["jobs"])
