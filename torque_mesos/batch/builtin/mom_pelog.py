"""Prologues and epilogues of a mom."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Callable, List, Sequence

from . import launch, pelog
from .processes import kill_session
from .wire import Message

if TYPE_CHECKING:
    from .mom import Mom

TIMED_OUT = -4
KILLED = 256  # and the signal's number


def run(
    mom: Mom,
    name: str,
    order: Message,
    number: int,
    arguments: List[str],
    output: str,
    ended: Callable[[int], None],
) -> None:
    """Run a prologue or epilogue if there is one; `ended` gets the verdict."""
    priv = mom.home.join("mom_priv")
    path = pelog.path_of(priv, name, order)
    if not path:
        ended(pelog.FINE)
        return
    account = launch.account_of(order["user"])
    if not pelog.permitted(path, name, account):
        _failed(mom, name, f"{path}, exit: -1, permission Error", order["job"])
        ended(pelog.RETRY)
        return
    node_file = mom.home.join("aux", order["job"])
    environ = pelog.environment(order, number, node_file, mom.job_path)
    users = pelog.as_user(name)
    folder = pelog.home_of(order["user"]) if users else priv

    def body() -> int:
        if users:
            launch.become(account, order["group"])
        written = launch.open_output(output, account) if output else -1
        if name in pelog.CLOSED:
            os.umask(pelog.CLOSED_UMASK)
        return launch.run_script(path, arguments, environ, folder, written)

    too_late: List[int] = []

    def finished(status: int, _cpu: float, _memory: int) -> None:
        alarm.cancel()
        if too_late:
            status, what = TIMED_OUT, "prolog/epilog timeout occurred, child cleaned up"
        elif status >= KILLED:
            # By another's signal, as when the mom's host is cleared: to TORQUE it did not fail.
            status, what = 0, ""
        else:
            what = "nonzero p/e exit status"
        if status:
            _failed(mom, name, f"{path}, exit: {status}, {what}", order["job"])
        ended(pelog.verdict(status))

    def end() -> None:
        too_late.append(session)
        kill_session(session)

    session = mom.children.fork(body, finished)
    # TORQUE ends them ten seconds before the time that is set.
    alarm = mom.loop.call_later(max(0.1, mom.scaled(mom.prologue_alarm_s - 10)), end)


def _failed(mom: Mom, name: str, what: str, job_id: str) -> None:
    """Log it; what a sister runs, and what runs before SIGTERM, reports tell of from now on.

    TORQUE's mom runs the others in a child, and what that has to complain of is lost.
    """
    text = f"prolog/epilog failed, file: {what}"
    mom.log.write(text, "Job", job_id)
    if name == pelog.PRECANCEL:
        mom.reports.problem = "ERROR:  precancel epilog failed"
    elif name in (*pelog.SISTER_PROLOGUES, *pelog.SISTER_EPILOGUES):
        mom.reports.problem = f"ERROR: {text}"


def run_all(
    mom: Mom,
    names: Sequence[str],
    order: Message,
    number: int,
    arguments: List[str],
    ended: Callable[[int], None],
    output: str = "",
) -> None:
    """Run some one after the other, up to the first that fails; `ended` gets the verdict."""
    if not names:
        ended(pelog.FINE)
        return

    def next_one(verdict: int) -> None:
        if verdict == pelog.FINE:
            run_all(mom, names[1:], order, number, arguments, ended, output)
        else:
            ended(verdict)

    run(mom, names[0], order, number, arguments, output, next_one)
