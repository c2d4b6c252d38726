"""A mom's part in the jobs of other moms."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Callable, Dict, List, Optional

from . import launch, mom_pelog, pelog
from .loop import Connection
from .mom_limits import Use, use_of
from .processes import kill_session, of_session
from .wire import Message

if TYPE_CHECKING:
    from .mom import Mom


class Sisters:
    """The jobs of other moms that this mom has joined; a file each outlives this mom."""

    def __init__(self, mom: Mom) -> None:
        self._mom = mom
        self._joined: Dict[str, Message] = {}
        # Jobs whose epilogues run here, and who wants to hear of their end.
        self._ending: Dict[str, List[Callable[[], None]]] = {}

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

    def job_ids(self) -> List[str]:
        """The jobs that are joined."""
        return list(self._joined)

    def task_ended(self, job_id: str, cpu_s: float) -> None:
        """A task here has ended, and used so much while it lived."""
        if job_id in self._joined:
            self._joined[job_id]["ended_s"] += cpu_s

    def use(self, address: str, job_id: str) -> Message:
        """What a joined job uses here, for the mom of its first host."""
        joined = self._joined.get(job_id)
        if joined is None or not self._mom.reports.knows(address):
            return {"error": "no such job here"}
        seen = use_of([pid for session in joined["tasks"] for pid in of_session(int(session))])
        return {"use": [seen.cpu_s + joined["ended_s"], seen.memory_kb, seen.virtual_kb]}

    def keep(self, job_id: str) -> None:
        """Write down what is known of a joined job."""
        if job_id in self._joined:
            self._mom.keep_file(self._path(job_id), self._joined[job_id])

    def join(self, address: str, connection: Connection, message: Message) -> None:
        """Join a job, unless its first host is not known here; the prologue's end is the answer."""
        if not self._mom.reports.knows(address):
            connection.close()
            return
        job_id, order = str(message["job"]), message["order"]
        names = [host[0] for host in order["hosts"]]
        number = names.index(self._mom.name) if self._mom.name in names else 0
        self._mom.log.write(f"JOIN JOB as node {number}", "Job", job_id)
        try:
            launch.account_of(order["user"])
        except KeyError:
            # TORQUE's mom refuses it as well; its server then starts the job again for ever.
            text = f"no password entry for user {order['user']}"
            self._mom.log.write(text, "Job", job_id)
            connection.send({"failed": True, "reason": f"{text} on {self._mom.name}"}, last=True)
            return
        self._joined[job_id] = {"order": order, "number": number, "tasks": [], "ended_s": 0.0}
        self.keep(job_id)

        def ended(verdict: int) -> None:
            connection.send({"failed": verdict != pelog.FINE}, last=True)

        # Seen on TORQUE: the path where the first host has the script; here there is none.
        script = self._mom.home.join("mom_priv", "jobs", f"{job_id}.SC")
        arguments = pelog.prologue_arguments(order, script)
        mom_pelog.run_all(self._mom, pelog.SISTER_PROLOGUES, order, number, arguments, ended)

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
        # Seen on TORQUE: what the job used elsewhere, and how it ended, a sister is not told.
        arguments = pelog.epilogue_arguments(order, "", 0, Use(0, 0, 0).told(0), 0)
        names = pelog.SISTER_EPILOGUES
        self._ending[job_id] = []

        def ended(_verdict: int) -> None:
            for hear in self._ending.pop(job_id, []):
                hear()

        mom_pelog.run_all(self._mom, names, order, number, arguments, ended)

    def when_ended(self, job_id: str, connection: Connection) -> None:
        """Answer when the epilogues of a job that was left are over; at once if none run."""

        def hear() -> None:
            connection.send({}, last=True)

        if job_id in self._ending:
            self._ending[job_id].append(hear)
        else:
            hear()
