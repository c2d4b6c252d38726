"""What is done to single jobs of OpenPBS: a lost mom is missed, a job is held."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from torque_mesos.batch.openpbs_commands import (
    JOB_FINISHED,
    NO_MOM,
    UNKNOWN_JOB,
    WRONG_JOB_STATE,
    OpenPbsCalls,
    accepted,
)
from torque_mesos.batch.openpbs_nodes import NodeRecord
from torque_mesos.model import NodeState


class Hands:
    """Does it, and knows of the last reading which jobs have moms that were never heard."""

    def __init__(self, calls: OpenPbsCalls) -> None:
        self._calls = calls
        self._lock = threading.Lock()  # of what follows
        self._unheard: frozenset[str] = frozenset()
        self._held_arrays: set[str] = set()

    def saw(self, nodes: Iterable[NodeRecord]) -> None:
        """The nodes were read anew."""
        unheard = (record for record in nodes if NodeState.UNKNOWN in record.node.states)
        with self._lock:
            self._unheard = frozenset(job for record in unheard for job in record.jobs)
            self._held_arrays.clear()

    def miss(self, job_id: str) -> None:
        """Make the server call the mom of a job, where it has not heard her since its start.

        The signal 0 does nothing to a job that runs. Other moms are not called: qsig would wait
        for one that is silent until the server gives her up, which it does by itself.
        """
        with self._lock:
            unheard = job_id in self._unheard
        if unheard:
            answer = self._calls.run("qsig", "-s", "0", job_id)
            accepted(answer, NO_MOM, UNKNOWN_JOB, JOB_FINISHED, WRONG_JOB_STATE)

    def hold(self, job_id: str, comment: str) -> None:
        """See `OpenPbsServer.hold`. An array is held once for all its sub-jobs.

        The comment comes last: the scheduler writes its own when it starts the job.
        """
        number, bracket, rest = job_id.partition("[")
        if bracket:
            job_id = f"{number}[]{rest.partition(']')[2]}"
            with self._lock:
                if job_id in self._held_arrays:
                    return
        accepted(self._calls.run("qhold", "-h", "s", job_id))
        quoted = comment.replace('"', "'")  # a comma would end it, were it not in quotes
        accepted(self._calls.run("qalter", "-W", f'comment="{quoted}"', job_id))
        if bracket:
            with self._lock:
                self._held_arrays.add(job_id)
