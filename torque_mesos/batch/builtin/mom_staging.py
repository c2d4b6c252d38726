"""Files that a job brings along (`-W stagein=`) and leaves (`-W stageout=`).

As TORQUE 6.1.3 was seen doing it: each copy is tried four times, a second apart; a file that is
staged out is removed here, and so are those that were staged in, when the job is over.
"""

from __future__ import annotations

import os
import time
from functools import partial
from typing import TYPE_CHECKING, Callable, List, Tuple

from . import launch
from .wire import Message

if TYPE_CHECKING:
    from .mom import Mom

TRIES = 4
AGAIN_S = 1.0

Copy = Tuple[str, List[str]]  # the path here, the command that copies


def stage_in(mom: Mom, order: Message, done: Callable[[bool], None]) -> None:
    """Copy what the job needs; `done` is told whether all is there."""
    if not order.get("stagein"):
        done(True)
        return
    copies = [
        (ours, _command(mom, theirs, ours, inward=True)) for ours, theirs in pairs(order["stagein"])
    ]
    _as_user(mom, order, partial(_copy, copies, AGAIN_S, False), done)


def stage_out(mom: Mom, order: Message, done: Callable[[bool], None]) -> None:
    """Copy what the job leaves, then remove what was staged; `done`: whether all was copied."""
    if not order.get("stageout") and not order.get("stagein"):
        done(True)
        return
    copies = [
        (ours, _command(mom, theirs, ours, inward=False))
        for ours, theirs in pairs(order["stageout"])
    ]
    brought = [ours for ours, _ in pairs(order["stagein"])]

    def body() -> int:
        failed = _copy(copies, AGAIN_S, True)
        for path in brought:
            _remove(path)
        return failed

    _as_user(mom, order, body, done)


def pairs(text: str) -> List[Tuple[str, str]]:
    """`local@host:path,...` as (local, host:path)."""
    words = [word.strip().partition("@") for word in text.split(",") if word.strip()]
    return [(ours, theirs) for ours, _, theirs in words]


def _command(mom: Mom, theirs: str, ours: str, *, inward: bool) -> List[str]:
    path = launch.local_path(theirs, mom.usecp, [mom.name])
    program = ["cp", "-rp", "--"] if path else ["scp", "-rpBq", "-o", "StrictHostKeyChecking=no"]
    there = path or theirs
    return [*program, there, ours] if inward else [*program, ours, there]


def _as_user(
    mom: Mom, order: Message, body: Callable[[], int], done: Callable[[bool], None]
) -> None:
    account = launch.account_of(order["user"])

    def child() -> int:
        launch.become(account, order["group"])
        os.umask(int(order["umask"]))
        os.chdir(account.pw_dir)
        return body()

    def ended(failed: int, _cpu_s: float, _memory_kb: int) -> None:
        if failed:
            mom.log.write(f"{failed} of its files could not be copied", "Job", order["job"])
        done(not failed)

    mom.children.fork(child, ended)


def _copy(copies: List[Copy], again_s: float, remove: bool) -> int:
    """How many could not be copied."""
    import subprocess

    failed = 0
    for ours, command in copies:
        for attempt in range(TRIES):
            if attempt:
                time.sleep(again_s)
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, check=False
            )
            if done.returncode == 0:
                break
        else:
            failed += 1
            continue
        if remove:
            _remove(ours)
    return failed


def _remove(path: str) -> None:
    import shutil

    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, ignore_errors=True)
    elif os.path.lexists(path):
        os.unlink(path)
