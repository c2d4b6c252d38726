"""qhold, qrls, qsig, qmove and qorder."""

from __future__ import annotations

from .client import warn
from .errors import BADSTATE, SAMEQUEUE, UNKJOBID, UNKQUE, PbsError
from .home import Home
from .job_commands import connect, each, illegal, options

_QHOLD = "usage: qhold [-h hold_list] [-t array_range] job_identifier..."
_QRLS = "usage: qrls [-h {uos}] [-t array_range] job_identifier..."
_QSIG = "usage: qsig [-a] [-s signal] job_identifier..."
_QMOVE = "usage: qmove destination job_identifier..."
_QORDER = "usage: qorder job_identifier job_identifier"


def quiet(_name: str, error: PbsError) -> str:
    """TORQUE says nothing of a job that these commands do not find."""
    return "" if error.code == UNKJOBID else error.text


def _short(_name: str, error: PbsError) -> str:
    """Nor does qmove say which resource it was, but for refusals and states."""
    if error.code == UNKJOBID:
        return ""
    whole = error.code in (BADSTATE, SAMEQUEUE) or "operation not permitted" in error.text
    return error.text if whole else error.name


def _change_holds(command: str, operation: str, home_path: str, usage: str) -> int:
    chosen, names = options(command, "h:t:", usage)
    letters = chosen.get("-h", "u")
    if not letters or set(letters) - set("uos"):
        return illegal(command, "-h", usage)
    server = connect(command, Home(home_path))
    wanted = chosen.get("-t", "")
    return each(command, server, names, operation, quiet, letters=letters, range=wanted)


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
    _, names = options("qmove", "", _QMOVE, least=2, quiet=True)
    server = connect("qmove", Home(home_path))
    queue, _, where = names[0].partition("@")
    if where not in ("", server.name):

        def told(name: str, error: PbsError) -> str:
            text = f"jobs cannot be moved to another server ({where}):"
            return text if error.code == UNKQUE else _short(name, error)

        # The job is looked at first, as in TORQUE; no queue has such a name.
        return each("qmove", server, names[1:], "move", told, queue=names[0])
    return each("qmove", server, names[1:], "move", _short, queue=queue)


def qorder(home_path: str) -> int:
    """qorder JOB JOB."""
    _, names = options("qorder", "", _QORDER, least=2, quiet=True)
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
