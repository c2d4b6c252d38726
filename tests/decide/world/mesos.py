"""Mesos' side of the fault world: agents, offers, tasks."""

from __future__ import annotations

from tests.decide.world.parts import UNNOTICED_S, Box, Broken, Task
from tests.decide.world.state import State
from torque_mesos.decide.plan import (
    AcceptInverse,
    Action,
    Decline,
    Kill,
    Launch,
    Revive,
    Suppress,
)
from torque_mesos.model import InverseOffer, Offer, Resources, TaskState, frozen_map


class Mesos(State):
    """Offers, tasks, agents that come and go, maintenance."""

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
                unavailable_s=box.unavailable_s,
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

    def maintain(self, box: Box, begins_s: float | None) -> None:
        """Plan the maintenance of an agent (in so many seconds), or take it from the plan."""
        box.unavailable_s = None if begins_s is None else self.wall_s + begins_s
        self.inverse = {k: o for k, o in self.inverse.items() if o.agent_id != box.agent_id}
        for offer in [o for o in self.offers.values() if o.agent_id == box.agent_id]:
            self.rescind(offer.offer_id)  # those that follow tell of it
        if box.unavailable_s is not None:
            offer_id = f"i{next(self.numbers)}"
            self.inverse[offer_id] = InverseOffer(offer_id, box.agent_id, box.unavailable_s)

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

    def _proceed(self, task: Task) -> None:
        if task.state is TaskState.UNREACHABLE or self.now_s < task.due_s:
            return
        if task.killed:
            self.end_task(task, clean=True)
        elif task.state in (TaskState.STAGING, TaskState.STARTING):
            first = self.task_at(task.name)  # a further grant runs when its mom does
            runs = first is task or (first is not None and self._mom_lives(first))
            if task.fate == "ready" and runs:
                task.state, task.since_s = TaskState.RUNNING, self.now_s
                if first is task:
                    self.failed.clear()
                    self.paused_until = 0.0
            elif task.fate == "fails":
                for one in self.tasks_at(task.name) if self.task_at(task.name) is task else [task]:
                    self.end_task(one, clean=True)
                self._fail(task.agent_id)
            else:
                task.state = TaskState.STARTING

    def _fail(self, agent_id: str) -> None:
        """A start failed. Where all do, there is to be a pause of half a minute at least."""
        before = self.memory
        self.memory = before.with_failure(agent_id, self.now_s)
        if self.memory != before:
            self.failed.append(agent_id)
        everywhere = len(set(self.failed)) >= min(3, len(self.boxes))
        free_s = max(self.paused_until, before.protection.until_s)
        if len(self.failed) >= 5 and everywhere and self.now_s >= free_s:
            self.paused_until = self.now_s + 30.0

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
        elif isinstance(action, AcceptInverse):
            for offer_id in action.offer_ids:
                self.inverse.pop(offer_id)
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
        if self.now_s < self.failing_until and first is None:
            fates = ["fails"]
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
