"""A mom's status reports to the server, and what it learns from their answers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, List, Optional

from .mom_status import host_status
from .wire import Message

if TYPE_CHECKING:
    from .mom import Mom

REPORT_FLOOR_S = 0.25

# How long a mom waits for the list of the other moms before it asks again (TORQUE's constant).
LIST_AGAIN_S = 45.0

_LIST = "Successfully received the mom hierarchy file. My okclients list is '{}'"


class Reports:
    """Reports now and again; keeps the pace and the list of moms that the server gives."""

    def __init__(self, mom: Mom) -> None:
        self._mom = mom
        self._scale = 1.0
        self.problem = ""
        """What the reports complain of, empty where all is well."""
        self._list_asked: Optional[float] = None
        self.clients: List[str] = []
        self._timer = mom.loop.call_later(0, self.report)

    def scaled(self, delay_s: float) -> float:
        """A delay of TORQUE's at the speed that the server has set."""
        return delay_s * self._scale

    def report(self) -> None:
        """Send a status report now, and the next when it is time."""
        self._again_later()
        self._mom.tell_server(self.status(), self._reported)

    def _again_later(self) -> None:
        self._timer.cancel()
        interval = max(REPORT_FLOOR_S, self.scaled(self._mom.config.status_update_s))
        self._timer = self._mom.loop.call_later(interval, self.report)

    def clear(self) -> None:
        """Complain no more: `momctl -q clearmsg`."""
        self.problem = ""

    def status(self) -> Message:
        """One report."""
        running = {key: job for key, job in self._mom.jobs.items() if job.obituary is None}
        jobs = {
            key: {"used": job.used(), "session": job.session} if job.session else None
            for key, job in running.items()
        }
        jobs.update(dict.fromkeys(self._mom.sisters.job_ids()))
        return {
            "op": "status",
            "node": self._mom.name,
            "status": host_status(sorted(jobs), self.problem),
            "jobs": jobs,
            "list": not self._wants_list(),
        }

    def _wants_list(self) -> bool:
        now = time.monotonic()
        asked = self._list_asked
        if self.clients or (asked is not None and now - asked < self.scaled(LIST_AGAIN_S)):
            return False
        self._list_asked = now
        return True

    def _reported(self, reply: Optional[Message], error: Optional[Exception]) -> None:
        mom = self._mom
        if reply is None:
            mom.log.write(f"no answer from the server: {error}")
            return
        if self._scale != reply["scale"]:
            self._scale = float(reply["scale"])
            self._again_later()
        if "error" in reply:
            mom.log.write(f"status not accepted by the server: {reply['text']}")
        for job_id in reply.get("purge", []):
            mom.log.write("purged at the server's word", "Job", job_id)
            if job_id in mom.jobs:
                mom.jobs[job_id].purge()
            else:
                # Its first host's mom could not tell us that it is over.
                mom.sisters.end({"job": job_id, "status": 0})

    # --- who the other moms are ---------------------------------------------------------

    def take_list(self, clients: List[str]) -> None:
        """The server's list: only who is on it may speak of jobs here."""
        self.clients = [*clients, "127.0.0.1:0"]
        self._mom.log.write(_LIST.format(",".join(self.clients)), "node")

    def knows(self, address: str) -> bool:
        """Whether a host is on the list; one that is not is not listened to."""
        if any(client.rsplit(":", 1)[0] == address for client in self.clients):
            return True
        self._mom.log.write(f"tcp_request, bad connect from {address}")
        return False
