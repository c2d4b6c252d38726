"""Prologues and epilogues: which file, who may own it, and what it is told."""

from __future__ import annotations

import os
import pwd
import stat
from typing import Dict, List

from .wire import Message

FINE, ABORT, RETRY, SISTER_RETRY = 0, -2, -14, -3
# Between mom and server only: the files of `-W stagein=` could not be copied.
STAGEIN_FAILED = -37
NO_ACCOUNT = -1

# In the order in which they run. Those of the job itself are named by `-l prologue=`.
PROLOGUES = ("prologue", "prologue.user", "job prologue")
EPILOGUES = ("job epilogue", "epilogue.user", "epilogue")
# Before SIGTERM is sent to a job, whoever asks for it (`qdel`, `qsig`, the mom for a limit).
PRECANCEL = "epilogue.precancel"
# These make files for their owner only: TORQUE runs them with that umask.
CLOSED = ("prologue", "prologue.user")
CLOSED_UMASK = 0o077
SISTER_PROLOGUES = ("prologue.parallel", "prologue.user.parallel")
SISTER_EPILOGUES = ("epilogue.user.parallel", "epilogue.parallel")


def path_of(priv: str, name: str, order: Message) -> str:
    """The script's path, empty where there is none."""
    if name.startswith("job "):
        path = str(order["resources"].get(name[len("job ") :], ""))
        path = os.path.join(order["variables"].get("PBS_O_WORKDIR", "/"), path) if path else ""
    else:
        path = os.path.join(priv, name)
    return path if path and os.path.exists(path) else ""


def as_user(name: str) -> bool:
    """Whether a script runs as the job's user."""
    return ".user" in name or name.startswith("job ") or name == PRECANCEL


def permitted(path: str, name: str, account: pwd.struct_passwd) -> bool:
    """Whether a script may be run: root's (or ours), readable and executable, closed to others.

    What runs as the user must be readable and executable for him; the job's own is his.
    """
    found = os.stat(path)
    wanted = stat.S_IRUSR | stat.S_IXUSR
    owners = (account.pw_uid,) if name.startswith("job ") else (0, os.geteuid())
    if not name.startswith("job ") and as_user(name) and found.st_uid != account.pw_uid:
        wanted |= stat.S_IROTH | stat.S_IXOTH
    closed = not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return found.st_uid in owners and found.st_mode & wanted == wanted and closed


def verdict(exit_status: int) -> int:
    """What becomes of a job after its prologue ended so."""
    if exit_status == 0:
        return FINE
    return ABORT if exit_status == 1 else RETRY


def resource_list(order: Message) -> str:
    """A job's resources as prologues get them: without the count of nodes, as with TORQUE."""
    asked = {name: value for name, value in order["resources"].items() if name != "nodect"}
    return ",".join(f"{name}={value}" for name, value in asked.items())


def prologue_arguments(order: Message, script: str) -> List[str]:
    """The 8 words after a prologue's name."""
    names = [order["job"], order["user"], order["group"], order["name"]]
    return [*names, resource_list(order), order["queue"], order["account"], script]


def epilogue_arguments(
    order: Message, script: str, session: int, used: Dict[str, str], exit_status: int
) -> List[str]:
    """The 11 words after an epilogue's name."""
    names = [order["job"], order["user"], order["group"], order["name"], str(session)]
    text = ",".join(f"{name}={value}" for name, value in used.items())
    places = [resource_list(order), text, order["queue"], order["account"]]
    return [*names, *places, str(exit_status), script]


def environment(order: Message, number: int, node_file: str, path: str) -> Dict[str, str]:
    """A prologue's or epilogue's environment; only the first host has the node file."""
    hosts = order["hosts"]
    spec = order["resources"].get("nodes", "")
    found = {
        "LANG": "C",
        "PATH": path,
        "PBS_MSHOST": hosts[0][0],
        "PBS_NODENUM": str(number),
        "PBS_NP": str(sum(count for _, count, _, _ in hosts)),
        "PBS_NUM_NODES": str(len(hosts) if spec[:1].isdigit() else 0),
        "PBS_NUM_PPN": str(hosts[0][1]),
        "PBS_O_WORKDIR": order["variables"].get("PBS_O_WORKDIR", ""),
        "PBS_RESOURCE_NODES": spec,
    }
    if number == 0:
        found["PBS_NODEFILE"] = node_file
    return found


def home_of(user: str) -> str:
    """The user's home folder, / where he has none."""
    try:
        return pwd.getpwnam(user).pw_dir
    except KeyError:
        return "/"
