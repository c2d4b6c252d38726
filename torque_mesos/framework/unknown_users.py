"""Jobs of users whom an agent does not know: they get a hold, and a reason, before they run there.

Executors are asked for the users of all jobs when they begin, and when one more comes; their
answers are in `View.lacking`. A node is online only after its executor has spoken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import structlog

from torque_mesos.batch.base import BatchError
from torque_mesos.decide.grammar import RequestError
from torque_mesos.decide.reason import HOLD_MARK
from torque_mesos.decide.request import parse_request
from torque_mesos.framework.false_starts import Holder
from torque_mesos.framework.view import View
from torque_mesos.model import Job, JobState, Node, Reading

_log = structlog.get_logger(__name__)
MOST = 1000  # users that are asked for


class UnknownUsers:
    """Looks at every reading of the server. Used by the loop's thread only.

    `asked`: the users that executors are to be asked for. A server that cannot hold jobs is
    left alone.
    """

    def __init__(self, server: object, view: View) -> None:
        self._holder = server if isinstance(server, Holder) else None
        self._view = view
        self._users: set[str] = set()
        self._refused: set[str] = set()
        self.asked: Sequence[str] = ()

    def look(self, reading: Reading) -> Reading:
        """Hold the jobs that could start on nodes that lack their users."""
        if self._holder is None:
            return reading
        self._ask(reading)
        lacking = {name: users for name, users in self._view.lacking().items() if users}
        if not lacking:
            return reading
        nodes = [node for node in reading.nodes if node.name in lacking]
        jobs = tuple(self._held(self._holder, job, nodes, lacking) for job in reading.jobs)
        return replace(reading, jobs=jobs)

    def _ask(self, reading: Reading) -> None:
        new = {job.user for job in reading.jobs if job.state is not JobState.COMPLETE}
        new -= {"", *self._users}
        if new and len(self._users) < MOST:
            self._users |= new
            self.asked = tuple(sorted(self._users))

    def _held(
        self, holder: Holder, job: Job, nodes: list[Node], lacking: Mapping[str, frozenset[str]]
    ) -> Job:
        where = [
            node.name for node in nodes if job.user in lacking[node.name] and _may_run(job, node)
        ]
        if not where:
            return job
        comment = (
            f"{HOLD_MARK}user {job.user} is not known on {' '.join(sorted(where))}."
            " When the account is there: qrls."
        )
        try:
            holder.hold(job.job_id, comment)
        except BatchError as error:
            if job.job_id not in self._refused:
                self._refused.add(job.job_id)
                _log.warning("a job could not be held", job=job.job_id, error=str(error))
            return job
        _log.warning("a job's user is not known", job=job.job_id, comment=comment)
        return replace(job, state=JobState.HELD, holds=f"{job.holds}s", comment=comment)


def _may_run(job: Job, node: Node) -> bool:
    """Whether a job may be started on a node, on some of its slots at least."""
    if job.state is not JobState.QUEUED:
        return False
    try:
        request = parse_request(job.resources)
    except RequestError:
        return False
    has = {node.name, *node.properties}
    return any(chunk.names <= has for chunk in request.chunks)
