"""Jobs that TORQUE starts again and again, and that never run: they get a hold, and a reason.

A mom that does not know a job's user refuses the job before any prologue runs. TORQUE then
queues it again and starts it again at once, without an end and without a word to its user.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import structlog

from torque_mesos.batch.base import BatchError
from torque_mesos.decide.reason import HOLD_MARK
from torque_mesos.model import Job, JobState

_log = structlog.get_logger(__name__)
STARTS = 5
WITHIN_S = 90.0
_TRIES = 5


@runtime_checkable
class Holder(Protocol):
    """A batch server that can hold jobs, and counts their starts."""

    def hold(self, job_id: str, comment: str) -> None:
        """Put a system hold on a job, and say why in its comment. Raises `BatchError`."""


@dataclass
class _Seen:
    """`began_s`, `starts`: when it was first seen, and its starts then; `now_s`: last seen."""

    began_s: float
    starts: int
    nodes: set[str] = field(default_factory=set)


@dataclass
class _Held:
    comment: str
    tries: int = 0


class FalseStarts:
    """Counts starts from one reading of the server to the next."""

    def __init__(self, holder: Holder) -> None:
        self._holder = holder
        self._seen: dict[str, _Seen] = {}
        self._held: dict[str, _Held] = {}

    def look(self, jobs: Iterable[Job], now_s: float) -> None:
        """Hold each job that was started STARTS times within WITHIN_S; `now_s` never falls.

        A scheduler may write another comment in between: it is then written again.
        """
        seen: dict[str, _Seen] = {}
        held: dict[str, _Held] = {}
        for job in jobs:
            if (before := self._held.get(job.job_id)) and self._stays(job, before):
                held[job.job_id] = before
            elif job.starts and job.state in (JobState.QUEUED, JobState.RUNNING):
                known = self._seen.get(job.job_id)
                if known is None or now_s - known.began_s > WITHIN_S:
                    known = _Seen(now_s, job.starts)
                known.nodes.update(job.exec_nodes)
                if job.starts - known.starts >= STARTS:
                    held[job.job_id] = self._hold(job, known, now_s)
                else:
                    seen[job.job_id] = known
        self._seen, self._held = seen, held

    def _hold(self, job: Job, known: _Seen, now_s: float) -> _Held:
        nodes = " ".join(sorted(known.nodes)) or "its nodes"
        held = _Held(
            f"{HOLD_MARK}started {job.starts - known.starts} times in"
            f" {now_s - known.began_s:.0f} s, and no mom kept it."
            f" Is user {job.user} known on {nodes}? See mom_logs there; then qrls."
        )
        _log.warning("a job is started again and again", job=job.job_id, comment=held.comment)
        self._write(job, held)
        return held

    def _stays(self, job: Job, held: _Held) -> bool:
        """Whether a job that was held is so still, or will be; its comment is seen to."""
        if job.state not in (JobState.HELD, JobState.QUEUED, JobState.RUNNING):
            return False
        if job.comment == held.comment:
            return job.state is JobState.HELD
        if held.tries >= _TRIES:
            return False
        self._write(job, held)
        return True

    def _write(self, job: Job, held: _Held) -> None:
        held.tries += 1
        try:
            self._holder.hold(job.job_id, held.comment)
        except BatchError as error:
            _log.warning("a job could not be held", job=job.job_id, error=str(error))
