"""qdel, qrerun, qrun and qterm."""

from __future__ import annotations

import sys
from typing import Any, Dict

from . import command_line
from .client import Server, Unreachable, warn
from .errors import UNKJOBID, PbsError
from .home import Home
from .job_commands import connect, each, illegal, options

_QDEL = (
    "usage: qdel [{ -a | -c | -p | -t | -W delay | -m message}] [-b retry_seconds] "
    "[<JOBID>[<JOBID>]|'all'|'ALL']...\n"
    "       -a -c, -m, -p, -t, and -W are mutually exclusive"
)
_QRERUN = "usage: qrerun [-f] <JOBID>[ <JOBID>]..."
_QRUN = "Usage: qrun [-a] [-H host] job_id ..."
_QTERM = "Usage: qterm [-t quick] [server ...]"


def qdel(home_path: str) -> int:
    """qdel [-p] [-W DELAY] [-t RANGE] JOB... | all."""
    given, names, errors = command_line.parse("qdel", sys.argv[1:], "acpt:W:m:b:")
    for text in errors:
        warn(text)
    chosen = dict(given)
    if "-c" in chosen:
        # Seen on TORQUE: whatever else is asked.
        return 0
    if errors or not names or len({"-a", "-m", "-p", "-t", "-W"} & set(chosen)) > 1:
        warn(_QDEL)
        return 2
    delay = chosen.get("-W")
    if delay is not None and not delay.isdigit():
        return illegal("qdel", "-W", _QDEL)
    server = connect("qdel", Home(home_path))
    values: Dict[str, Any] = {
        "purge": "-p" in chosen,
        "reason": chosen.get("-m", ""),
        "delay": delay,
    }
    if names[0] in ("all", "ALL"):
        try:
            server.ask("delete_all", **values)
        except PbsError as error:
            warn(f"qdel: {error.text} {names[0]}")
            return error.exit_code
        return 0

    def told(name: str, error: PbsError) -> str:
        if error.code != UNKJOBID:
            return error.text
        warn(f"qdel: nonexistent job id: {name}")
        return ""

    wanted = chosen.get("-t", "")
    for name in names if "-t" in chosen else []:
        if "[]" not in name:
            warn(f"qdel: Error: job id '{name}' isn't a job array but -t was specified.")
            return 1
    return each("qdel", server, names, "delete", told, ends=True, range=wanted, **values)


def qrerun(home_path: str) -> int:
    """qrerun [-f] JOB..."""
    chosen, names = options("qrerun", "fm:", _QRERUN)
    server = connect("qrerun", Home(home_path))
    return each("qrerun", server, names, "rerun", _located, force="-f" in chosen)


def qrun(home_path: str) -> int:
    """qrun [-H HOSTS] JOB..."""
    chosen, names = options("qrun", "aH:l:", _QRUN, status=1)
    if chosen.get("-H") == "":
        return illegal("qrun", "-H", _QRUN, 1)
    server = connect("qrun", Home(home_path))
    return each("qrun", server, names, "run", _located, failed=2, hosts=chosen.get("-H", ""))


def _located(_name: str, error: PbsError) -> str:
    return error.text + " MSG=cannot locate job" if error.code == UNKJOBID else error.text


def qterm(home_path: str) -> int:
    """qterm [-t quick] [SERVER...]: TORQUE 6 knows no other way."""
    chosen, names = options("qterm", "t:", _QTERM, least=0, status=1)
    if chosen.get("-t", "quick") != "quick":
        warn(_QTERM)
        return 1
    status = 0
    for name in names or [""]:
        try:
            Server(Home(home_path), name=name).ask("terminate")
        except Unreachable as error:
            warn(f"qterm: could not connect to server '{error.server}' ({error.code}) {error.text}")
            status = 2
        except PbsError as error:
            warn(f"qterm: {error.text}")
            status = 2
    return status
