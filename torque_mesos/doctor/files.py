"""Checks of what is on the disk: spool folders, mom_hierarchy, space, accounts."""

from __future__ import annotations

from collections.abc import Iterator

from torque_mesos.doctor.facts import Facts, Folder
from torque_mesos.doctor.finding import Finding, fault, ok, warning

SPOOL, HIERARCHY, DISK, USERS, PYTHON = "spool", "mom_hierarchy", "disk", "users", "python"
LITTLE_MB, TOO_LITTLE_MB = 1024.0, 100.0
FEW_FILES = 1000
_LEAST_PYTHON = (3, 9)


def spool(facts: Facts) -> Iterator[Finding]:
    """The daemons' folders have the modes without which they end."""
    wrong = False
    for folder in facts.folders:
        found = list(_folder(folder))
        wrong = wrong or bool(found)
        yield from found
    if facts.folders and not wrong:
        yield ok(SPOOL, f"the modes of {len(facts.folders)} folders are right")


def _folder(folder: Folder) -> Iterator[Finding]:
    for above in folder.chain:
        what = "its sandboxes" if folder.sandbox else folder.path
        yield fault(
            SPOOL,
            f"anybody may write to {above}, above {what}: pbs_mom ends (3) without a word",
            "`mesos-agent --work_dir=...` elsewhere, or set executor.mom_home"
            if folder.sandbox
            else f"`chmod o-w {above}`, or have it elsewhere",
        )
    if folder.mode is None:
        if not folder.sandbox:
            right = f"`mkdir -m {folder.wanted:o} {folder.path}`"
            yield fault(SPOOL, f"{folder.path} is not there", right)
        return
    if folder.sandbox:
        return
    if folder.uid not in (None, 0):
        says = f"{folder.path} belongs to user {folder.uid}, not to root"
        yield fault(SPOOL, says, f"`chown root {folder.path}`")
    too_open = folder.mode & ~folder.wanted & 0o022
    if (folder.exactly and folder.mode != folder.wanted) or too_open:
        yield fault(
            SPOOL,
            f"{folder.path} has mode {folder.mode:04o}, right is {folder.wanted:04o}:"
            " the daemon that uses it ends at its start",
            f"`chmod {folder.wanted:o} {folder.path}`",
        )


def hierarchy(facts: Facts) -> Iterator[Finding]:
    """No file keeps nodes from being made."""
    if facts.side != "server" or facts.kind != "torque":
        return
    if facts.mom_hierarchy is None:
        yield ok(HIERARCHY, "there is none")
        return
    yield fault(
        HIERARCHY,
        f"{facts.mom_hierarchy} is there: the server refuses to make and to delete nodes",
        f"`mv {facts.mom_hierarchy} {facts.mom_hierarchy}.off`, and start pbs_server anew",
    )


def disk(facts: Facts) -> Iterator[Finding]:
    """There is room."""
    for one in facts.disks:
        says = f"{one.free_mb:.0f} MB of {one.total_mb:.0f} MB are free at {one.path}"
        remedy = f"make room: `du -xh -d 2 {one.path} | sort -h | tail`"
        if one.free_mb < TOO_LITTLE_MB:
            yield fault(DISK, says, remedy)
        elif one.files_free is not None and one.files_free < FEW_FILES:
            yield fault(DISK, f"{one.files_free} files can be made at {one.path}", remedy)
        elif one.free_mb < LITTLE_MB:
            yield warning(DISK, says, remedy)
        else:
            yield ok(DISK, says)


def users(facts: Facts) -> Iterator[Finding]:
    """The accounts of those who submit jobs are the same everywhere."""
    here = {user.name: user for user in facts.users}
    wrong: set[str] = set()
    for user in facts.users:
        if user.uid is None:
            wrong.add(user.name)
            says = f"there is no account {user.name} here: no job of that user can run"
            yield fault(USERS, says, f"`useradd -m -u UID {user.name}`, as on the server's host")
        elif not user.home:
            wrong.add(user.name)
            says = f"{user.name} has no home here: the job's output has nowhere to go"
            yield warning(USERS, says, "mount the homes here, or make it")
    for host, theirs in facts.others:
        for other in theirs:
            own = here.get(other.name)
            if own is None or own.uid is None or other.uid is None or own.uid == other.uid:
                continue
            wrong.add(other.name)
            says = f"{other.name} has uid {own.uid} here, and {other.uid} on {host}"
            yield fault(USERS, says, f"`usermod -u UID {other.name}` on one of them, and chown")
    if good := sorted(here.keys() - wrong):
        compared = f", as on {', '.join(host for host, _ in facts.others)}" if facts.others else ""
        yield ok(USERS, f"{', '.join(good)}{compared}")


def python(facts: Facts) -> Iterator[Finding]:
    """The agent can run the executor."""
    if facts.side != "agent" or facts.python is None:
        return
    parts = facts.python.split(".")
    least = ".".join(map(str, _LEAST_PYTHON))
    known = len(parts) >= 2 and all(part.isdigit() for part in parts[:2])
    if known and (int(parts[0]), int(parts[1])) >= _LEAST_PYTHON:
        yield ok(PYTHON, facts.python)
        return
    says = f"the executor needs Python {least}; here is {facts.python or 'none'}"
    yield fault(PYTHON, says, "install python3, or set executor.python to one that is newer")
