"""`qsub` at the server: what is accepted, what is refused, and with which words."""

from __future__ import annotations

import grp
import os
import pwd
import time
from typing import Dict, List, Optional, Tuple

from .attributes import resource
from .errors import BADUSER, EXCQRESC, QUENODFLT, QUNOENB, SYNTAX, UNKQUE, PbsError
from .nodespec import BadSpec, Chunk, never, node_count, parse, slot_count
from .records import HELD, QUEUED, Job
from .running import Runner
from .state import State
from .wire import Message

_NO_FEASIBLE = (
    "cannot locate feasible nodes (nodes file is empty, all systems are busy, "
    "or no nodes have the requested feature)"
)
_TOO_MANY = (
    "cannot locate feasible nodes (nodes file is empty or requested nodes exceed all systems)"
)


def submit(state: State, runner: Runner, request: Message, uid: int) -> Job:
    """Make a job of a request of `qsub`. Raises `PbsError`."""
    account = _submitter(uid)
    number = state.next_job
    # A job that is refused has used its number up all the same.
    state.next_job += 1
    state.save_server()
    queue_name = request.get("queue") or state.attributes.get("default_queue", "")
    if not queue_name:
        raise PbsError(QUENODFLT, "requested queue not found")
    queue = state.queues.get(queue_name)
    if queue is None:
        code = UNKQUE if request.get("queue") else QUENODFLT
        raise PbsError(code, "requested queue not found")
    resources = _resources(request["resources"])
    _check_limits(state, queue, resources)
    if queue.get("enabled") != "True":
        who = f"{account.pw_name}@{request['host']}"
        raise PbsError(QUNOENB, f"queue is disabled: user {who}, queue {queue_name}")
    _add_defaults(state, queue, resources)
    job = _make(state, number, request, account, queue_name, resources)
    state.next_rank += 1
    state.save_server()
    state.jobs[job.job_id] = job
    now = time.time()
    if job.hold != "n":
        runner.set_state(job, HELD, 20)
    elif job.execute_at > now:
        runner.wait(job)
    else:
        job.eligible = now
        runner.set_state(job, QUEUED, 10)
    state.store.flush()
    state.accounting.write("Q", job.job_id, f"queue={queue_name}")
    state.kick("new job")
    return job


def _submitter(uid: int) -> pwd.struct_passwd:
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


def _resources(asked: List[Tuple[str, str]]) -> Dict[str, str]:
    found: Dict[str, str] = {}
    for name, value in asked:
        found[name] = resource("Resource_List", name, value)
    if "nodes" in found:
        _count(found)
    return found


def _count(resources: Dict[str, str]) -> None:
    try:
        chunks = parse(resources["nodes"])
    except BadSpec:
        raise PbsError(SYNTAX, "Invalid Syntax") from None
    resources.setdefault("nodect", str(node_count(chunks)))
    resources.setdefault("neednodes", resources["nodes"])


def _check_limits(state: State, queue: Dict[str, str], resources: Dict[str, str]) -> None:
    for name, value in queue.items():
        kind, _, limited = name.partition(".")
        if kind == "resources_max" and _more(resources.get(limited), value):
            raise PbsError(EXCQRESC, f"cannot satisfy queue max {limited} requirement")
    spec = resources.get("nodes")
    if spec is None or queue.get("is_transit") == "True":
        return
    nodect = state.number("resources_available.nodect")
    if spec.isdigit() and int(spec) <= nodect:
        return
    chunks = parse(spec)
    if is_never(state, chunks):
        raise PbsError(EXCQRESC, _NO_FEASIBLE)
    if slot_count(chunks) > state.total_slots():
        raise PbsError(EXCQRESC, _TOO_MANY)


def is_never(state: State, chunks: Tuple[Chunk, ...]) -> bool:
    """Whether the nodes as they are defined now could never hold this."""
    _, choice = state.choose(chunks)
    nodect = state.number("resources_available.nodect")
    return choice.picked is None and never(chunks, choice.eligible, state.total_slots(), nodect)


def _more(asked: Optional[str], limit: str) -> bool:
    if asked is None:
        return False
    if ":" in limit:
        return _seconds(asked) > _seconds(limit)
    return asked.isdigit() and limit.isdigit() and int(asked) > int(limit)


def _seconds(text: str) -> int:
    total = 0
    for part in text.split(":"):
        total = total * 60 + int(part)
    return total


def _add_defaults(state: State, queue: Dict[str, str], resources: Dict[str, str]) -> None:
    sized = "procs" in resources or "nodes" in resources
    for source in (queue, state.attributes):
        for name, value in source.items():
            kind, _, part = name.partition(".")
            if kind != "resources_default" or part in resources:
                continue
            if part == "nodes" and sized:
                continue
            resources[part] = value
    if "nodes" in resources:
        _count(resources)


def _make(
    state: State,
    number: int,
    request: Message,
    account: pwd.struct_passwd,
    queue: str,
    resources: Dict[str, str],
) -> Job:
    host, folder, name = request["host"], request["workdir"], request["name"]
    try:
        group = grp.getgrgid(account.pw_gid).gr_name
    except KeyError:
        group = str(account.pw_gid)
    variables = {"PBS_O_QUEUE": queue, **request["variables"]}
    variables.update(PBS_O_WORKDIR=folder, PBS_O_HOST=host, PBS_O_SERVER=state.server)
    output = _path(request.get("output"), host, folder, f"{name}.o{number}")
    error = _path(request.get("error"), host, folder, f"{name}.e{number}")
    if request.get("join") == "oe" and request.get("output"):
        error = output
    now = time.time()
    return Job(
        job_id=f"{number}.{state.server}",
        name=name,
        owner=f"{account.pw_name}@{host}",
        uid=account.pw_uid,
        user=account.pw_name,
        group=group,
        queue=queue,
        resources=resources,
        variables={str(key): str(value) for key, value in variables.items()},
        script=str(request["script"]),
        output_path=output,
        error_path=error,
        submit_args=str(request.get("submit_args", "")),
        submit_host=host,
        init_work_dir=folder,
        rank=state.next_rank,
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
        umask=int(request.get("umask", 0o077)),
    )


def _path(asked: Optional[str], host: str, folder: str, name: str) -> str:
    if not asked:
        return f"{host}:{folder}/{name}"
    head, colon, tail = asked.partition(":")
    if colon and "/" not in head:
        host, asked = head, tail
    return f"{host}:{os.path.join(folder, asked)}"
