"""A job as `qsub` asks for it."""

from __future__ import annotations

import grp
import os
import pwd
import time
from typing import Dict, List, Optional, Tuple

from .attributes import resource
from .errors import BADATVAL, BADGRP, BADUSER, PERM, PbsError
from .queues import count
from .records import Job
from .state import State
from .wire import Message


def submitter(uid: int) -> pwd.struct_passwd:
    """The account of who submits. Raises `PbsError` (BADUSER)."""
    try:
        account = pwd.getpwuid(uid)
    except KeyError:
        raise PbsError(BADUSER, f"user {uid} does not exist in server password file") from None
    own = os.geteuid()
    if own == 0 and uid == 0:
        raise PbsError(BADUSER, "root user root not allowed")
    if own not in (0, uid):
        raise PbsError(BADUSER, "this server runs as one user, and serves no other")
    return account


def asked_resources(asked: List[Tuple[str, str]]) -> Dict[str, str]:
    """A request's `-l` in TORQUE's form. Raises `PbsError`."""
    found: Dict[str, str] = {}
    for name, value in asked:
        if not value:
            raise PbsError(BADATVAL, detail=f" Resource_List.{name}")
        found[name] = resource("Resource_List", name, value)
    if "nodes" in found:
        count(found)
    return found


def group_of(account: pwd.struct_passwd, asked: str) -> str:
    """The group that a job runs in: his own, or one of his that he names. Raises `PbsError`."""
    wanted = asked.split(",")[0].split("@")[0]
    if not wanted:
        try:
            return grp.getgrgid(account.pw_gid).gr_name
        except KeyError:
            return str(account.pw_gid)
    try:
        found = grp.getgrnam(wanted)
    except KeyError:
        text = f"cannot locate group {wanted} in server group file"
        raise PbsError(BADGRP, text) from None
    if found.gr_gid != account.pw_gid and account.pw_name not in found.gr_mem:
        raise PbsError(BADGRP, f"user {account.pw_name} is not a member of group {wanted}")
    return wanted


def check_users(account: pwd.struct_passwd, host: str, asked: str) -> None:
    """Nobody submits for another. Raises `PbsError` (BADUSER)."""
    for name in filter(None, asked.split(",")):
        user = name.split("@")[0]
        if user != account.pw_name:
            text = f"ruserok failed validating {account.pw_name}/{user} from {host}"
            raise PbsError(BADUSER, text)


def make(
    state: State,
    number: int,
    request: Message,
    account: pwd.struct_passwd,
    queue: str,
    resources: Dict[str, str],
) -> Job:
    """The job, not yet known to anyone. Raises `PbsError`."""
    host, folder, name = request["host"], request["workdir"], request["name"]
    check_users(account, host, str(request.get("users", "")))
    if request.get("stagein"):
        raise PbsError(PERM, "this server stages no files in")
    variables = {"PBS_O_QUEUE": queue, **request["variables"]}
    variables.update(PBS_O_WORKDIR=folder, PBS_O_HOST=host, PBS_O_SERVER=state.server)
    if request.get("init_dir"):
        variables["PBS_O_INITDIR"] = str(request["init_dir"])
    suffix = "[]" if request.get("array") else ""
    output = path(request.get("output"), host, folder, f"{name}.o{number}")
    error = path(request.get("error"), host, folder, f"{name}.e{number}")
    if request.get("join") == "oe" and request.get("output"):
        error = output
    now = time.time()
    rank = state.next_rank
    state.next_rank += 1
    return Job(
        job_id=f"{number}{suffix}.{state.server}",
        name=name,
        owner=f"{account.pw_name}@{host}",
        uid=account.pw_uid,
        user=account.pw_name,
        group=group_of(account, str(request.get("groups", ""))),
        queue=queue,
        resources=resources,
        variables={str(key): str(value) for key, value in variables.items()},
        script=str(request["script"]),
        output_path=output,
        error_path=error,
        submit_args=str(request.get("submit_args", "")),
        submit_host=host,
        init_work_dir=folder,
        rank=rank,
        created=now,
        modified=now,
        account=str(request.get("account", "")),
        join=request.get("join", "n"),
        keep=request.get("keep", "n"),
        hold=request.get("hold", "n"),
        mail=request.get("mail", "a"),
        priority=int(request.get("priority", 0)),
        rerunable=bool(request.get("rerunable", True)),
        shell=str(request.get("shell", "")),
        execute_at=float(request.get("after", 0)),
        umask=umask_of(request),
        mail_users=str(request.get("mail_users", "")),
        checkpoint=str(request.get("checkpoint", "u")),
        groups=str(request.get("groups", "")),
        users=str(request.get("users", "")),
        stageout=str(request.get("stageout", "")),
        init_dir=str(request.get("init_dir", "")),
        root_dir=str(request.get("root_dir", "")),
        others=_others(request),
    )


def umask_of(request: Message) -> int:
    """The umask that is asked for. Raises `PbsError` (BADATVAL)."""
    text = str(request.get("umask", "077"))
    if not text or set(text) - set("01234567"):
        raise PbsError(BADATVAL, detail=" umask")
    return int(text, 8) & 0o777


def _others(request: Message) -> Dict[str, str]:
    found = {str(key): str(value) for key, value in dict(request.get("others", {})).items()}
    if "umask" in request:
        # TORQUE shows it in decimal.
        found["umask"] = str(umask_of(request))
    return found


def path(asked: Optional[str], host: str, folder: str, name: str) -> str:
    """`host:/path` of an output; a path that ends in a slash is a folder for it."""
    if not asked:
        return f"{host}:{folder}/{name}"
    head, colon, tail = asked.partition(":")
    if colon and "/" not in head:
        host, asked = head or host, tail
    whole = os.path.join(folder, asked)
    return f"{host}:{whole}{name}" if whole.endswith("/") else f"{host}:{whole}"
