"""qhold, qrls, qsig, qmove and qalter."""

from __future__ import annotations

import os
from typing import Dict

from .client import warn
from .errors import BADSTATE, SAMEQUEUE, UNKJOBID, PbsError
from .home import Home
from .job_commands import connect, each, illegal, options
from .job_options import request_of
from .option_values import BadOption, BadValue

_QHOLD = "usage: qhold [-h hold_list] [-t array_range] job_identifier..."
_QRLS = "usage: qrls [-h {uos}] [-t array_range] job_identifier..."
_QSIG = "usage: qsig [-a] [-s signal] job_identifier..."
_QMOVE = "usage: qmove destination job_identifier..."
_QORDER = "usage: qorder job_identifier job_identifier"
_QALTER_PAD = "\n" + " " * 26
_QALTER = "usage: qalter".ljust(40) + _QALTER_PAD.join(
    (
        "[-a date_time] [-A account_string] [-c interval] [-e path] ",
        "[-h hold_list] [-j y|n] [-k keep] [-l resource_list] [-m mail_options] ",
        "[-M user_list] [-N jobname] [-o path] [-p priority] [-q] [-r y|n] [-S path] ",
        "[-t [array_range[%slot_limit]] [-u user_list] [-v variable_list] ",
        "[-W additional_attributes] [-x exec_host] job_identifier...",
    )
)


def _quiet(_name: str, error: PbsError) -> str:
    """TORQUE says nothing of a job that these commands do not find."""
    return "" if error.code == UNKJOBID else error.text


def _short(_name: str, error: PbsError) -> str:
    """Nor does qalter say which resource it was, but for refusals and states."""
    if error.code == UNKJOBID:
        return ""
    told = ("operation not permitted", "array element")
    return error.text if any(part in error.text for part in told) else _named(error)


def _named(error: PbsError) -> str:
    return error.text if error.code in (BADSTATE, SAMEQUEUE) else error.name


def _change_holds(command: str, operation: str, home_path: str, usage: str) -> int:
    chosen, names = options(command, "h:t:", usage)
    letters = chosen.get("-h", "u")
    if not letters or set(letters) - set("uos"):
        return illegal(command, "-h", usage)
    server = connect(command, Home(home_path))
    wanted = chosen.get("-t", "")
    return each(command, server, names, operation, _quiet, letters=letters, range=wanted)


def qhold(home_path: str) -> int:
    """qhold [-h uos] [-t RANGE] JOB..."""
    return _change_holds("qhold", "hold", home_path, _QHOLD)


def qrls(home_path: str) -> int:
    """qrls [-h uos] [-t RANGE] JOB..."""
    return _change_holds("qrls", "release", home_path, _QRLS)


def qsig(home_path: str) -> int:
    """qsig [-s SIGNAL] JOB..."""
    chosen, names = options("qsig", "as:", _QSIG)
    server = connect("qsig", Home(home_path))

    def told(_name: str, error: PbsError) -> str:
        return error.text + " MSG=cannot locate job" if error.code == UNKJOBID else error.text

    return each("qsig", server, names, "signal", told, signal=chosen.get("-s", "SIGTERM"))


def qmove(home_path: str) -> int:
    """qmove QUEUE JOB..."""
    _, names = options("qmove", "", _QMOVE, least=2)
    server = connect("qmove", Home(home_path))
    queue, _, where = names[0].partition("@")
    if where not in ("", server.name):
        warn(f"qmove: jobs cannot be moved to another server: {where}")
        return 1
    return each("qmove", server, names[1:], "move", _short, queue=queue)


def qorder(home_path: str) -> int:
    """qorder JOB JOB."""
    _, names = options("qorder", "", _QORDER, least=2)
    if len(names) > 2:
        warn(_QORDER)
        return 2
    for name in names:
        if not name[:1].isdigit():
            warn(f"qorder: illegally formed job identifier: {name}")
            return 1
    try:
        connect("qorder", Home(home_path)).ask("order", id=names[0], other=names[1])
    except PbsError as error:
        text = f"{error.text} MSG=cannot locate job" if error.code == UNKJOBID else error.text
        warn(f"qorder: {text} ")
        return error.exit_code
    return 0


def qalter(home_path: str) -> int:
    """qalter OPTIONS JOB..."""
    letters = "a:A:c:e:h:j:k:l:m:M:nN:o:p:qr:S:t:u:v:W:x:"
    chosen, names = options("qalter", letters, _QALTER)
    variables: Dict[str, str] = {}
    given = [item for item in chosen.items() if item[0] != "-t"]
    if set(chosen.get("-h", "n")) - set("uosn"):
        return illegal("qalter", "-h", _QALTER)
    try:
        changes = request_of(given, dict(os.environ), variables)
    except BadOption as error:
        text = f"qalter: {error}" if isinstance(error, BadValue) else str(error)
        warn(f"{text}\n{_QALTER}" if error.usage == 2 else text)
        return error.usage
    if not changes["resources"]:
        del changes["resources"]
    if variables:
        changes["variables"] = variables
    if "-h" in chosen:
        changes["hold"] = chosen["-h"]
    server = connect("qalter", Home(home_path))
    wanted = chosen.get("-t", "")
    return each("qalter", server, names, "alter", _short, changes=changes, range=wanted)
