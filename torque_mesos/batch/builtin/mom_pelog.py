"""Prologues and epilogues of a mom, and its part in the jobs of other moms."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Callable, Dict, List, Optional, Sequence

from . import launch, pelog
from .home import write_file
from .loop import Connection
from .processes import kill_session
from .wire import Message

if TYPE_CHECKING:
    from .mom import Mom


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
        mom.reports.failed(f"{path}, exit: -1, permission Error", order["job"])
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
        return launch.run_script(path, arguments, environ, folder, written)

    def finished(status: int, _cpu: float, _memory: int) -> None:
        alarm.cancel()
        if status:
            mom.reports.failed(f"{path}, exit: {status}, nonzero p/e exit status", order["job"])
        ended(pelog.verdict(status))

    session = mom.children.fork(body, finished)
    # TORQUE ends them ten seconds before the time that is set.
    limit = max(0.1, mom.scaled(mom.prologue_alarm_s - 10))
    alarm = mom.loop.call_later(limit, lambda: kill_session(session))


def run_all(
    mom: Mom,
    names: Sequence[str],
    order: Message,
    number: int,
    arguments: List[str],
    ended: Callable[[int], None],
) -> None:
    """Run some one after the other, up to the first that fails; `ended` gets the verdict."""
    if not names:
        ended(pelog.FINE)
        return

    def next_one(verdict: int) -> None:
        if verdict == pelog.FINE:
            run_all(mom, names[1:], order, number, arguments, ended)
        else:
            ended(verdict)

    run(mom, names[0], order, number, arguments, "", next_one)


class Sisters:
    """The jobs of other moms that this mom has joined; a file each outlives this mom."""

    def __init__(self, mom: Mom) -> None:
        self._mom = mom
        self._joined: Dict[str, Message] = {}

    def _path(self, job_id: str) -> str:
        return self._mom.home.join("mom_priv", "jobs", f"{job_id}.JN")

    def recover(self, purge: bool) -> None:
        """Know again what the mom that was here before had joined."""
        folder = self._mom.home.join("mom_priv", "jobs")
        for name in sorted(os.listdir(folder)):
            if not name.endswith(".JN"):
                continue
            try:
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    joined = json.load(file)
                self._joined[joined["order"]["job"]] = joined
            except (OSError, ValueError, KeyError) as error:
                self._mom.log.write(f"cannot recover {name}: {error!r}")
                continue
            for session in joined["tasks"] if purge else []:
                kill_session(int(session))

    def order_of(self, job_id: str) -> Optional[Message]:
        """What a joined job is; None where it is not joined."""
        joined = self._joined.get(job_id)
        return None if joined is None else dict(joined["order"])

    def sessions(self, job_id: str) -> List[int]:
        """The sessions of a joined job's tasks here, to be changed."""
        found: List[int] = self._joined.get(job_id, {}).get("tasks", [])
        return found

    def keep(self, job_id: str) -> None:
        """Write down what is known of a joined job."""
        if job_id in self._joined:
            write_file(self._path(job_id), json.dumps(self._joined[job_id]), 0o600)

    def join(self, address: str, connection: Connection, message: Message) -> None:
        """Join a job, unless its first host is not known here; the prologue's end is the answer."""
        if not self._mom.reports.knows(address):
            connection.close()
            return
        job_id, order = str(message["job"]), message["order"]
        names = [host[0] for host in order["hosts"]]
        number = names.index(self._mom.name) if self._mom.name in names else 0
        self._mom.log.write(f"JOIN JOB as node {number}", "Job", job_id)
        self._joined[job_id] = {"order": order, "number": number, "tasks": []}
        self.keep(job_id)

        def ended(verdict: int) -> None:
            connection.send({"failed": verdict != pelog.FINE}, last=True)

        arguments = pelog.prologue_arguments(order, "")
        run_all(self._mom, pelog.SISTER_PROLOGUES, order, number, arguments, ended)

    def end(self, message: Message) -> None:
        """Leave a job; its tasks here end with it."""
        job_id = str(message["job"])
        joined = self._joined.pop(job_id, None)
        if joined is None:
            return
        for session in joined["tasks"]:
            kill_session(int(session))
        if os.path.exists(self._path(job_id)):
            os.unlink(self._path(job_id))
        order, number = joined["order"], joined["number"]
        arguments = pelog.epilogue_arguments(order, "", 0, {}, int(message["status"]))
        run_all(self._mom, pelog.SISTER_EPILOGUES, order, number, arguments, lambda _: None)
