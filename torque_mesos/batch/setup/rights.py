"""Which right on the batch server this account lacks, and the line that gives it.

The server is asked for something that only a manager may do and that changes nothing: to
delete a node that is not there. It looks at rights first.
"""

from __future__ import annotations

import os
import pwd
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torque_mesos.batch.base import Refused
from torque_mesos.batch.commands import Runner, check_reached

PROBE = "delete node torque-mesos-asks-for-its-rights"
_REFUSED = "Unauthorized Request"
_HARMLESS = "Unknown node"


@dataclass(frozen=True, slots=True)
class Gap:
    """A right that is missing, what does not work without it, and what gives it.

    `needed`: nothing works without it.
    """

    right: str
    without: str
    remedy: str
    needed: bool


def account() -> str:
    """Who asks, as the batch server names him: `USER@HOST`."""
    try:
        user = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        user = str(os.geteuid())
    return f"{user}@{socket.getfqdn()}"


def manager_line(who: str) -> str:
    """The command that makes somebody a manager."""
    return f"qmgr -c 'set server managers += {who}'"


def gaps(runner: Runner, qmgr: Path, readable: Sequence[tuple[Path, str]], who: str) -> list[Gap]:
    """What is missing.

    `readable`: folders and files that should be readable, and what is lost if they are not.

    Raises:
        ServerUnreachable: the server did not answer.
        Refused: the server said something else to the question.
    """
    found = []
    answer = check_reached(runner.run((str(qmgr), "-c", PROBE), timeout_s=30.0))
    if _REFUSED in answer.stderr:
        found.append(
            Gap(
                f"{who} is no manager of the batch server",
                "no node can be made, and no setting of the server changed",
                f"as a manager (root on the server's host): {manager_line(who)}",
                needed=True,
            )
        )
    elif answer.exit_code != 0 and _HARMLESS not in answer.stderr:
        raise Refused(str(answer))
    for path, without in readable:
        mode = os.R_OK | (os.X_OK if os.path.isdir(path) else 0)
        if _there(path) and not os.access(path, mode):
            user = who.partition("@")[0]
            found.append(
                Gap(
                    f"{path} cannot be read by {user}",
                    without,
                    f"as root: setfacl -m u:{user}:rX {path.parent} {path}",
                    needed=False,
                )
            )
    return found


def _there(path: Path) -> bool:
    """Whether something is there, or what is there cannot be seen."""
    try:
        return path.exists()
    except PermissionError:
        return True
