"""The end of a job on its other hosts: telling them, and waiting until they are done."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Callable, Dict, Optional, Tuple

from .wire import Message

if TYPE_CHECKING:
    from .mom import Mom

LIMIT_S = 600.0  # as TORQUE's `$job_exit_wait_time`

Ended = Callable[[], None]


def tell(mom: Mom, order: Message, status: int, ended: Optional[Ended] = None) -> None:
    """Tell a job's other hosts that it is over; `ended` is called when their epilogues are.

    A host that does not answer at once is not waited for: its mom is dead, or without network.
    Nor is one whose epilogues last longer than `LIMIT_S`.
    """
    waiting: Dict[str, Tuple[str, int]] = {
        name: (address, port) for name, _, address, port in order["hosts"][1:]
    }

    def done(name: str, _reply: Optional[Message], _error: Optional[Exception]) -> None:
        del waiting[name]
        if not waiting and ended is not None:
            ended()

    def told(name: str, reply: Optional[Message], error: Optional[Exception]) -> None:
        if reply is None or ended is None:
            if error is not None:
                mom.log.write(f"no answer to KILL from {name}: {error}", "Job", order["job"])
            done(name, reply, error)
            return
        message = {"op": "ended", "job": order["job"]}
        mom.ask(waiting[name], message, partial(done, name), mom.scaled(LIMIT_S))

    if not waiting and ended is not None:
        ended()
    for name, target in list(waiting.items()):
        message = {"op": "end", "job": order["job"], "status": status}
        mom.ask(target, message, partial(told, name))
