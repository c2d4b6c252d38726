"""The rules of docs/architecture.md, held against each plan and each action."""

from __future__ import annotations

import re
from dataclasses import replace

from tests.decide.world.mesos import Mesos
from tests.decide.world.parts import LIVE, Broken, Record
from tests.decide.world.server import Server
from torque_mesos.decide import Plan, Snapshot
from torque_mesos.decide.maintenance import LEAST_LEAD_S
from torque_mesos.decide.plan import (
    AcceptInverse,
    Action,
    CreateNode,
    Decline,
    DeleteNode,
    Kill,
    Launch,
    Offline,
    Online,
    SetNp,
)
from torque_mesos.decide.reason import Code
from torque_mesos.decide.worker import DRAINING_NOTE, MARK, ONLINE_NOTE
from torque_mesos.model import JobState, TaskState


class Rules(Server, Mesos):
    """Raises Broken where a plan, or an action on the true state, breaks a rule."""

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

    def _hold_against_rules(self, action: Action) -> None:
        """Rules 1, 2, 4, 6, 8 and 10 for one action on the true state."""
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
                if self.records[name].offline:  # else only its note is set
                    self._stays(name, action)
        if isinstance(action, Kill | DeleteNode):
            record = self.records.get(action.name)
            if record is not None and record.slots and not self._leaves_enough(action, record):
                raise Broken(f"jobs {record.slots} are on it: {action}")
        if isinstance(action, SetNp):
            self._np_fits(action)
        if isinstance(action, SetNp | DeleteNode):
            self._keeps_jobs_feasible(action)
        if isinstance(action, Launch):
            self._may_be_launched(action)
            self._stays(action.name, action)
        if isinstance(action, Offline) and action.note == DRAINING_NOTE:
            self._above_floor(action)
        if isinstance(action, AcceptInverse):
            agents = {self.inverse[offer_id].agent_id for offer_id in action.offer_ids}
            if held := [task for task in self.tasks.values() if task.agent_id in agents]:
                raise Broken(f"an agent may go though {held} are there: {action}")

    def _stays(self, name: str, action: Action) -> None:
        """Whether an agent is not about to go away: jobs that are put there may have to end."""
        box = self.boxes.get(name)
        if box is not None and box.unavailable_s is not None and not self.stale:
            left_s = box.unavailable_s - self.wall_s
            if left_s <= LEAST_LEAD_S:
                raise Broken(f"its agent goes away in {left_s:g} s: {action}")

    def _np_fits(self, action: SetNp) -> None:
        record, tasks = self.records[action.name], self.tasks_at(action.name)
        if record.slots and action.np <= max(record.slots):
            raise Broken(f"slots {record.slots} are in use: {action}")
        granted = sum(task.slots for task in tasks if task.state is TaskState.RUNNING)
        if tasks and not record.offline and record.np < action.np > granted:
            raise Broken(f"more than the {granted} slots that are granted: {action}")

    def _keeps_jobs_feasible(self, action: SetNp | DeleteNode) -> None:
        queued = [work for work in self.waiting() if not self.infeasible(work)]
        before = self.records.pop(action.name)
        if isinstance(action, SetNp):
            self.records[action.name] = replace(before, np=action.np)
        gone = [work for work in queued if self.infeasible(work)]
        self.records[action.name] = before
        if gone:
            raise Broken(f"jobs {gone} become infeasible: {action}")

    def _may_be_launched(self, action: Launch) -> None:
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
        if task is None and self.now_s < self.paused_until and self.failed:
            raise Broken(f"starts failed on {self.failed}, and it goes on: {action}")

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
        running = (task for task in tasks if task.state is TaskState.RUNNING)
        gpus = sum(task.resources.gpus for task in running if task not in going)
        if self.policy.gpus and record.gpus > gpus:
            raise Broken(f"{record.gpus} gpus, and {gpus} are granted: {action}")

    def _leaves_enough(self, action: Action, record: Record) -> bool:
        """Whether a node with jobs keeps the slots that they use, and its executor's share."""
        if not isinstance(action, Kill):
            return False
        tasks = self.tasks_at(action.name)
        if not any(t.state is TaskState.RUNNING for t in tasks if t.task_id in action.task_ids):
            return tasks[0].task_id not in action.task_ids
        if not record.offline:
            return False
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
        if action.reason.code in (Code.MAINTENANCE, Code.BUDGET):  # it goes, floor or not
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

    def _ours(self, name: str, action: Action) -> None:
        record = self.records.get(name)
        if record is None:
            raise Broken(f"no such record: {action}")
        # A lost host gets no more jobs, and the note of a person's stays.
        keeps_note = isinstance(action, Offline) and action.note is None
        task = self.task_at(name)
        lost = task is not None and task.state is TaskState.UNREACHABLE
        if keeps_note and lost and not record.offline:
            return
        if record.person or not record.note.startswith(MARK):
            raise Broken(f"what a person did is undone: {action}")
