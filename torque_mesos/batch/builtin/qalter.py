"""qalter."""

from __future__ import annotations

import os
import re
import sys
from typing import Dict, List

from . import command_line
from .client import warn
from .home import Home
from .job_commands import connect, each, illegal
from .job_options import Options, request_of, resource_names
from .option_values import BadOption, BadValue
from .qhold import quiet

_PAD = "\n" + " " * 26
_USAGE = "usage: qalter".ljust(40) + _PAD.join(
    (
        "[-a date_time] [-A account_string] [-c interval] [-e path] ",
        "[-h hold_list] [-j y|n] [-k keep] [-l resource_list] [-m mail_options] ",
        "[-M user_list] [-N jobname] [-o path] [-p priority] [-q] [-r y|n] [-S path] ",
        "[-t [array_range[%slot_limit]] [-u user_list] [-v variable_list] ",
        "[-W additional_attributes] [-x exec_host] job_identifier...",
    )
)
_LETTER = re.compile(r"[A-Za-z]")
_LETTERS = "a:A:c:e:h:j:k:l:m:M:nN:o:p:qr:S:t:u:v:W:x:"
_ATTRIBUTES = {
    "-a": "Execution_Time",
    "-A": "Account_Name",
    "-c": "Checkpoint",
    "-e": "Error_Path",
    "-h": "Hold_Types",
    "-j": "Join_Path",
    "-k": "Keep_Files",
    "-m": "Mail_Points",
    "-M": "Mail_Users",
    "-N": "Job_Name",
    "-o": "Output_Path",
    "-p": "Priority",
    "-r": "Rerunable",
    "-S": "Shell_Path_List",
    "-u": "User_List",
    "-v": "Variable_List",
    "-x": "exec_host",
}


def _attributes(options: Options) -> List[str]:
    """TORQUE's names of what is to change, in the order of the options."""
    found: List[str] = []
    for option, value in options:
        if option == "-l":
            found += [f"Resource_List.{name}" for name in resource_names(value)]
        elif option == "-W":
            found.append(value.partition("=")[0].strip())
        elif option in _ATTRIBUTES:
            found.append(_ATTRIBUTES[option])
    return found


def main(home_path: str) -> int:
    """qalter OPTIONS JOB..."""
    given, names, errors = command_line.parse("qalter", sys.argv[1:], _LETTERS)
    for text in errors:
        warn(text)
    if "-n" in dict(given):
        return illegal("qalter", "-n", _USAGE)
    if errors or not names:
        warn(_USAGE)
        return 2
    chosen = dict(given)
    # qsub takes any first letter, and an empty name; as with TORQUE, qalter does not.
    if any(option == "-N" and not _LETTER.match(value) for option, value in given):
        return illegal("qalter", "-N", _USAGE)
    variables: Dict[str, str] = {}
    if set(chosen.get("-h", "n")) - set("uosn"):
        return illegal("qalter", "-h", _USAGE)
    try:
        changes = request_of(
            [item for item in given if item[0] != "-t"], dict(os.environ), variables
        )
        changes["attributes"] = _attributes(given)
    except BadOption as error:
        text = f"qalter: {error}" if isinstance(error, BadValue) else str(error)
        warn(f"{text}\n{_USAGE}" if error.usage == 2 else text)
        return error.usage
    if not changes["resources"]:
        del changes["resources"]
    if variables:
        changes["variables"] = variables
    if "-h" in chosen:
        changes["hold"] = chosen["-h"]
    if "-x" in chosen:
        changes["exec_host"] = chosen["-x"]
    server = connect("qalter", Home(home_path))
    wanted = chosen.get("-t", "")
    return each("qalter", server, names, "alter", quiet, changes=changes, range=wanted)
