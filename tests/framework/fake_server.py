"""A batch server in memory that behaves as its adapter's contract says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from torque_mesos.batch.base import NewNode, Refused, ServerUnreachable, Traits
from torque_mesos.model import Job, JobState, Node, NodeState, Queue, Reading, frozen_map

CAPACITY = "localhost"


@dataclass
class FakeServer:
    """Jobs start when the scheduler is woken; moms are up when a test says so."""

    traits: Traits = Traits(capacity_record=CAPACITY)
    jobs: dict[str, Job] = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)
    calls: list[tuple[object, ...]] = field(default_factory=list)
    unreachable: bool = False
    refuse: set[str] = field(default_factory=set)

    def read(self) -> Reading:
        if self.unreachable:
            raise ServerUnreachable("cannot connect to server head, error=111")
        return Reading(tuple(self.jobs.values()), tuple(self.nodes.values()), (Queue("batch"),))

    def prepare(self, queues: Sequence[str], max_slots: int) -> None:
        self.calls.append(("prepare", tuple(queues), max_slots))

    def create_nodes(self, nodes: Sequence[NewNode]) -> None:
        for new in nodes:
            self._note("create", new.name)
            states = frozenset({NodeState.DOWN, NodeState.OFFLINE, NodeState.MOM_LIST_NOT_SENT})
            self.nodes.setdefault(
                new.name, Node(new.name, states, new.np, new.properties, new.note, gpus=new.gpus)
            )

    def delete_node(self, name: str) -> None:
        self._note("delete", name)
        assert not self.nodes[name].slots, "a busy node was deleted"
        del self.nodes[name]

    def set_np(self, name: str, np: int, gpus: int = 0) -> None:
        self._note("np", name, np)
        assert np > max(self.nodes[name].slots, default=-1), "a slot in use was taken away"
        self.nodes[name] = replace(self.nodes[name], np=np, gpus=gpus or self.nodes[name].gpus)

    def set_offline(self, names: Iterable[str], note: str | None) -> None:
        for name in names:
            self._note("offline", name, note)
            self._change(name, add={NodeState.OFFLINE}, note=note)

    def set_online(self, names: Iterable[str], note: str) -> None:
        for name in names:
            self._note("online", name, note)
            self._change(name, drop={NodeState.OFFLINE}, note=note)

    def wake_scheduler(self) -> None:
        self._note("wake")
        self.schedule()

    def rerun(self, job_id: str) -> None:
        self._note("rerun", job_id)
        self.end(job_id, JobState.QUEUED)

    # --- what a test makes happen ---------------------------------------------

    def registered(self) -> None:
        """The ten seconds after which a created record can be used are over."""
        for name in self.nodes:
            if NodeState.MOM_LIST_NOT_SENT in self.nodes[name].states:
                self._change(name, drop={NodeState.MOM_LIST_NOT_SENT, NodeState.OFFLINE})

    def mom(self, name: str, *, up: bool) -> None:
        """A mom was started, or has ended and the server knows."""
        change = {NodeState.DOWN}
        self._change(name, drop=change) if up else self._change(name, add=change)

    def submit(self, job_id: str, nodes: str = "1") -> None:
        self.jobs[job_id] = Job(
            job_id, "job", "alice@head", "batch", JobState.QUEUED, frozen_map({"nodes": nodes})
        )
        self.schedule()

    def schedule(self) -> None:
        """Start one-slot-a-host jobs that fit (requests are `N` or `N:ppn=M`)."""
        for job in self.jobs.values():
            if job.state is not JobState.QUEUED:
                continue
            count, _, ppn = job.resources["nodes"].partition(":ppn=")
            fitting = [n for n in self.nodes.values() if self._free(n) >= int(ppn or 1)]
            if len(fitting) < int(count):
                continue
            for node in fitting[: int(count)]:
                free = [i for i in range(node.np) if i not in node.slots][: int(ppn or 1)]
                taken = {**node.slots, **dict.fromkeys(free, job.job_id)}
                self.nodes[node.name] = replace(node, slots=frozen_map(taken))
            self.jobs[job.job_id] = replace(job, state=JobState.RUNNING)

    def end(self, job_id: str, state: JobState = JobState.COMPLETE) -> None:
        """A job ends, or goes back into its queue."""
        for name, node in self.nodes.items():
            left = {index: job for index, job in node.slots.items() if job != job_id}
            self.nodes[name] = replace(node, slots=frozen_map(left))
        self.jobs[job_id] = replace(self.jobs[job_id], state=state)

    def _free(self, node: Node) -> int:
        if node.states & {NodeState.OFFLINE, NodeState.DOWN}:
            return 0
        return node.np - len(node.slots)

    def _note(self, what: str, *about: object) -> None:
        self.calls.append((what, *about))
        if what in self.refuse:
            raise Refused(f"{what} is refused")

    def _change(
        self,
        name: str,
        add: set[NodeState] = frozenset(),  # type: ignore[assignment]
        drop: set[NodeState] = frozenset(),  # type: ignore[assignment]
        note: str | None = None,
    ) -> None:
        node = self.nodes[name]
        states = (node.states | add) - drop
        states = (states - {NodeState.FREE}) or {NodeState.FREE}
        self.nodes[name] = replace(
            node, states=frozenset(states), note=node.note if note is None else note
        )
