"""How the processes of a running job are ended: first its epilogue.precancel, then the signals."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Optional

from . import mom_pelog, pelog

if TYPE_CHECKING:
    from .mom_job import MomJob


def terminate(job: MomJob, kill_after_s: Optional[float]) -> None:
    """Send SIGTERM and, where a time is given, SIGKILL so many seconds later.

    `epilogue.precancel` runs before SIGTERM whoever asked for it (`qdel`, `qsig`, a limit), and
    what it ends with changes nothing; it does not run for `qrerun`. Seen on TORQUE 6.1.3.
    """

    def ready(_verdict: int) -> None:
        if job.running:
            job.signal_now(signal.SIGTERM, "gracefully " if job.rerun else "")
            if kill_after_s is not None:
                timer = job.mom.loop.call_later(kill_after_s, job.kill_now)
                job.timers.append(timer)

    if job.rerun:
        ready(pelog.FINE)
        return
    words = job.epilogue_arguments({}, job.watch.overrun)
    mom_pelog.run(job.mom, pelog.PRECANCEL, job.order, 0, words, "", ready)
