"""The batch server as it was read last, and when it is read again."""

from __future__ import annotations

import structlog

from torque_mesos.batch.base import BatchError, BatchServer, Hears
from torque_mesos.framework.false_starts import FalseStarts, Holder
from torque_mesos.framework.unknown_users import UnknownUsers
from torque_mesos.model import Reading

_log = structlog.get_logger(__name__)
_HURRY_S = 0.02  # after a change of ours, look again so soon ...
_HURRIES = 25  # ... so many times in a row, then once a second


class ServerReader:
    """Reads the batch server every `poll_s`, and sooner where something may have changed.

    `reading` is None after a reading that failed, and `error` says why. `due_s`: when to read
    again, by the loop's clock.
    """

    def __init__(
        self, server: BatchServer, poll_s: float, unknown_users: UnknownUsers | None = None
    ) -> None:
        self._server = server
        self._poll_s = poll_s
        self._false_starts = FalseStarts(server) if isinstance(server, Holder) else None
        self._unknown_users = unknown_users
        self._hurries = 0
        self.reading: Reading | None = None
        self.error: str | None = None
        self.due_s = float("-inf")

    def read(self, now_s: float) -> None:
        """Read now. Never raises BatchError: a failure is told once, and tried again."""
        try:
            self.reading = self._server.read()
        except BatchError as error:
            if self.error is None:
                _log.error("the batch server cannot be read", error=str(error))
            self.reading, self.error = None, str(error)
            self.due_s = now_s + 1.0
            return
        if self.error is not None:
            _log.info("the batch server can be read again")
        for problem in self.reading.problems:
            _log.warning("a record was left out", problem=problem)
        self.error = None
        self.due_s = now_s + self._poll_s
        if self._false_starts is not None:
            self._false_starts.look(self.reading.jobs, now_s)
        if self._unknown_users is not None:
            self.reading = self._unknown_users.look(self.reading)

    def acted(self, now_s: float, *, changed: bool) -> None:
        """A plan was carried out. `changed`: nodes or workers were, so look again soon."""
        if not changed:
            self._hurries = 0
            return
        if isinstance(self._server, Hears):
            self._server.renew()
        self._hurries += 1
        pause_s = _HURRY_S if self._hurries < _HURRIES else 1.0
        self.due_s = min(self.due_s, now_s + pause_s)
