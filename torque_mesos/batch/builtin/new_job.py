"""A job as `qsub` asks for it."""

from __future__ import annotations

import grp
import os
import pwd
import re
import time
from typing import Dict, List, Optional, Tuple

from .errors import ATTRRO, BADATVAL, BADGRP, BADUSER, PbsError
from .queues import count
from .records import Job
from .resources import RESOURCES, TEXT, resource
from .state import State
from .wire import Message

_WORD = re.compile(r"\w\S*")


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
        if name in ("nodect", "neednodes"):
            raise PbsError(ATTRRO, detail=f" Resource_List.{name}")
        if not value and RESOURCES.get(name) == TEXT:
            raise PbsError(BADATVAL, detail=f" Resource_List.{name}")
        if not value:
            continue
        found[name] = resource("Resource_List", name, value)
    if "nodes" in found:
        if not all(_WORD.fullmatch(word) for word in re.split("[+:]", found["nodes"])):
            raise PbsError(BADATVAL, detail=" Resource_List.nodes")
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
        raise PbsError(
            BADGRP,
            f"user {account.pw_name} is not a member of group {wanted} in server password file",
        )
    return wanted


def check_users(owner: str, host: str, asked: str) -> None:
    """Nobody submits for another. Raises `PbsError` (BADUSER)."""
    for name in filter(None, asked.split(",")):
        user = name.split("@")[0]
        try:
            pwd.getpwnam(user)
        except KeyError:
            text = f"User {user} does not exist in server password file\n"
            raise PbsError(BADUSER, text) from None
        if user == "root":
            raise PbsError(BADUSER, "root user root not allowed")
        if user != owner:
            text = f"ruserok failed validating {owner}/{user} from {host}"
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
    check_users(account.pw_name, host, str(request.get("users", "")))
    variables = {"PBS_O_QUEUE": queue, **request["variables"]}
    variables.update(PBS_O_WORKDIR=folder, PBS_O_HOST=host, PBS_O_SERVER=state.server)
    if request.get("init_dir"):
        variables["PBS_O_INITDIR"] = str(request["init_dir"])
    if request.get("root_dir"):
        variables["PBS_O_ROOTDIR"] = str(request["root_dir"])
    base = name.rpartition("/")[2]
    suffix = "[]" if request.get("array") else ""
    output = path(request.get("output"), host, folder, f"{base}.o{number}")
    error = path(request.get("error"), host, folder, f"{base}.e{number}")
    if request.get("join") == "oe" and request.get("output"):
        error = output
    if request.get("join") == "eo" and request.get("error"):
        output = error
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
        stagein=str(request.get("stagein", "")),
        stageout=str(request.get("stageout", "")),
        init_dir=str(request.get("init_dir", "")),
        root_dir=str(request.get("root_dir", "")),
        others=_others(request),
    )


def umask_of(request: Message) -> int:
    """The umask that is asked for. Raises `PbsError` (BADATVAL)."""
    text = str(request.get("umask", "077"))
    if not text.isdigit() or (text.startswith("0") and set(text) & set("89")):
        raise PbsError(BADATVAL, detail=" umask")
    return int(text, 8 if text.startswith("0") else 10) & 0o777


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
        if head and tail:
            return asked if not tail.endswith("/") else f"{asked}{name}"
        asked = tail
        if not asked:
            return f"{host}:{folder}/{name}"
    whole = os.path.join(folder, asked)
    return f"{host}:{whole}{name}" if whole.endswith("/") else f"{host}:{whole}"
