"""Where the loop leaves what it published, and readers on other threads find a Status of it."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from torque_mesos import __version__
from torque_mesos.admin.pools import pools_of, spent_of
from torque_mesos.admin.status import (
    Amounts,
    Counters,
    JobStatus,
    NodeStatus,
    QueueStatus,
    Status,
    Why,
)
from torque_mesos.decide import Policy
from torque_mesos.decide.reason import Reason
from torque_mesos.decide.worker import Phase, phase
from torque_mesos.framework.journal import line_of
from torque_mesos.framework.published import Published
from torque_mesos.model import JobState, Reading, Resources

_NOT_WAITING = frozenset({JobState.RUNNING, JobState.EXITING, JobState.COMPLETE})


class StatusBoard:
    """Holds the last published turn. `publish` costs the loop nothing: readers convert it.

    `problems` gives sentences on what the loop does not know of (a journal that cannot be
    written, say), asked at each reading. `clock` is the loop's.
    """

    def __init__(
        self,
        policy: Policy,
        problems: Callable[[], tuple[str, ...]] = tuple,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._policy = policy
        self._problems = problems
        self._clock = clock
        self._started_s = clock()
        self._lock = threading.Lock()
        self._published: Published | None = None
        self._converted: tuple[Published, Status] | None = None

    def publish(self, published: Published) -> None:
        """Leave a turn here. Any thread."""
        self._published = published

    def read(self) -> Status | None:
        """The last turn's status; None before the first turn. Any thread."""
        published = self._published
        if published is None:
            return None
        with self._lock:
            if self._converted is None or self._converted[0] is not published:
                status = status_of(published, self._policy, self._problems())
                self._converted = (published, status)
            return self._converted[1]

    def last_turn(self) -> dict[str, Any] | None:
        """What the last turn knew and did, as a journal's line; None before the first. Any thread.

        Who asks decides on it himself: see `torque-mesos plan`.
        """
        published = self._published
        return None if published is None else line_of(published, self._policy)

    def ailments(self, stale_after_s: float) -> tuple[str, ...]:
        """What is wrong now, as sentences; empty when all is well.

        `stale_after_s`: a last turn that is older is an ailment.
        """
        published = self._published
        since_s = self._started_s if published is None else published.at_s
        age_s = self._clock() - since_s
        found = []
        if age_s > stale_after_s:
            found.append(f"the last turn was {age_s:.0f} s ago")
        if published is None:
            return (*found, "no turn has been made yet")
        if not published.connected:
            found.append("not connected with the Mesos master")
        elif not published.snapshot.mesos_ready:
            found.append("the master has not told of all our tasks yet")
        if published.server_error is not None:
            found.append(f"the batch server cannot be read: {published.server_error}")
        return (*found, *self._problems())


def status_of(published: Published, policy: Policy, problems: tuple[str, ...] = ()) -> Status:
    """The status that a turn's result shows to readers."""
    snapshot, reading = published.snapshot, published.snapshot.reading
    held = sum((worker.resources for worker in snapshot.workers), Resources())
    server = () if published.server_error is None else (published.server_error,)
    unreadable = reading.problems if reading is not None else ()
    return Status(
        time=published.wall_s,
        version=__version__,
        framework_id=published.framework_id,
        master=published.master,
        connected=published.connected,
        tasks_known=snapshot.mesos_ready,
        server_reachable=published.server_error is None and reading is not None,
        agents=len(snapshot.agents),
        offers=len(snapshot.offers),
        held=Amounts(len(snapshot.workers), held.cpus, held.mem_mb),
        limit=Amounts(policy.limit.nodes, policy.limit.cpus, policy.limit.mem_mb),
        floor_slots=policy.floor_slots,
        problems=(*server, *unreadable, *published.action_errors, *problems),
        queues=_queues(reading, policy) if reading is not None else (),
        jobs=_jobs(reading, published.plan.jobs) if reading is not None else (),
        nodes=_nodes(published, policy),
        counters=Counters(
            turns=published.turns,
            turn_errors=published.turn_errors,
            last_turn_error=published.last_turn_error,
            turn_s=published.turn_s,
        ),
        pools=pools_of(published, policy),
        spent=spent_of(published, policy, "", policy.budget),
        protected=_why(published.plan.protected),
    )


def _why(reason: Reason | None) -> Why | None:
    return None if reason is None else Why(reason.code.value, reason.text, dict(reason.numbers))


def _queues(reading: Reading, policy: Policy) -> tuple[QueueStatus, ...]:
    waiting = Counter(job.queue for job in reading.jobs if job.state not in _NOT_WAITING)
    running = Counter(
        job.queue for job in reading.jobs if job.state in (JobState.RUNNING, JobState.EXITING)
    )
    names = dict.fromkeys([*(queue.name for queue in reading.queues), *waiting, *running])
    return tuple(
        QueueStatus(name, policy.watches(name), waiting[name], running[name]) for name in names
    )


def _jobs(reading: Reading, reasons: Mapping[str, Reason]) -> tuple[JobStatus, ...]:
    return tuple(
        JobStatus(
            job_id=job.job_id,
            name=job.name,
            owner=job.owner,
            queue=job.queue,
            state=job.state.value,
            nodes=job.exec_nodes,
            why=_why(reasons.get(job.job_id)),
        )
        for job in reading.jobs
        if job.state is not JobState.COMPLETE
    )


def _nodes(published: Published, policy: Policy) -> tuple[NodeStatus, ...]:
    snapshot, reasons = published.snapshot, published.plan.nodes
    reading = snapshot.reading
    records = {node.name: node for node in reading.nodes} if reading is not None else {}
    workers = {worker.node: worker for worker in snapshot.workers}
    agents = {agent.hostname: agent for agent in snapshot.agents if agent.active}
    found = []
    for name in sorted({*records, *workers, *agents} - {policy.capacity_record}):
        record, worker = records.get(name), workers.get(name)
        managed = record is not None and policy.manages(record, agents.get(name))
        where = phase(record, worker, managed)
        if where is Phase.FOREIGN and worker is None and name not in agents:
            continue
        resources = worker.resources if worker else Resources()
        found.append(
            NodeStatus(
                name=name,
                phase=where.name.lower(),
                np=record.np if record else 0,
                used=len(record.slots) if record else 0,
                granted=worker.slots if worker else 0,
                cpus=resources.cpus,
                mem_mb=resources.mem_mb,
                states=tuple(sorted(state.value for state in record.states)) if record else (),
                jobs=tuple(sorted(record.jobs)) if record else (),
                why=_why(reasons.get(name)),
            )
        )
    return tuple(found)
