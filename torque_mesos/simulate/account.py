"""What happened in a simulation: when each job ran, and what was held and used over time."""

from __future__ import annotations

from dataclasses import dataclass, field

from torque_mesos.model import Resources
from torque_mesos.simulate.clock import Clock
from torque_mesos.simulate.trace import TraceJob


@dataclass(slots=True)
class Outcome:
    """One job's life, by the clock. `start_s` is of its last start, None before.

    `queued_s`: since when it is in the queue, or was; `waited_s`: how long it was there before its
    starts, all together.
    """

    job: TraceJob
    submit_s: float
    queued_s: float
    waited_s: float = 0.0
    start_s: float | None = None
    end_s: float | None = None
    starts: int = 0


@dataclass(frozen=True, slots=True)
class Point:
    """Slots that wait, are held and are used from a time on."""

    at_s: float
    queued: int
    held: float
    used: int


@dataclass(slots=True)
class Account:
    """Counts and integrals over time. cpus are those of Mesos, used ones the jobs' slots."""

    clock: Clock
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    points: list[Point] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    queued: int = 0
    used: int = 0
    held: float = 0.0
    nodes: int = 0
    used_cpu_s: float = 0.0
    held_cpu_s: float = 0.0
    held_node_s: float = 0.0
    mem_mb: float = 0.0  # held
    gpus: int = 0  # held
    used_gpus: int = 0
    held_mem_mb_s: float = 0.0
    held_gpu_s: float = 0.0
    used_gpu_s: float = 0.0
    lost_cpu_s: float = 0.0  # of jobs that were started again
    last_s: float = 0.0

    def add(
        self,
        *,
        queued: int = 0,
        used: int = 0,
        held: float = 0.0,
        nodes: int = 0,
        mem_mb: float = 0.0,
        gpus: int = 0,
        used_gpus: int = 0,
    ) -> None:
        """Something changed now. `mem_mb`, `gpus`: held."""
        now_s = self.clock.now_s
        self._bring_up(now_s)
        self.queued += queued
        self.used += used
        self.held = round(self.held + held, 3)
        self.nodes += nodes
        self.mem_mb = round(self.mem_mb + mem_mb, 3)
        self.gpus += gpus
        self.used_gpus += used_gpus
        point = Point(now_s, self.queued, self.held, self.used)
        if self.points and self.points[-1].at_s == now_s:
            self.points[-1] = point
        else:
            self.points.append(point)

    def hold(self, more: Resources, nodes: int) -> None:
        """So much more is held (less, where it is below zero)."""
        self.add(held=more.cpus, mem_mb=more.mem_mb, gpus=more.gpus, nodes=nodes)

    def _bring_up(self, now_s: float) -> None:
        span_s = now_s - self.last_s
        self.used_cpu_s += self.used * span_s
        self.held_cpu_s += self.held * span_s
        self.held_node_s += self.nodes * span_s
        self.held_mem_mb_s += self.mem_mb * span_s
        self.held_gpu_s += self.gpus * span_s
        self.used_gpu_s += self.used_gpus * span_s
        self.last_s = now_s

    def close(self) -> None:
        """The simulation is over."""
        self._bring_up(self.clock.now_s)

    def count(self, what: str, more: int = 1) -> None:
        """Something happened."""
        self.counts[what] = self.counts.get(what, 0) + more

    # -- jobs ------------------------------------------------------------------

    def submitted(self, job: TraceJob) -> None:
        """A job is in the queue."""
        self.outcomes[job.job_id] = Outcome(job, self.clock.now_s, self.clock.now_s)
        self.add(queued=job.request.slots)

    def started(self, job: TraceJob) -> None:
        """A job's first instruction."""
        outcome = self.outcomes[job.job_id]
        outcome.start_s = self.clock.now_s
        outcome.waited_s += outcome.start_s - outcome.queued_s
        outcome.starts += 1
        slots = job.request.slots
        self.add(queued=-slots, used=slots, used_gpus=job.request.gpus)

    def ended(self, job: TraceJob) -> None:
        """A job's last instruction."""
        self.outcomes[job.job_id].end_s = self.clock.now_s
        self.add(used=-job.request.slots, used_gpus=-job.request.gpus)

    def broken(self, job: TraceJob, since_s: float) -> None:
        """A job lost its host; what it did is lost."""
        self.lost_cpu_s += (self.clock.now_s - since_s) * job.request.slots
        self.add(used=-job.request.slots, used_gpus=-job.request.gpus)

    def requeued(self, job: TraceJob) -> None:
        """A broken job waits again."""
        outcome = self.outcomes[job.job_id]
        outcome.start_s, outcome.queued_s = None, self.clock.now_s
        self.add(queued=job.request.slots)
