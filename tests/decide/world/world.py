"""The fault world: its clock, and its turns."""

from __future__ import annotations

from tests.decide.world.parts import REGISTERING_S, Broken
from tests.decide.world.rules import Rules
from torque_mesos.decide import Plan, Snapshot, decide
from torque_mesos.decide.plan import (
    Action,
    CreateNode,
    Decline,
    DeleteNode,
    Offline,
    Online,
    Rerun,
    SetNp,
    Wake,
)
from torque_mesos.model import Agent, Grant, JobState, Worker, frozen_map


class World(Rules):
    """See the package."""

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
                Agent(
                    box.agent_id,
                    box.name,
                    box.total,
                    frozen_map(box.attributes),
                    box.active,
                    box.unavailable_s,
                )
                for box in self.boxes.values()
            ),
            offers=tuple(self.offers.values()),
            workers=workers,
            suppressed=self.suppressed,
            memory=self.memory,
            wall_s=self.wall_s,
            offset_s=self.offset_s,
            inverse_offers=tuple(self.inverse.values()),
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
                self.offers.pop(offer_id, None)  # a call that was lost: nothing is known of them
            failed.update(getattr(action, "names", (name,) if name else ()))
            return
        if not self._do(action, failed):
            failed.update(getattr(action, "names", (name,) if name else ()))

    def _do(self, action: Action, failed: set[str]) -> bool:
        """Carry it out. False: it was refused."""
        if isinstance(action, CreateNode | DeleteNode | SetNp | Offline | Online | Wake | Rerun):
            return self.now_s >= self.unreadable_s and self._do_server(action, failed)
        return self._do_mesos(action)
