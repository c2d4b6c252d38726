"""What a job uses on all its hosts together: polled, as TORQUE's mom does."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Dict, List, Optional

from .mom_limits import NOTHING, Use, use_of
from .processes import of_session
from .wire import Message

if TYPE_CHECKING:
    from .mom import Mom


class JobUse:
    """The use of a job as its first host's mom sees it.

    A sister that does not answer is counted as it was last seen: so does TORQUE, whose
    jobs go on when a sister's mom is dead (seen for 14 minutes).
    """

    def __init__(self, mom: Mom, order: Message) -> None:
        self._mom = mom
        self._order = order
        self._own = NOTHING
        self._ended_s = 0.0
        self._sisters: Dict[str, Use] = {}

    def poll(self, sessions: List[int]) -> Use:
        """See what the job uses here, and ask the sisters for their part. The sum so far."""
        seen = use_of([pid for session in sessions for pid in of_session(session)])
        cpu_s = max(seen.cpu_s + self._ended_s, self._own.cpu_s)
        self._own = Use(cpu_s, seen.memory_kb, seen.virtual_kb)
        for name, _, address, port in self._order["hosts"][1:]:
            message = {"op": "poll", "job": self._order["job"]}
            self._mom.ask((address, port), message, partial(self._told, str(name)))
        return self.total()

    def _told(self, name: str, reply: Optional[Message], _: Optional[Exception]) -> None:
        if reply is not None and "use" in reply:
            self._sisters[name] = Use(*reply["use"])

    def task_ended(self, cpu_s: float) -> None:
        """A task here has ended, and used so much while it lived."""
        self._ended_s += cpu_s

    def shell_ended(self, cpu_s: float, memory_kb: int) -> None:
        """The job's shell has ended; the kernel's word on what it used."""
        cpu_s = max(cpu_s + self._ended_s, self._own.cpu_s)
        self._own = Use(cpu_s, max(memory_kb, self._own.memory_kb), self._own.virtual_kb)

    def total(self) -> Use:
        """The sum over the hosts."""
        parts = [self._own, *self._sisters.values()]
        return Use(*(sum(numbers) for numbers in zip(*parts)))  # noqa: B905 - Python 3.9
