"""The batch server of the fault world, with TORQUE's traps, and its scheduler."""

from __future__ import annotations

from tests.decide.world.parts import Broken, Record, Work
from tests.decide.world.state import State
from torque_mesos.decide.packing import Host, Tier, place
from torque_mesos.decide.plan import (
    Action,
    CreateNode,
    DeleteNode,
    Offline,
    Online,
    Rerun,
    SetNp,
    Wake,
)
from torque_mesos.decide.request import Request
from torque_mesos.decide.worker import ONLINE_NOTE
from torque_mesos.model import (
    Job,
    JobState,
    Node,
    NodeState,
    Queue,
    Reading,
    TaskState,
    frozen_map,
)


class Server(State):
    """Reads, schedules, and does what it is told."""

    def submit(self, nodes: str, runs_s: float = 20.0, queue: str = "batch", **more: str) -> Work:
        work = Work(f"{next(self.numbers)}.head", nodes, runs_s, queue=queue, more=more)
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
                frozen_map(work.resources),
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
            record.gpus,
        )

    def infeasible(self, work: Work) -> bool:
        """Whether pbs_sched would delete a job at its next cycle."""
        if self.policy.capacity_record is None:
            return False
        request = work.request
        if request is None:
            return False
        if self.policy.capacity_record in self.records:
            return request.slots > sum(record.np for record in self.records.values())
        hosts = [
            Host(r.name, r.np, Tier.ONLINE, r.properties | {r.name}, gpus=request.gpus)
            for r in self.records.values()
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
            request = work.request
            if request is None:
                continue
            hosts = [
                Host(
                    r.name,
                    self._free(r),
                    Tier.ONLINE,
                    r.properties | {r.name},
                    gpus=r.gpus - self._used(r)[1],
                )
                for r in self.records.values()
                if self._has_memory(r, request)
            ]
            if placement := place(request, hosts):
                self._start(work, dict(placement.slots))

    def _free(self, record: Record) -> int:
        up = record.up and self.now_s >= self.all_down_until
        if record.offline or record.registering or not up:
            return 0
        return sum(1 for slot in range(record.np) if slot not in record.slots)

    def _used(self, record: Record) -> tuple[float, int]:
        """The memory and gpus that jobs on a node asked for."""
        mem_mb, gpus = 0.0, 0
        for job_id in set(record.slots.values()):
            request = self.jobs[job_id].request if job_id in self.jobs else None
            if request is not None:  # the parts of a request are alike where they have either
                mem_mb += request.chunks[0].mem_mb
                gpus += request.chunks[0].gpus
        return mem_mb, gpus

    def _has_memory(self, record: Record, request: Request) -> bool:
        """Whether a node has the memory that a part of a request asks for, if that counts."""
        if not (self.memory_counts and request.mem_mb):
            return True
        tasks = [task for task in self.tasks_at(record.name) if task.state is TaskState.RUNNING]
        granted_mb = sum(task.resources.mem_mb for task in tasks if not task.killed)
        return granted_mb - self._used(record)[0] >= request.chunks[0].mem_mb

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
            if action.gpus:  # a record cannot say that there are none
                self.records[action.name].gpus = action.gpus
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
