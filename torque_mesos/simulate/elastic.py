"""The framework: turns of the very same `decide`, and its plans carried out on the models."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from torque_mesos.decide import Memory, Plan, Policy, Snapshot, decide
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
from torque_mesos.decide.pool import Share
from torque_mesos.decide.worker import ONLINE_NOTE
from torque_mesos.model import Grant, Offer, Resources, TaskState, Worker
from torque_mesos.simulate.account import Account
from torque_mesos.simulate.clock import Clock, Delays
from torque_mesos.simulate.cloud import Cloud
from torque_mesos.simulate.ledger import Ledger
from torque_mesos.simulate.scheduler import Scheduler
from torque_mesos.simulate.server import Record, Server

_REMAINDER_REFUSE_S = 1.0  # what a launch leaves of an offer comes back after this
_SOON_S = 1e-3
_DAY_S = 86400.0


def _shares(policy: Policy) -> tuple[Share, ...]:
    return tuple(pool.share for pool in policy.pools)


@dataclass(slots=True, eq=False)
class Task:
    """One grant and what becomes of it."""

    grant: Grant
    node: str
    agent_id: str
    executor_id: str
    killed: bool = False


class Framework:
    """What `torque_mesos.framework` is in life. Asked for turns by `poke`.

    `start_s`: when the simulation begins, in seconds since 1970 (the local time is UTC).
    """

    def __init__(
        self,
        clock: Clock,
        delays: Delays,
        account: Account,
        policy: Policy,
        start_s: float = 0.0,
    ) -> None:
        self._clock, self._delays, self._account = clock, delays, account
        self.policy = policy
        self.start_s = start_s
        self._budgets = any(share.budget.any for share in (policy.share, *_shares(policy)))
        self._memory = Memory()
        self.tasks: dict[str, Task] = {}
        self._at: dict[str, list[Task]] = {}  # by node, in the order of their launches
        self._workers: tuple[Worker, ...] | None = None
        self._worker_of: dict[str, Worker] = {}  # of nodes whose grants did not change
        self._numbers = itertools.count()
        self._due_s = float("inf")
        self.turns = 0
        self.decide_s = 0.0
        self.slowest_s = 0.0
        self.fails: Callable[[], bool] = lambda: False  # whether the next start fails
        self.plan = Plan()

    def attach(self, server: Server, scheduler: Scheduler, cloud: Cloud) -> None:
        """What it works with."""
        self._server, self._scheduler, self._cloud = server, scheduler, cloud
        self.ledger = Ledger(
            self._clock,
            self.policy.slot.cpus,
            self.policy.grace_s,
            server.records,
            lambda name: [(task.grant, task.killed) for task in self.tasks_at(name)],
            server.gets_on,
        )
        server.on_record = self.ledger.changed

    # -- when ----------------------------------------------------------------------

    def poke(self, delay_s: float) -> None:
        """Something is news: a turn after a delay. News until then is part of the same turn."""
        self._turn_at(self._clock.now_s + self._clock.drawn(delay_s))

    def queue_changed(self) -> None:
        """The batch server's jobs or nodes are other than before."""
        self.poke(self._delays.detect_s)

    def offers_came(self) -> None:
        """Mesos has something for us."""
        self.poke(self._delays.offer_s)

    def _turn_at(self, at_s: float) -> None:
        if at_s < self._due_s:
            self._due_s = at_s
            self._clock.at(at_s, self._turn)

    def _turn(self) -> None:
        if self._clock.now_s < self._due_s:
            return  # another one came first
        self._due_s = float("inf")
        self.turns += 1
        snapshot = Snapshot(
            now_s=self._clock.now_s,
            wall_s=self.start_s + self._clock.now_s,
            reading=self._server.read(),
            fresh=True,
            mesos_ready=True,
            agents=self._cloud.agents,
            offers=self._cloud.offers,
            workers=self.workers(),
            suppressed=self._cloud.suppressed,
            memory=self._memory,
        )
        started_s = time.perf_counter()
        plan = self.plan = decide(snapshot, self.policy)
        took_s = time.perf_counter() - started_s
        self.decide_s += took_s
        self.slowest_s = max(self.slowest_s, took_s)
        self._memory = plan.memory
        offers = {offer.offer_id: offer for offer in snapshot.offers}
        for action in plan.actions:
            self._carry_out(action, offers)
        if plan.again_s is not None:
            self._turn_at(max(plan.again_s, self._clock.now_s + _SOON_S))
        if self._budgets and plan.jobs:  # the live loop never sleeps past a midnight
            wall_s = self.start_s + self._clock.now_s
            self._turn_at((wall_s // _DAY_S + 1) * _DAY_S - self.start_s)

    # -- what it sees of Mesos -------------------------------------------------------

    def workers(self) -> tuple[Worker, ...]:
        """Our workers, each with its grants."""
        if self._workers is None:
            for node, tasks in self._at.items():
                if node not in self._worker_of:
                    self._worker_of[node] = Worker(
                        node=node,
                        agent_id=tasks[0].agent_id,
                        executor_id=tasks[0].executor_id,
                        generation=self.policy.generation,
                        grants=tuple(task.grant for task in tasks),
                    )
            self._workers = tuple([self._worker_of[node] for node in self._at])
        return self._workers

    def _changed(self, name: str) -> None:
        """The grants of a node are others now."""
        self._workers = None
        self._worker_of.pop(name, None)
        self.ledger.changed(name)

    def tasks_at(self, name: str) -> list[Task]:
        """The tasks on a host."""
        return list(self._at.get(name, ()))

    # -- carrying out ------------------------------------------------------------------

    def _carry_out(self, action: Action, offers: dict[str, Offer]) -> None:
        server, cloud = self._server, self._cloud
        if isinstance(action, Launch):
            self._launch(action)
        elif isinstance(action, Decline):
            for offer_id in action.offer_ids:
                cloud.decline(offers[offer_id], action.refuse_s)
        elif isinstance(action, Kill):
            self._kill(action.task_ids)
        elif isinstance(action, Revive):
            cloud.revive()
        elif isinstance(action, Suppress):
            cloud.suppress()
        elif isinstance(action, Wake):
            self._scheduler.want(self._delays.kick_s)
        elif isinstance(action, Online):
            for name in action.names:
                record = server.records[name]
                record.offline, record.note = False, ONLINE_NOTE
                server.update(record)
            self.poke(self._delays.turn_s)
        elif isinstance(action, Offline):
            record = server.records[action.name]
            if not record.registering:
                record.offline = True
                record.note = record.note if action.note is None else action.note
                server.update(record)
            self.poke(self._delays.turn_s)
        elif isinstance(action, SetNp):
            record = server.records[action.name]
            record.np, record.gpus = action.np, action.gpus or record.gpus
            server.update(record)
        elif isinstance(action, CreateNode):
            made = Record(action.name, action.np, action.properties, action.note)
            server.create(made, listed=action.name != self.policy.capacity_record)
            self.poke(self._delays.turn_s)
        elif isinstance(action, DeleteNode):
            server.delete(action.name)
        elif isinstance(action, Rerun):
            server.rerun(action.job_id)
            self.poke(self._delays.turn_s)

    def _launch(self, action: Launch) -> None:
        if not self._cloud.accept(action.agent_id, action.resources, _REMAINDER_REFUSE_S):
            return
        there = self.tasks_at(action.name)
        executor_id = there[0].executor_id if there else f"executor-{next(self._numbers)}"
        tasks = []
        for part in action.parts:
            task_id = f"task-{next(self._numbers)}"
            grant = Grant(task_id, part.slots, part.resources, TaskState.STAGING, self._clock.now_s)
            task = Task(grant, action.name, action.agent_id, executor_id)
            self.tasks[task_id] = task
            tasks.append(task)
        self._at.setdefault(action.name, []).extend(tasks)
        self._changed(action.name)
        self._account.count("grants" if there else "starts")
        self._account.hold(action.resources, nodes=0 if there else 1)
        fails = not there and self.fails()
        self._clock.after(self._delays.mom_start_s, lambda: self._started(tasks, fails))
        self.poke(self._delays.turn_s)

    def _started(self, tasks: list[Task], fails: bool) -> None:
        there = [task for task in tasks if self.tasks.get(task.grant.task_id) is task]
        if not there:
            return
        if fails:
            self._account.count("failed starts")
            self._memory = self._memory.with_failure(there[0].agent_id, self._clock.now_s)
        for task in there:
            if fails:
                self.end(task)
            elif task.grant.state is TaskState.STAGING:
                self.set_state(task, TaskState.RUNNING)
                self._server.set_up(task.node, True)
        self.poke(self._delays.offer_s)

    def set_state(self, task: Task, state: TaskState) -> None:
        """A task's new state."""
        task.grant = replace(task.grant, state=state, since_s=self._clock.now_s)
        self._changed(task.node)

    def _kill(self, task_ids: Iterable[str]) -> None:
        """Ask one executor for the end of grants: they end together."""
        known = [self.tasks[task_id] for task_id in task_ids if task_id in self.tasks]
        asked = [
            task
            for task in known
            if not task.killed and task.grant.state is not TaskState.UNREACHABLE
        ]
        for task in asked:
            task.killed = True
        if asked:
            self.ledger.changed(asked[0].node)
            self._clock.after(self._delays.mom_stop_s, lambda: self._stopped(asked))

    def _stopped(self, asked: Sequence[Task]) -> None:
        there = [task for task in asked if self.tasks.get(task.grant.task_id) is task]
        for task in there:
            last = len(self._at[task.node]) == 1
            self._account.count("stops" if last else "grants given back")
            self.end(task)
        if there:
            self.poke(self._delays.offer_s)

    def end(self, task: Task) -> None:
        """A task is over; its mom with the last one of them. The resources go back."""
        del self.tasks[task.grant.task_id]
        self._at[task.node].remove(task)
        last = not self._at[task.node]
        if last:
            del self._at[task.node]
        self._changed(task.node)
        self._account.hold(Resources() - task.grant.resources, nodes=-1 if last else 0)
        if last:
            self._server.freeze(task.node)
            self._server.set_up(task.node, False)
        self._cloud.release(task.agent_id, task.grant.resources)
