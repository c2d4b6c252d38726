"""Jobs whose files could not be copied, as TORQUE's server treats them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from .records import Job

if TYPE_CHECKING:
    from .running import Runner

AGAIN_S = 1800.0
SUBSTATE = 37
_NOT_COPIED = "Unable to copy files back - please see the mother superior's log for exact details."


def stagein_failed(runner: Runner, job: Job, scale: float) -> None:
    """A job did not get its files: it waits half an hour, and is tried again.

    It goes on to show the host and the comment of its start.
    """
    job.start_count -= 1
    job.started, job.session, job.exit_status, job.used = 0, None, None, {}
    job.execute_at = time.time() + AGAIN_S * scale
    runner.wait(job, SUBSTATE)


def not_copied(job: Job) -> None:
    """A job that is over left files where they were."""
    job.others["sched_hint"] = _NOT_COPIED
