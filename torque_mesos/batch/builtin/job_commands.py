"""What the commands share that ask one thing for each job that is named."""

from __future__ import annotations

import sys
from typing import Any, Callable, Dict, List, Optional, Tuple

from . import command_line
from .client import Server, Unreachable, elsewhere, shown_id, warn
from .errors import PbsError
from .home import Home

Chosen = Tuple[Dict[str, str], List[str]]


def connect(command: str, home: Home) -> Server:
    """The server; exits as the command does where it cannot be reached."""
    try:
        return Server(home)
    except Unreachable as error:
        sys.exit(error.complain(command))


def options(
    command: str, letters: str, usage: str, least: int = 1, status: int = 2, quiet: bool = False
) -> Chosen:
    """Options and names; exits with `status` and the usage where it must.

    `quiet`: the command does not say which option is none of its.
    """
    found, names, errors = command_line.parse(command, sys.argv[1:], letters)
    for text in [] if quiet else errors:
        warn(text)
    if errors or len(names) < least:
        warn(usage)
        sys.exit(status)
    return dict(found), names


def illegal(command: str, option: str, usage: str, status: int = 2) -> int:
    """Say that an option's value cannot be; what the command exits with."""
    warn(f"{command}: illegal {option} value\n{usage}")
    return status


def each(
    command: str,
    server: Server,
    names: List[str],
    operation: str,
    told: Optional[Callable[[str, PbsError], str]] = None,
    failed: Optional[int] = None,
    ends: bool = False,
    **values: Any,
) -> int:
    """Ask the same for every job; the last one's success is the command's, as with TORQUE.

    `told` gives the text of an error, empty for none; `failed` is an exit status in place
    of the error's own. With `ends` an id that is none ends it, as with `qdel`; the others take
    `all` for an id, of a job that there is not.
    """
    status = 0
    for name in names:
        every = name.lower() == "all" and not ends
        if not name[:1].isdigit() and not every:
            warn(f"{command}: illegally formed job identifier: {name}")
            status = 1
            if ends:
                break
            continue
        job, _, host = name.partition("@")
        try:
            if host not in ("", server.name):
                elsewhere(host)
            server.ask(operation, id=job, **values)
            status = 0
        except Unreachable as error:
            if not host:
                raise
            status = error.complain(command)
        except PbsError as error:
            status = error.exit_code if failed is None else failed
            text = told(name, error) if told is not None else error.text
            if text:
                warn(f"{command}: {text} {name if every else shown_id(name, server.name)}")
    return status
