"""What there is in the fault world, and what is asked of it everywhere."""

from __future__ import annotations

import itertools
from random import Random

from tests.decide.world.parts import OFFSET_S, WALL_S, Box, Record, Task, Work
from torque_mesos.decide import Memory, Policy
from torque_mesos.decide.worker import DRAINING_NOTE
from torque_mesos.model import InverseOffer, JobState, Offer, Reading, TaskState


class State:
    """The world as it is. `fault` is the chance that an action fails."""

    speed = 1.0  # how fast the clock on the wall goes
    offset_s = OFFSET_S

    def __init__(self, policy: Policy, random: Random, boxes: dict[str, Box]) -> None:
        self.policy, self.random, self.boxes = policy, random, boxes
        self.now_s = 1000.0
        self.fault = 0.0
        self.records: dict[str, Record] = {}
        self.jobs: dict[str, Work] = {}
        self.tasks: dict[str, Task] = {}
        self.offers: dict[str, Offer] = {}
        self.inverse: dict[str, InverseOffer] = {}
        self.suppressed = False
        self.memory = Memory()
        self.ready_s = 0.0  # until then Mesos' side is not known
        self.unreadable_s = 0.0  # until then the server does not answer
        self.all_down_until = 0.0  # the server was restarted
        self.reading: Reading | None = None
        self.numbers = itertools.count()
        self.woken = False
        self.history: list[str] = []
        self.calls: dict[str, int] = {}
        self.stale = False
        self.refuses_s = 0.0  # until then the capacity record cannot be made
        self.unreadable: dict[str, float] = {}  # records that cannot be read, and until when
        self.untouchable: frozenset[str] = frozenset()  # those of them that this turn knows of
        self.unanswered: set[str] = set()  # offers whose launch was left out in this turn
        self.failing_until = 0.0  # until then no mom starts anywhere
        self.failed: list[str] = []  # agents of starts that failed, since one worked
        self.paused_until = 0.0  # what failed so often is left alone until then at least
        self.memory_counts = False  # whether the scheduler looks at memory
        self.favours: tuple[int, ...] = ()  # events that happen more often than others
        self.walltimes = 0.5  # how many of the jobs ask for a wall time
        self.more_than_slots = False  # whether jobs ask for memory and gpus

    @property
    def wall_s(self) -> float:
        """The time of day."""
        return WALL_S + self.speed * self.now_s

    def tasks_at(self, name: str) -> list[Task]:
        return [task for task in self.tasks.values() if task.name == name]

    def task_at(self, name: str) -> Task | None:
        """The first grant of a host's worker: what is told of its mom is told there."""
        return next(iter(self.tasks_at(name)), None)

    def waiting(self) -> list[Work]:
        return [work for work in self.jobs.values() if work.state is JobState.QUEUED]

    def _mom_lives(self, task: Task) -> bool:
        return task.fate == "ready" and task.state in (TaskState.RUNNING, TaskState.UNREACHABLE)

    def _draining(self, name: str) -> bool:
        record = self.records.get(name)
        if record is None or record.slots:  # its jobs hold it
            return False
        return record.offline and record.note == DRAINING_NOTE
