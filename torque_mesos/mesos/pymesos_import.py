"""pymesos, imported without its side effects on the process.

pymesos sets a SIGINT handler when it is imported, which fails in every thread but the
main one and changes what Ctrl-C does; it gives its logger a handler of its own that
writes to stderr; and it reads sockets 4,096 bytes at a time. Whoever needs pymesos
takes it from here.
"""

from __future__ import annotations

import logging
import signal
import threading
from typing import Any

READ_BYTES = 1 << 18

_set_handler = signal.signal


def _spare_sigint(number: int, handler: Any) -> Any:
    """Stands for `signal.signal` during the import: what others set is set."""
    if getattr(handler, "__module__", "") == "pymesos.process":
        return signal.getsignal(number)
    return _set_handler(number, handler)


signal.signal = _spare_sigint  # type: ignore[assignment]
try:
    import pymesos.process
    import pymesos.scheduler
finally:
    signal.signal = _set_handler

if (
    signal.getsignal(signal.SIGINT) is pymesos.process._handle_sigint
    and threading.current_thread() is threading.main_thread()
):
    # Somebody else imported pymesos before.
    signal.signal(signal.SIGINT, pymesos.process._prev_handler)

pymesos.process.PIPE_BUF = READ_BYTES
_logger = logging.getLogger("pymesos")
for _handler in list(_logger.handlers):
    _logger.removeHandler(_handler)

Connection = pymesos.process.Connection
MesosSchedulerDriver = pymesos.scheduler.MesosSchedulerDriver
