"""qdel, qrerun, qrun and qterm: one request for each job that is named."""

from __future__ import annotations

import getopt
import sys
from typing import Dict, List

from .client import Server, Unreachable, shown_id, warn
from .errors import UNKJOBID, PbsError
from .home import Home


def _connect(command: str, home: Home) -> Server:
    try:
        return Server(home)
    except Unreachable as error:
        name = error.server
        warn(f"{command}: cannot connect to server {name} (errno={error.code}) {error.text}")
        sys.exit(error.code & 0xFF)


_USAGES = {
    "qdel": (
        2,
        "usage: qdel [{ -a | -c | -p | -t | -W delay | -m message}] <JOBID>[<JOBID>]|'all'",
    ),
    "qrerun": (2, "usage: qrerun [-f] <JOBID>[ <JOBID>]..."),
    "qrun": (1, "Usage: qrun [-a] [-H host] job_id ..."),
}


def _options(command: str, letters: str, needed: bool = True) -> tuple[Dict[str, str], List[str]]:
    try:
        options, names = getopt.gnu_getopt(sys.argv[1:], letters)
    except getopt.GetoptError as error:
        warn(f"{command}: invalid option -- '{error.opt}'")
        sys.exit(2)
    if needed and not names:
        status, text = _USAGES[command]
        warn(text)
        sys.exit(status)
    return dict(options), names


def qdel(home_path: str) -> int:
    """qdel [-p] JOB... | all."""
    home = Home(home_path)
    options, names = _options("qdel", "acpt:W:m:b:")
    server = _connect("qdel", home)
    if names[0] in ("all", "ALL"):
        told = server.ask("jobs")["jobs"]
        names = [job for job, shown in told if dict(shown)["job_state"] != "C"]
    status = 0
    for name in names:
        try:
            server.ask("delete", id=name, purge="-p" in options)
        except PbsError as error:
            status = error.exit_code
            if error.code == UNKJOBID:
                warn(f"qdel: nonexistent job id: {name}")
            else:
                warn(f"qdel: {error.text} {shown_id(name, server.name)}")
    return status


def qrerun(home_path: str) -> int:
    """qrerun [-f] JOB..."""
    home = Home(home_path)
    options, names = _options("qrerun", "fm:")
    server = _connect("qrerun", home)
    status = 0
    for name in names:
        try:
            server.ask("rerun", id=name, force="-f" in options)
        except PbsError as error:
            status = error.exit_code
            warn(f"qrerun: {_located(error)} {shown_id(name, server.name)}")
    return status


def qrun(home_path: str) -> int:
    """qrun [-H HOSTS] JOB..."""
    home = Home(home_path)
    options, names = _options("qrun", "aH:l:")
    server = _connect("qrun", home)
    status = 0
    for name in names:
        try:
            server.ask("run", id=name, hosts=options.get("-H", ""))
        except PbsError as error:
            status = 2
            warn(f"qrun: {_located(error)} {shown_id(name, server.name)}")
    return status


def _located(error: PbsError) -> str:
    return error.text + " MSG=cannot locate job" if error.code == UNKJOBID else error.text


def qterm(home_path: str) -> int:
    """qterm [-t TYPE]."""
    home = Home(home_path)
    _options("qterm", "t:", needed=False)
    server = _connect("qterm", home)
    try:
        server.ask("terminate")
    except PbsError as error:
        warn(f"qterm: {error.text}")
        return 2
    return 0
