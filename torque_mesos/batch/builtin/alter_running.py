"""What `qalter` may change of a job that runs, and what its mom must hear of it."""

from __future__ import annotations

from typing import Dict, List, Tuple

from .errors import MODATRRUN, PERM, UNKRESC, PbsError
from .mom_limits import seconds, size_bytes
from .records import Job
from .resources import DURATION, RESOURCES, SIZE
from .rights import MANAGER, USER
from .wire import Message

# Seen on TORQUE: these may change, all others may not.
_ATTRIBUTES = {
    "Job_Name",
    "Execution_Time",
    "Checkpoint",
    "comment",
    "Error_Path",
    "Output_Path",
    "Hold_Types",
    "Mail_Points",
    "Mail_Users",
    "Priority",
    "Rerunable",
    "Shell_Path_List",
    "Variable_List",
}
_LIMITS = {"walltime", "cput", "mem", "vmem", "pmem", "maxmem"}
_MANAGERS = {"gres", "neednodes"}
_LIST = "Resource_List."


# What requests call attributes that may not change, beside those they call as TORQUE does.
_FIXED = {
    "account": "Account_Name",
    "join": "Join_Path",
    "keep": "Keep_Files",
    "users": "User_List",
    "groups": "group_list",
    "stagein": "stagein",
    "stageout": "stageout",
    "depend": "depend",
    "umask": "umask",
}


def named(changes: Message) -> List[str]:
    """TORQUE's names of what a request changes: qalter's list, and what that does not tell.

    A client other than qalter may leave out the list, or parts of it.
    """
    resources: List[Tuple[str, str]] = changes.get("resources", [])
    others: Dict[str, str] = changes.get("others", {})
    found = [str(name) for name in changes.get("attributes", [])]
    found += [_LIST + str(name) for name, _ in resources]
    found += [name for key, name in _FIXED.items() if key in changes]
    # The folder of checkpoints comes with -c, which may change.
    found += [str(name) for name in others if name != "checkpoint_dir"]
    return found


def check(attributes: List[str], rank: int) -> None:
    """Whether a running job's attributes may be changed at all. Raises `PbsError`.

    `attributes` are in the order of qalter's options: the first that may not is named.
    """
    for name in attributes:
        if not name.startswith(_LIST):
            if name not in _ATTRIBUTES:
                raise PbsError(MODATRRUN, detail=f" {name}")
            continue
        resource = name[len(_LIST) :]
        if resource not in RESOURCES:
            raise PbsError(UNKRESC, detail=f" {name}")
        if resource not in _LIMITS | _MANAGERS:
            raise PbsError(MODATRRUN, detail=f" {name}")
        if resource == "gres" and rank < MANAGER:
            raise PbsError(PERM, detail=f" {name}")


def check_raise(job: Job, asked: Dict[str, str], rank: int) -> None:
    """Only operators may give a running job more than it has. Raises `PbsError` (PERM)."""
    if rank != USER:
        return
    for name, value in asked.items():
        had = job.resources.get(name)
        if had is not None and _amount(name, value) > _amount(name, had):
            raise PbsError(PERM)


def _amount(name: str, value: str) -> int:
    kind = RESOURCES[name]
    if kind == DURATION:
        return seconds(value)
    return size_bytes(value) if kind == SIZE else 0


def told(asked: List[Tuple[str, str]], resources: Dict[str, str]) -> Dict[str, str]:
    """What a mom is told: limits as they are now; one that was taken away is none to it, 0."""
    return {name: resources[name] if value else "0" for name, value in asked}
