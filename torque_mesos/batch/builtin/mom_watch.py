"""Seeing that a job keeps within its limits, which may change while it runs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Callable, Dict, List

from . import mom_delivery
from .loop import Timer
from .mom_limits import OVER_WALLTIME, exceeded, seconds

if TYPE_CHECKING:
    from .mom_job import MomJob


class Watch:
    """Ends a job that is above its walltime, at that moment, or above another limit, soon."""

    def __init__(self, job: MomJob) -> None:
        self._job = job
        self._timers: List[Timer] = []
        self.overrun = 0
        """The exit status of a job that was above a limit."""

    def start(self) -> None:
        """Watch the job from now on, by the limits of its order."""
        self.stop()
        job = self._job
        if job.order["walltime"] is not None:
            left = job.started + job.order["walltime"] - time.time()
            self._later(max(0.0, left), self._over_walltime)
        self._poll()

    def alter(self, resources: Dict[str, str]) -> None:
        """Other limits, as the server knows them now."""
        order = self._job.order
        order["resources"] = {**order["resources"], **resources}
        if "walltime" in resources:
            order["walltime"] = seconds(resources["walltime"])
        self._job.keep()
        if self._job.running:
            self.start()

    def stop(self) -> None:
        """Watch no more."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def _later(self, delay_s: float, then: Callable[[], None]) -> None:
        self._timers.append(self._job.mom.loop.call_later(delay_s, then))

    def _over_walltime(self) -> None:
        used = int(time.time() - self._job.started)
        text = f"walltime {used} exceeded limit {self._job.order['walltime']}"
        self._over(OVER_WALLTIME, text)

    def _over(self, status: int, text: str) -> None:
        job = self._job
        job.mom.log.write(text, "Job", job.job_id)
        told = f"=>> PBS: job killed: {text}\n"
        mom_delivery.add_error(job.mom, job.order, job.spooled, told)
        self.overrun = status
        job.kill(5)

    def _poll(self) -> None:
        """See what the job uses, now and again."""
        job = self._job
        if job.running:
            seen = job.use.poll(job.sessions())
            over = None if self.overrun else exceeded(job.order["resources"], seen)
            if over is not None:
                self._over(*over)
            self._later(job.mom.poll_s, self._poll)
