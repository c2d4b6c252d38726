"""qselect: the ids of the jobs that answer to what is asked."""

from __future__ import annotations

import re
import sys
from typing import List, Tuple

from . import command_line
from .client import Server, Unreachable, warn
from .errors import PbsError
from .home import Home
from .option_values import BadOption, is_list, moment

_INDENT = " " * 26
_USAGE = f"""usage: qselect \
{_INDENT}[-a [op]date_time] [-A account_string] [-e] [-c [op]interval]\x20
{_INDENT}[-h hold_list] [-l resource_list] [-N name] [-p [op]priority]\x20
{_INDENT}[-q destination] [-r y|n] [-s states] [-u user_name]"""
_OPERATORS = "eq|ne|ge|gt|le|lt"


def _operator(value: str) -> Tuple[str, str]:
    """`.gt.5` as its operator and the rest; equal where it names none that is known."""
    found = re.fullmatch(r"\.(\w\w)\.(.*)", value)
    if found is None:
        return "eq", value
    return found[1] if found[1] in _OPERATORS.split("|") else "eq", found[2]


def _criteria(option: str, value: str) -> List[Tuple[str, str, str]]:
    """What one option asks. Raises `BadOption`."""
    operator, rest = _operator(value) if option in ("-a", "-c", "-p") else ("eq", value)
    if option == "-a":
        try:
            return [(option, operator, str(moment(rest)))]
        except BadOption:
            raise BadOption("qselect: illegal -a value") from None
    if option == "-l":
        parts = [re.fullmatch(rf"(\w+)\.({_OPERATORS})\.(.+)", part) for part in value.split(",")]
        if None in parts:
            raise BadOption(f"qselect: illegal -l value\nresource_list: {value}")
        return [(option, found[2], f"{found[1]}={found[3]}") for found in parts if found]
    if option == "-q":
        rest = value.partition("@")[0]
        return [(option, "eq", rest)] if rest else []
    allowed = {"-h": "uosn", "-s": "EHQRTWC"}.get(option)
    if allowed is not None and not (value and set(value) <= set(allowed)):
        raise BadOption(f"qselect: illegal {option} value")
    if option == "-r" and value not in ("y", "n"):
        raise BadOption("qsub: illegal -r value")  # so TORQUE says
    if option == "-u" and not is_list(value):
        raise BadOption("qselect: illegal -u value")
    return [(option, operator, rest)]


def main(home_path: str) -> int:
    """The command."""
    criteria: List[Tuple[str, str, str]] = []
    where = ""
    options, rest, errors = command_line.parse("qselect", sys.argv[1:], "a:A:ec:h:l:N:p:q:r:s:u:")
    for text in errors:
        warn(text)
    try:
        for option, value in options:
            if option == "-q":
                where = value.partition("@")[2]
            if option != "-e":
                criteria += _criteria(option, value)
    except BadOption as error:
        warn(f"{error}\n{_USAGE}")
        return 2
    if errors or rest:
        warn(_USAGE)
        return 2
    try:
        found = Server(Home(home_path), 1, where).ask("select", criteria=criteria)["ids"]
    except Unreachable as error:
        return error.complain("qselect")
    except PbsError as error:
        warn(f"qselect: {error.text}")
        return error.exit_code
    for job_id in found:
        print(job_id)
    return 0
