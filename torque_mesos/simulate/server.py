"""A batch server: jobs, node records with TORQUE's delays, and its answers as `Reading`s.

Values once made are kept until what they tell of changes, so a reading costs little.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from torque_mesos.decide.packing import Share
from torque_mesos.model import Job, JobState, Node, NodeState, Queue, Reading, frozen_map
from torque_mesos.simulate.account import Account
from torque_mesos.simulate.clock import Clock, Delays
from torque_mesos.simulate.trace import TraceJob


@dataclass(slots=True, eq=False)
class Record:
    """A node record. `up`: its mom answers; `registering`: not usable and not markable yet."""

    name: str
    np: int
    properties: frozenset[str] = frozenset()
    note: str = ""
    offline: bool = False
    up: bool = True
    registering: bool = False
    slots: dict[int, str] = field(default_factory=dict)
    gpus: int = 0
    gpus_of: dict[str, int] = field(default_factory=dict)  # by job
    free: int = 0
    value: Node | None = None

    def changed(self) -> None:
        """Count its free slots anew, and forget what was told of it."""
        self.value = None
        usable = self.up and not self.offline and not self.registering
        self.free = self.np - sum(1 for slot in self.slots if slot < self.np) if usable else 0

    @property
    def free_gpus(self) -> int:
        """The gpus that no job has."""
        return self.gpus - sum(self.gpus_of.values())

    def take(self, share: Share, job_id: str) -> None:
        """Give free slots, the lowest first, and gpus."""
        free = (slot for slot in range(self.np) if slot not in self.slots)
        for slot in [next(free) for _ in range(share.slots)]:
            self.slots[slot] = job_id
        if share.gpus:
            self.gpus_of[job_id] = share.gpus
        self.changed()

    def leave(self, job_id: str) -> None:
        """Free a job's slots."""
        self.slots = {slot: other for slot, other in self.slots.items() if other != job_id}
        self.gpus_of.pop(job_id, None)
        self.changed()

    def node(self) -> Node:
        """What the server tells of it."""
        if self.value is None:
            states = set()
            if self.offline or self.registering:
                states.add(NodeState.OFFLINE)
            if self.registering:
                states.add(NodeState.MOM_LIST_NOT_SENT)
            if not self.up:
                states.add(NodeState.DOWN)
            if len(self.slots) >= self.np:
                states.add(NodeState.JOB_EXCLUSIVE)
            self.value = Node(
                self.name,
                frozenset(states or {NodeState.FREE}),
                self.np,
                self.properties,
                self.note,
                frozen_map(self.slots),
                self.gpus,
            )
        return self.value


@dataclass(slots=True, eq=False)
class Running:
    """A job on its nodes. `frozen`: a host of it died, it gets no further."""

    job: TraceJob
    at: Mapping[str, Share]
    start_s: float
    frozen: bool = False


class Server:
    """The batch server. `on_change` is told that jobs or nodes are other than before."""

    def __init__(
        self, clock: Clock, delays: Delays, account: Account, on_change: Callable[[], None]
    ) -> None:
        self.clock, self.delays, self.account = clock, delays, account
        self.on_change = on_change
        self.on_record: Callable[[str], None] = lambda _: None  # a node is other than before
        self.records: dict[str, Record] = {}
        self.waiting: dict[str, TraceJob] = {}
        self.running: dict[str, Running] = {}
        self.want_cycle: Callable[[float], None] = lambda _: None
        self.records_stay = False  # whether its nodes are there for ever
        self.freed = True  # since the scheduler's last cycle, slots became free
        self._jobs: dict[str, Job] = {}
        self._queues: dict[str, Queue] = {}
        self._reading: Reading | None = None
        self._eligible: dict[frozenset[str], list[Record]] = {}

    # -- readings ----------------------------------------------------------------

    def read(self) -> Reading:
        """All that the server tells, jobs in its order."""
        if self._reading is None:
            self._reading = Reading(
                jobs=tuple(self._jobs.values()),
                nodes=tuple([record.node() for record in self.records.values()]),
                queues=tuple(self._queues.values()),
            )
        return self._reading

    def touched(self) -> None:
        """Something is not as it was told last."""
        self._reading = None

    def _tell(self, job: TraceJob, state: JobState, at: tuple[str, ...] = ()) -> None:
        asked = {"nodes": job.nodes, "walltime": _clock_time(job.walltime_s)}
        if job.memory is not None:
            asked[job.memory[0]] = job.memory[1]
        # Replacing a value keeps its place: the server's order is that of submission.
        self._jobs[job.job_id] = Job(
            job_id=job.job_id,
            name="job",
            owner=job.owner,
            queue=job.queue,
            state=state,
            resources=frozen_map(asked),
            exec_nodes=at,
            queued_s=job.submit_s,
        )
        self._queues.setdefault(job.queue, Queue(job.queue))
        self.touched()

    # -- jobs ----------------------------------------------------------------------

    def submit(self, job: TraceJob) -> None:
        """A user's qsub: a scheduling cycle follows."""
        self.waiting[job.job_id] = job
        self.account.submitted(job)
        self._tell(job, JobState.QUEUED)
        self.on_change()
        self.want_cycle(self.delays.schedule_s)

    def start(self, job: TraceJob, at: Mapping[str, Share]) -> None:
        """The scheduler starts a job on slots and gpus that are free."""
        del self.waiting[job.job_id]
        for name, share in at.items():
            self.records[name].take(share, job.job_id)
        run = self.running[job.job_id] = Running(job, at, self.clock.now_s)
        self.account.started(job)
        for name in at:
            self.on_record(name)
        self._tell(job, JobState.RUNNING, tuple(at))
        self.clock.at(self.clock.now_s + job.run_s, lambda: self._last_instruction(run))
        self.on_change()

    def _last_instruction(self, run: Running) -> None:
        if run.frozen or self.running.get(run.job.job_id) is not run:
            return
        self.account.ended(run.job)
        for name in run.at:
            self.on_record(name)
        self.clock.after(self.delays.obit_s, lambda: self._gone(run))

    def _gone(self, run: Running) -> None:
        if self.running.get(run.job.job_id) is not run:
            return
        self._leave(run)
        del self._jobs[run.job.job_id]
        self.on_change()
        self.want_cycle(self.delays.schedule_s)

    def _leave(self, run: Running) -> None:
        del self.running[run.job.job_id]
        for name in run.at:
            if name in self.records:
                self.records[name].leave(run.job.job_id)
                self.on_record(name)
        self.freed = True
        self.touched()

    def freeze(self, name: str) -> None:
        """A host died: its jobs get no further, and the server does not know it yet."""
        for run in self.running.values():
            ended = self.account.outcomes[run.job.job_id].end_s is not None
            if name in run.at and not run.frozen and not ended:
                run.frozen = True
                self.account.broken(run.job, run.start_s)
                for at in run.at:
                    self.on_record(at)

    def gets_on(self, job_id: str) -> bool:
        """Whether a job that holds slots is doing something: it has not ended, its hosts live."""
        run = self.running.get(job_id)
        return run is not None and not run.frozen and self.account.outcomes[job_id].end_s is None

    def rerun(self, job_id: str) -> None:
        """Put a job back into the queue."""
        run = self.running.get(job_id)
        if run is None or self.account.outcomes[job_id].end_s is not None:
            return
        if not run.frozen:
            self.account.broken(run.job, run.start_s)
        self._leave(run)
        self.waiting[job_id] = run.job
        self.account.requeued(run.job)
        self.account.count("jobs run again")
        self._tell(run.job, JobState.QUEUED)
        self.want_cycle(self.delays.schedule_s)

    # -- nodes ---------------------------------------------------------------------

    def add_record(self, record: Record) -> None:
        """A record that is there from the beginning, or is being made."""
        self.records[record.name] = record
        self._eligible.clear()
        self.update(record)

    def create(self, record: Record, *, listed: bool = True) -> None:
        """`qmgr -c "create node"`. `listed`: its name has a mom's address, so it gets usable."""
        record.registering, record.up = True, False
        self.add_record(record)
        if listed:
            # One timer for all that are made together, so without jitter.
            due_s = self.clock.now_s + self.delays.register_s
            self.clock.at(due_s, lambda: self._registered(record))

    def _registered(self, record: Record) -> None:
        if self.records.get(record.name) is record:
            record.registering = record.offline = False
            self.update(record)
            self.on_change()

    def delete(self, name: str) -> None:
        """`qmgr -c "delete node"` of a node without jobs."""
        del self.records[name]
        self._eligible.clear()
        self.touched()

    def update(self, record: Record) -> None:
        """A record was changed."""
        before = record.free
        record.changed()
        if record.free > before:
            self.freed = True
        self.on_record(record.name)
        self.touched()

    def set_up(self, name: str, up: bool) -> None:
        """A mom reports, or is known to be gone. Nothing happens without a record."""
        record = self.records.get(name)
        if record is not None and record.up is not up:
            record.up = up
            self.update(record)

    def eligible(self, names: frozenset[str]) -> list[Record]:
        """The records that have all of `names`, in the server's order."""
        if names not in self._eligible:
            self._eligible[names] = [
                record
                for record in self.records.values()
                if names <= record.properties | {record.name}
            ]
        return self._eligible[names]


def _clock_time(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}"
