"""Bringing a job's files, then asking its other hosts to join it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Callable, Dict, List, Optional, Tuple

from . import mom_staging, pelog
from .loop import Timer
from .wire import Message

if TYPE_CHECKING:
    from .mom import Mom

AGAIN_S = 300.0
LIMIT_S = 600.0


class Joining:
    """Asks until all have joined, or one cannot, or the time is over."""

    def __init__(
        self, mom: Mom, order: Message, joined: Callable[[], None], failed: Callable[[int], None]
    ) -> None:
        self._mom = mom
        self._order = order
        self._joined = joined
        self._failed = failed
        self._timers: List[Timer] = []
        self._stopped = False
        self.reason = ""  # in words, where a host has told one
        self.waiting: Dict[str, Tuple[str, int]] = {
            name: (address, port) for name, _, address, port in order["hosts"][1:]
        }

    def start(self) -> None:
        """Begin; `failed` gets an exit status where it comes to nothing."""
        mom_staging.stage_in(self._mom, self._order, self._staged)

    def _staged(self, copied: bool) -> None:
        if self._stopped:
            return
        if not copied:
            self._failed(pelog.STAGEIN_FAILED)
            return
        if self._order.get("stagein"):
            told = {"op": "staged", "job": self._order["job"], "run": self._order["run"]}
            self._mom.tell_server(told, lambda _reply, _error: None)
        if not self.waiting:
            self._joined()
            return
        self._ask()
        self._timers.append(self._mom.loop.call_later(self._mom.scaled(LIMIT_S), self._give_up))

    def stop(self) -> None:
        """Wait no more."""
        self.waiting = {}
        self._stopped = True
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def _ask(self) -> None:
        for name, address in list(self.waiting.items()):
            folder = self._order["variables"].get("PBS_O_WORKDIR", "")
            order = {**self._order, "script": "", "variables": {"PBS_O_WORKDIR": folder}}
            message = {"op": "join", "job": self._order["job"], "order": order}
            self._mom.ask(address, message, partial(self._answered, name), timeout_s=3600)
        self._timers.append(self._mom.loop.call_later(self._mom.scaled(AGAIN_S), self._ask))

    def _answered(self, name: str, reply: Optional[Message], error: Optional[Exception]) -> None:
        if reply is None:
            # TORQUE waits on; the join is asked again, and in the end the job fails.
            text = f"no answer to JOIN from {name}: {error}"
            self._mom.log.write(text, "Job", self._order["job"])
            return
        # A sister answers by a connection of its own: it is refused where it is not known here.
        if name not in self.waiting or not self._mom.reports.knows(self.waiting[name][0]):
            return
        del self.waiting[name]
        if reply.get("reason"):
            self.reason = str(reply["reason"])
            self.stop()
            self._failed(pelog.NO_ACCOUNT)
        elif reply.get("failed"):
            self._give_up()
        elif not self.waiting:
            self.stop()
            self._joined()

    def _give_up(self) -> None:
        self.stop()
        self._failed(pelog.SISTER_RETRY)
