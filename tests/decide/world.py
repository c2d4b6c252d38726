"""A small world for `decide`: a batch server with TORQUE's traps, a Mesos, people, and faults.

Time is simulated. `World.turn()` makes a snapshot, decides, holds the plan against the rules
that no plan may break, and carries it out as the framework does: in order, and a node whose
action failed is left alone for the rest of the plan.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field, replace
from random import Random

from torque_mesos.decide import Memory, Plan, Policy, Snapshot, decide
from torque_mesos.decide.packing import Host, Tier, place
from torque_mesos.decide.plan import (
    Action,
    CreateNode,
    Decline,
    DeleteNode,
    Kill,
    Launch,
    Offline,
    Online,
    Rerun,
    Revive,
    SetNp,
    Suppress,
    Wake,
)
from torque_mesos.decide.reason import Code
from torque_mesos.decide.request import Request, RequestError, parse_nodes
from torque_mesos.decide.worker import DRAINING_NOTE, MARK, ONLINE_NOTE
from torque_mesos.model import (
    Agent,
    Grant,
    Job,
    JobState,
    Node,
    NodeState,
    Offer,
    Queue,
    Reading,
    Resources,
    TaskState,
    Worker,
    frozen_map,
)

REGISTERING_S = 10.0  # a created record cannot be used, and cannot be marked, for so long
UNNOTICED_S = 150.0  # a mom that died without a word is taken for alive for so long
LIVE = (TaskState.STAGING, TaskState.STARTING, TaskState.RUNNING)


class Broken(AssertionError):
    """A rule was broken."""


@dataclass
class Box:
    """A host with an agent."""

    name: str
    agent_id: str
    total: Resources
    attributes: dict[str, str] = field(default_factory=dict)
    others: Resources = Resources()
    active: bool = True
    filters: list[tuple[Resources, float]] = field(default_factory=list)


@dataclass
class Record:
    """A node record of the server."""

    name: str
    np: int
    properties: frozenset[str]
    note: str
    created_s: float = float("-inf")
    offline: bool = False
    up: bool = False  # as the server thinks
    registering: bool = False
    slots: dict[int, str] = field(default_factory=dict)
    unnoticed_until: float = float("-inf")
    person: bool = False  # a person set it offline
    note_before: str | None = None  # what a person replaced


@dataclass
class Task:
    """One Mesos task of ours, with its mom."""

    task_id: str
    name: str
    agent_id: str
    slots: int
    resources: Resources
    state: TaskState
    since_s: float
    due_s: float
    fate: str  # "ready", "fails" or "hangs"
    generation: str
    executor_id: str
    killed: bool = False


@dataclass
class Work:
    """A job."""

    job_id: str
    nodes: str
    runs_s: float
    state: JobState = JobState.QUEUED
    at: dict[str, list[int]] = field(default_factory=dict)
    np_at_start: dict[str, int] = field(default_factory=dict)
    ends_s: float = float("inf")
    queue: str = "batch"


def requested(nodes: str) -> Request | None:
    """What a job asks for; None where that makes no sense."""
    try:
        return parse_nodes(nodes)
    except RequestError:
        return None


class World:
    """See the module. `fault` is the chance that an action fails."""

    def __init__(self, policy: Policy, random: Random, boxes: dict[str, Box]) -> None:
        self.policy, self.random, self.boxes = policy, random, boxes
        self.now_s = 1000.0
        self.fault = 0.0
        self.records: dict[str, Record] = {}
        self.jobs: dict[str, Work] = {}
        self.tasks: dict[str, Task] = {}
        self.offers: dict[str, Offer] = {}
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

    # -- the batch server -------------------------------------------------------

    def submit(self, nodes: str, runs_s: float = 20.0, queue: str = "batch") -> Work:
        work = Work(f"{next(self.numbers)}.head", nodes, runs_s, queue=queue)
        self.jobs[work.job_id] = work
        self.woken = True
        return work

    def read(self) -> Reading:
        jobs = tuple(
            Job(
                work.job_id,
                "job",
                "user@head",
                work.queue,
                work.state,
                frozen_map({"nodes": work.nodes}),
                exec_nodes=tuple(work.at),
            )
            for work in self.jobs.values()
        )
        hidden = {name for name, until_s in self.unreadable.items() if self.now_s < until_s}
        hidden &= self.records.keys()
        nodes = tuple(self._node(r) for r in self.records.values() if r.name not in hidden)
        return Reading(jobs, nodes, (Queue("batch"),), (), frozenset(hidden))

    def _node(self, record: Record) -> Node:
        states = set()
        up = record.up and self.now_s >= self.all_down_until
        if record.offline or record.registering:
            states.add(NodeState.OFFLINE)
        if record.registering:
            states.add(NodeState.MOM_LIST_NOT_SENT)
        if not up:
            states.add(NodeState.DOWN)
        if len(record.slots) >= record.np:
            states.add(NodeState.JOB_EXCLUSIVE)
        return Node(
            record.name,
            frozenset(states or {NodeState.FREE}),
            record.np,
            record.properties,
            record.note,
            frozen_map(record.slots),
        )

    def infeasible(self, work: Work) -> bool:
        """Whether pbs_sched would delete a job at its next cycle."""
        if self.policy.capacity_record is None:
            return False
        request = requested(work.nodes)
        if request is None:
            return False
        if self.policy.capacity_record in self.records:
            return request.slots > sum(record.np for record in self.records.values())
        hosts = [
            Host(r.name, r.np, Tier.ONLINE, r.properties | {r.name}) for r in self.records.values()
        ]
        return place(request, hosts) is None

    def schedule(self) -> None:
        """One cycle of a FIFO scheduler that starts what fits."""
        if self.now_s < self.unreadable_s:
            return
        for work in list(self.jobs.values()):
            if work.state is not JobState.QUEUED:
                continue
            if self.infeasible(work):
                del self.jobs[work.job_id]
                continue
            request = requested(work.nodes)
            if request is None:
                continue
            hosts = [
                Host(r.name, self._free(r), Tier.ONLINE, r.properties | {r.name})
                for r in self.records.values()
            ]
            if placement := place(request, hosts):
                self._start(work, dict(placement.slots))

    def _free(self, record: Record) -> int:
        up = record.up and self.now_s >= self.all_down_until
        if record.offline or record.registering or not up:
            return 0
        return sum(1 for slot in range(record.np) if slot not in record.slots)

    def _start(self, work: Work, where: dict[str, int]) -> None:
        for name, count in where.items():
            record = self.records[name]
            free = [slot for slot in range(record.np) if slot not in record.slots]
            self.random.shuffle(free)
            work.at[name] = sorted(free[:count])
            work.np_at_start[name] = record.np
            record.slots.update(dict.fromkeys(work.at[name], work.job_id))
        work.state, work.ends_s = JobState.RUNNING, self.now_s + work.runs_s

    def _leave(self, work: Work, state: JobState) -> None:
        for name, slots in work.at.items():
            if name in self.records and self.records[name].np < work.np_at_start[name]:
                raise Broken(f"{work.job_id} ends on {name} with a smaller np: slots are lost")
            for slot in slots:
                if name in self.records:
                    self.records[name].slots.pop(slot, None)
        work.at, work.state = {}, state
        self.woken = True

    # -- Mesos --------------------------------------------------------------------

    def tasks_at(self, name: str) -> list[Task]:
        return [task for task in self.tasks.values() if task.name == name]

    def task_at(self, name: str) -> Task | None:
        """The first grant of a host's worker: what is told of its mom is told there."""
        return next(iter(self.tasks_at(name)), None)

    def available(self, box: Box) -> Resources:
        used = box.others
        for task in self.tasks.values():
            if task.agent_id == box.agent_id:
                used += task.resources
        for offer in self.offers.values():
            if offer.agent_id == box.agent_id:
                used += offer.resources
        return box.total - used

    def allocate(self) -> None:
        """Offer what is free, unless it is filtered."""
        if self.suppressed or self.now_s < self.ready_s:
            return
        for box in self.boxes.values():
            free = self.available(box)
            box.filters = [item for item in box.filters if item[1] > self.now_s]
            if not box.active or free.cpus < 0.1 or free.mem_mb < 32:
                continue
            if any(refused.holds(free) for refused, _ in box.filters):
                continue
            offer_id = f"o{next(self.numbers)}"
            self.offers[offer_id] = Offer(
                offer_id,
                box.agent_id,
                box.name,
                free,
                frozen_map(box.attributes),
                received_s=self.now_s,
            )

    def rescind(self, offer_id: str) -> None:
        self.offers.pop(offer_id, None)

    def end_task(self, task: Task, *, clean: bool) -> None:
        """The mom and its executor end; with them, its jobs stop getting on."""
        rest = [other for other in self.tasks_at(task.name) if other is not task]
        self.tasks.pop(task.task_id, None)
        if clean and rest:
            return  # the mom goes on with its other grants
        for other in rest:
            self.tasks.pop(other.task_id)
        record = self.records.get(task.name)
        if record is not None and record.up:
            if clean:
                record.up = False
            else:
                record.unnoticed_until = self.now_s + UNNOTICED_S

    def lose_agent(self, box: Box) -> None:
        """Power off: Mesos cannot reach the agent, the mom is dead, the server unaware."""
        box.active = False
        for offer in [o for o in self.offers.values() if o.agent_id == box.agent_id]:
            self.rescind(offer.offer_id)
        for task in self.tasks.values():
            if task.agent_id == box.agent_id:
                task.state, task.fate = TaskState.UNREACHABLE, "dead"
                record = self.records.get(task.name)
                if record is not None:
                    record.unnoticed_until = self.now_s + UNNOTICED_S

    def cut_agent(self, box: Box) -> None:
        """Mesos cannot reach the agent for a while; its mom lives on."""
        box.active = False
        for offer in [o for o in self.offers.values() if o.agent_id == box.agent_id]:
            self.rescind(offer.offer_id)
        for task in self.tasks.values():
            if task.agent_id == box.agent_id and task.state is TaskState.RUNNING:
                task.state = TaskState.UNREACHABLE

    def back(self, box: Box) -> None:
        """The agent comes back: a new one if it was off, and its tasks are lost."""
        box.active = True
        for task in list(self.tasks.values()):
            if task.agent_id != box.agent_id or task.state is not TaskState.UNREACHABLE:
                continue
            if task.fate == "dead":
                self.end_task(task, clean=False)
            else:
                task.state = TaskState.RUNNING

    # -- time -----------------------------------------------------------------------

    def tick(self, dt: float) -> None:
        self.now_s = round(self.now_s + dt, 3)
        for task in list(self.tasks.values()):
            self._proceed(task)
        for record in self.records.values():
            if record.registering and self.now_s - record.created_s >= REGISTERING_S:
                record.registering = record.offline = False
            task = self.task_at(record.name)
            alive = task is not None and self._mom_lives(task)
            if alive and not record.registering:
                record.up, record.unnoticed_until = True, float("-inf")
            elif not alive and self.now_s >= record.unnoticed_until:
                record.up = False
        for work in list(self.jobs.values()):
            if work.state is JobState.RUNNING and self.now_s >= work.ends_s:
                tasks = [self.task_at(name) for name in work.at]
                if all(task is not None and self._mom_lives(task) for task in tasks):
                    self._leave(work, JobState.COMPLETE)
        if self.woken and self.now_s >= self.unreadable_s:
            self.woken = False
            self.schedule()
        self.allocate()

    def _mom_lives(self, task: Task) -> bool:
        return task.fate == "ready" and task.state in (TaskState.RUNNING, TaskState.UNREACHABLE)

    def _proceed(self, task: Task) -> None:
        if task.state is TaskState.UNREACHABLE or self.now_s < task.due_s:
            return
        if task.killed:
            self.end_task(task, clean=True)
        elif task.state in (TaskState.STAGING, TaskState.STARTING):
            first = self.task_at(task.name)  # a further grant runs when its mom does
            runs = first is task or (first is not None and self._mom_lives(first))
            if task.fate == "ready" and runs:
                task.state = TaskState.RUNNING
            elif task.fate == "fails":
                for one in self.tasks_at(task.name) if self.task_at(task.name) is task else [task]:
                    self.end_task(one, clean=True)
                self.memory = self.memory.with_failure(task.agent_id, self.now_s)
            else:
                task.state = TaskState.STARTING

    # -- a turn ---------------------------------------------------------------------

    def snapshot(self, *, stale: bool = False) -> Snapshot:
        if self.now_s < self.unreadable_s:
            self.reading = None
        elif not stale or self.reading is None:
            self.reading = self.read()
            stale = False
        workers = tuple(
            Worker(
                name,
                tasks[0].agent_id,
                tasks[0].executor_id,
                tasks[0].generation,
                tuple(Grant(t.task_id, t.slots, t.resources, t.state, t.since_s) for t in tasks),
            )
            for name in dict.fromkeys(task.name for task in self.tasks.values())
            for tasks in [self.tasks_at(name)]
        )
        return Snapshot(
            now_s=self.now_s,
            reading=self.reading,
            fresh=self.reading is not None and not stale,
            mesos_ready=self.now_s >= self.ready_s,
            agents=tuple(
                Agent(b.agent_id, b.name, b.total, frozen_map(b.attributes), b.active)
                for b in self.boxes.values()
            ),
            offers=tuple(self.offers.values()),
            workers=workers,
            suppressed=self.suppressed,
            memory=self.memory,
        )

    def turn(self, *, stale: bool = False, between: bool = False) -> Plan:
        """One turn. `between`: the scheduler has a cycle after the reading."""
        snapshot = self.snapshot(stale=stale)
        plan = decide(snapshot, self.policy)
        if decide(snapshot, self.policy) != plan:
            raise Broken("the same snapshot gave another plan")
        if plan.wants_fresh and not snapshot.fresh and self.now_s >= self.unreadable_s:
            snapshot = self.snapshot()
            plan = decide(snapshot, self.policy)
        self.memory = plan.memory
        self._check_plan(snapshot, plan)
        if between:
            self.schedule()
        failed: set[str] = set()
        self.stale = not snapshot.fresh
        reading = snapshot.reading
        self.untouchable = reading.unreadable_nodes if reading is not None else frozenset()
        self.unanswered: set[str] = set()
        for action in plan.actions:
            self._carry_out(action, failed)
        self._check_offers()
        return plan

    def _check_plan(self, snapshot: Snapshot, plan: Plan) -> None:
        self._check_reasons(snapshot, plan)
        if snapshot.reading is None or not snapshot.mesos_ready:
            if bad := [a for a in plan.actions if not isinstance(a, Decline)]:
                raise Broken(f"decided without knowing: {bad}")
            return
        for work in self.jobs.values():
            if work.state is JobState.QUEUED and work.job_id not in plan.jobs:
                seen = {job.job_id for job in snapshot.reading.jobs}
                if work.job_id in seen and snapshot.fresh:
                    raise Broken(f"no reason for waiting job {work.job_id}")
        answered = [i for a in plan.actions if isinstance(a, Decline | Launch) for i in a.offer_ids]
        if len(answered) != len(set(answered)) or not set(answered) <= set(self.offers):
            raise Broken(f"offers answered twice, or strange: {answered}")
        if plan.again_s is not None and plan.again_s <= self.now_s:
            raise Broken(f"a timer in the past: {plan.again_s}")

    def _check_reasons(self, snapshot: Snapshot, plan: Plan) -> None:
        """Every item, every job that waits, and every node of ours carries a reason."""
        reading = snapshot.reading
        waiting = (
            [job.job_id for job in reading.jobs if job.state is JobState.QUEUED] if reading else []
        )
        marked = (
            [node.name for node in reading.nodes if node.note.startswith(MARK)] if reading else []
        )
        ours = {*marked, *(worker.node for worker in snapshot.workers)}
        if mute := {*waiting} - plan.jobs.keys():
            raise Broken(f"no reason for waiting jobs {sorted(mute)}")
        if mute := ours - plan.nodes.keys() - {self.policy.capacity_record}:
            raise Broken(f"no reason for nodes {sorted(mute)}")
        told = [*plan.jobs.values(), *plan.nodes.values(), *(a.reason for a in plan.actions)]
        if empty := [reason for reason in told if not reason.text.strip()]:
            raise Broken(f"reasons without a sentence: {empty}")

    def _check_offers(self) -> None:
        for offer in self.offers.values():
            held_s = self.now_s - offer.received_s
            if held_s >= self.policy.offer_hold_s and offer.offer_id not in self.unanswered:
                raise Broken(f"offer {offer} was held too long")

    def _carry_out(self, action: Action, failed: set[str]) -> None:
        name = getattr(action, "name", None)
        if name in failed:
            self.unanswered |= set(getattr(action, "offer_ids", ()))
            return
        self.history.append(f"{self.now_s:g} {action}")
        kind = type(action).__name__
        self.calls[kind] = self.calls.get(kind, 0) + 1
        self._hold_against_rules(action)
        if self.random.random() < self.fault and not isinstance(action, Decline):
            for offer_id in getattr(action, "offer_ids", ()):
                self.offers.pop(offer_id)  # a call that was lost: nothing is known of them
            failed.update(getattr(action, "names", (name,) if name else ()))
            return
        if not self._do(action, failed):
            failed.update(getattr(action, "names", (name,) if name else ()))

    def _hold_against_rules(self, action: Action) -> None:
        """Rules 1, 2, 4 and 6 for one action on the true state."""
        feasible = [
            work
            for work in self.jobs.values()
            if work.state is JobState.QUEUED and not self.infeasible(work)
        ]
        names = set(getattr(action, "names", ())) | {getattr(action, "name", None)}
        if unread := names & self.untouchable:
            raise Broken(f"the records of {unread} cannot be read: {action}")
        if isinstance(action, CreateNode) and not re.fullmatch(r"[A-Za-z][\w.-]*", action.name):
            raise Broken(f"no name for a node: {action}")
        if isinstance(action, Kill | Offline) and self.now_s < self.all_down_until:
            self._not_because_down(action)
        if isinstance(action, SetNp | Offline | DeleteNode):
            self._ours(action.name, action)
        if isinstance(action, Online):
            for name in action.names:
                self._ours(name, action)
        if isinstance(action, Kill | DeleteNode):
            record = self.records.get(action.name)
            if record is not None and record.slots and not self._leaves_enough(action, record):
                raise Broken(f"jobs {record.slots} are on it: {action}")
        if isinstance(action, SetNp):
            record, tasks = self.records[action.name], self.tasks_at(action.name)
            if record.slots and action.np <= max(record.slots):
                raise Broken(f"slots {record.slots} are in use: {action}")
            granted = sum(task.slots for task in tasks if task.state is TaskState.RUNNING)
            if tasks and not record.offline and record.np < action.np > granted:
                raise Broken(f"more than the {granted} slots that are granted: {action}")
        if isinstance(action, SetNp | DeleteNode):
            before = self.records.pop(action.name)
            if isinstance(action, SetNp):
                self.records[action.name] = replace(before, np=action.np)
            gone = [work for work in feasible if self.infeasible(work)]
            self.records[action.name] = before
            if gone:
                raise Broken(f"jobs {gone} become infeasible: {action}")
        if isinstance(action, Launch):
            held = sum((t.resources for t in self.tasks.values()), action.resources)
            nodes = len({t.name for t in self.tasks.values()} | {action.name})
            if over := self.policy.limit.exceeded_by(nodes, held):
                raise Broken(f"above the limit, {over}: {action}")
            task = self.task_at(action.name)
            if (task.executor_id if task else None) != action.executor_id:
                raise Broken(f"two moms on one host: {action}")
            if task and (task.generation, task.killed) != (self.policy.generation, False):
                raise Broken(f"a grant for a worker that is old or ends: {action}")
            record = self.records.get(action.name)
            theirs = record is not None and (record.person or not record.note.startswith(MARK))
            if theirs and not self.stale:
                raise Broken(f"a launch on what others hold: {action}")
        if isinstance(action, Offline) and action.note == DRAINING_NOTE:
            self._above_floor(action)

    def _covered(self, name: str, action: Action) -> None:
        """What goes online has no more slots than its grants, and those in use are below np."""
        record, tasks = self.records[name], self.tasks_at(name)
        if not record.offline:  # only its note is set
            return
        # (A framework that was started again does not know what it asked for a moment before.)
        known = self.memory.killed_at
        going = [task for task in tasks if task.task_id in known and task.state in LIVE]
        granted = sum(task.slots for task in tasks if task.state is TaskState.RUNNING)
        if record.np > granted - sum(task.slots for task in going) or record.np < len(record.slots):
            raise Broken(f"np is {record.np}, grants {granted}, ending {len(going)}: {action}")

    def _leaves_enough(self, action: Action, record: Record) -> bool:
        """Whether a node with jobs keeps the slots that they use, and its executor's share."""
        if not isinstance(action, Kill) or not record.offline:
            return False
        tasks = self.tasks_at(action.name)
        rest = [task for task in tasks if not task.killed and task.task_id not in action.task_ids]
        granted = sum(task.slots for task in rest if task.state is TaskState.RUNNING)
        return tasks[0] in rest and granted >= len(record.slots)

    def _not_because_down(self, action: Kill | Offline) -> None:
        """Rule 5: the server takes all for down after its restart. That is no reason."""
        task, record = self.task_at(action.name), self.records.get(action.name)
        if task is not None and record is not None and self._mom_lives(task):
            used = not record.offline and task.state is TaskState.RUNNING and not task.killed
            asked = action.reason.code is Code.DRAINED  # its end was asked for before
            if used and not asked and not self.stale and record.note == ONLINE_NOTE:
                raise Broken(f"all nodes are down, and that is no reason: {action}")

    def _above_floor(self, action: Offline) -> None:
        task = self.task_at(action.name)
        if task is None or task.state is TaskState.UNREACHABLE:
            return
        if action.reason.code in (Code.DRAINED, Code.AS_GRANTED, Code.SILENT) or task.killed:
            return
        if action.reason.code is Code.OLD_GENERATION and "idle_s" not in action.reason.numbers:
            return  # its jobs hold it, or did when the server was read
        idle_s = action.reason.numbers.get("idle_s", 0.0)
        if action.reason.code is Code.OLD_GENERATION and idle_s >= self.policy.grace_s:
            return  # it goes after the grace, also when there is no room for another beside it
        if action.reason.code is Code.MAKES_ROOM and self.waiting():
            return  # jobs come before the floor
        kept = sum(self._kept(name) for name in {task.name for task in self.tasks.values()})
        own = sum(one.slots for one in self.tasks_at(action.name))
        if action.reason.code is Code.SPARE:
            own = int(action.reason.numbers["slots"])
        if kept - own < self.policy.floor_slots:
            raise Broken(f"below the floor: {action}")

    def _kept(self, name: str) -> int:
        """The slots of a host that count for the floor; of one that is being trimmed, what its
        jobs leave it."""
        live = [task for task in self.tasks_at(name) if task.state in LIVE and not task.killed]
        slots = sum(task.slots for task in live)
        if not self._draining(name):
            return slots
        return min(slots, 1 + max(self.records[name].slots, default=-1))

    def waiting(self) -> list[Work]:
        return [work for work in self.jobs.values() if work.state is JobState.QUEUED]

    def _draining(self, name: str) -> bool:
        record = self.records.get(name)
        if record is None or record.slots:  # its jobs hold it
            return False
        return record.offline and record.note == DRAINING_NOTE

    def _ours(self, name: str, action: Action) -> None:
        record = self.records.get(name)
        if record is None:
            raise Broken(f"no such record: {action}")
        # Our idle mom behind a note of a person's goes, and the note stays.
        keeps_note = isinstance(action, Offline) and action.note is None
        if keeps_note and self.task_at(name) and not record.offline:
            return
        if record.person or not record.note.startswith(MARK):
            raise Broken(f"what a person did is undone: {action}")

    def _do(self, action: Action, failed: set[str]) -> bool:
        """Carry it out. False: it was refused."""
        if isinstance(action, CreateNode | DeleteNode | SetNp | Offline | Online | Wake | Rerun):
            return self.now_s >= self.unreadable_s and self._do_server(action, failed)
        return self._do_mesos(action)

    def _do_server(self, action: Action, failed: set[str]) -> bool:
        if isinstance(action, CreateNode):
            refused = action.name == self.policy.capacity_record and self.now_s < self.refuses_s
            if action.name in self.records or refused:
                return False
            self.records[action.name] = Record(
                action.name,
                action.np,
                action.properties,
                action.note,
                created_s=self.now_s,
                offline=True,
                registering=True,
            )
        elif isinstance(action, DeleteNode):
            del self.records[action.name]
        elif isinstance(action, SetNp):
            self.records[action.name].np = action.np
        elif isinstance(action, Offline):
            record = self.records[action.name]
            if record.registering:
                return False
            record.offline = True
            record.note = record.note if action.note is None else action.note
        elif isinstance(action, Online):
            for name in set(action.names) - failed:
                record = self.records[name]
                self._covered(name, action)
                record.offline, record.note = False, ONLINE_NOTE
        elif isinstance(action, Wake):
            self.woken = True
        elif isinstance(action, Rerun):
            work = self.jobs.get(action.job_id)
            if work is not None and work.state is JobState.RUNNING:
                lives = [self.task_at(name) for name in work.at]
                if all(task is not None and self._mom_lives(task) for task in lives):
                    raise Broken(f"a job whose moms all live is rerun: {action}")
                self._leave(work, JobState.QUEUED)
        return True

    def _do_mesos(self, action: Action) -> bool:
        if isinstance(action, Launch):
            return self._launch(action)
        if isinstance(action, Kill):
            for task_id in action.task_ids:
                task = self.tasks.get(task_id)
                if task is not None and task.state is not TaskState.UNREACHABLE:
                    task.killed, task.due_s = True, self.now_s + 0.2
        elif isinstance(action, Decline):
            for offer_id in action.offer_ids:
                offer = self.offers.pop(offer_id)
                self._filter(offer, offer.resources, action.refuse_s)
        elif isinstance(action, Revive):
            self.suppressed = False
            for box in self.boxes.values():
                box.filters.clear()
            self.allocate()
        elif isinstance(action, Suppress):
            self.suppressed = True
        return True

    def _filter(self, offer: Offer, resources: Resources, refuse_s: float) -> None:
        for box in self.boxes.values():
            if box.agent_id == offer.agent_id:
                box.filters.append((resources, self.now_s + refuse_s))

    def _launch(self, action: Launch) -> bool:
        offers = [self.offers.pop(offer_id) for offer_id in action.offer_ids]
        if {offer.agent_id for offer in offers} != {action.agent_id}:
            raise Broken(f"offers of several agents: {action}")
        total = sum((offer.resources for offer in offers), Resources())
        if not total.holds(action.resources):
            raise Broken(f"more than was offered: {action}")
        self._filter(offers[0], total - action.resources, 1.0)
        fates = ["ready"]
        first = self.task_at(action.name)
        if self.fault and first is None:
            fates = ["ready"] * 8 + ["fails", "hangs"]
        elif self.fault:
            fates = ["ready"] * 8 + ["fails"]
        due_s, fate = self.now_s + self.random.choice([0.1, 0.4, 3.0]), self.random.choice(fates)
        executor_id = action.executor_id or f"e{next(self.numbers)}"
        if sum(part.slots for part in action.parts) != action.slots:
            raise Broken(f"its grants are not what it takes: {action}")
        if sum((part.resources for part in action.parts), Resources()) != action.resources:
            raise Broken(f"its grants are not what it takes: {action}")
        for part in action.parts:
            task_id = f"t{next(self.numbers)}"
            self.tasks[task_id] = Task(
                task_id,
                action.name,
                action.agent_id,
                part.slots,
                part.resources,
                TaskState.STAGING,
                self.now_s,
                due_s,
                fate,
                self.policy.generation,
                executor_id,
            )
        return True
