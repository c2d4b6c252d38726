"""Noticing a mom that hangs: it is asked from time to time how it is, with `momctl -d 0`.

A process that is stopped or stuck is still there, and the kernel still takes connections for
it, so only an answer tells. The server notices after minutes, and may send jobs until then.
Only a mom without jobs is asked: with jobs, the server's judgement counts. And only one that has
answered before can fall silent, for where momctl does not work nothing follows from its failure.
"""

from __future__ import annotations

import logging
import subprocess
from typing import Optional

from torque_mesos.mom.process import Mom

EVERY_S = 15.0
TIMEOUT_S = 10.0
MISSES = 2  # in a row

log = logging.getLogger(__name__)


class Probe:
    """Asks one mom. Times are those of `time.monotonic`."""

    def __init__(self) -> None:
        self._asked: Optional[subprocess.Popen[bytes]] = None
        self._asked_s: Optional[float] = None
        self._answered = False
        self._missed = 0

    def hangs(self, mom: Mom, now_s: float) -> bool:
        """Whether the mom has no job, and left several questions in a row without an answer."""
        if self._asked_s is None:  # not at once: it has just begun, and a job may wait for it
            self._asked_s = now_s
        if mom.home.jobs():
            self._missed = 0
        if self._asked is None:
            if now_s - self._asked_s >= EVERY_S and not mom.home.jobs():
                self._asked, self._asked_s = mom.ask_how_it_is(), now_s
            return False
        mom.reap()
        status = self._asked.returncode
        if status is None and now_s - self._asked_s < TIMEOUT_S:
            return False
        if status is None:
            self._asked.kill()
            self._asked.wait()
        self._asked = None
        if status == 0 and not self._answered:
            log.info("pbs_mom answers momctl")
            self._answered = True
        self._missed = 0 if status == 0 or mom.home.jobs() else self._missed + 1
        return self._answered and self._missed >= MISSES
