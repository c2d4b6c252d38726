"""Whatever changes from turn to turn, a plan is what it would be if nothing had been kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.decide.site import NOW_S, Site
from torque_mesos.decide import Limit, Memory, Plan, Policy, Snapshot, decide
from torque_mesos.decide.kept import forget
from torque_mesos.decide.pool import Pool
from torque_mesos.decide.worker import ONLINE_NOTE
from torque_mesos.model import (
    Job,
    JobState,
    MauiPriority,
    Node,
    NodeState,
    Queue,
    Reading,
    Resources,
    Scheduling,
    frozen_map,
)

_BASE = Site().policy
_FAT = Pool("fat", queues=("fat",), attributes=(("kind", ("fat",)),), properties=("big",))
_POLICIES = (
    _BASE,
    replace(_BASE, limit=Limit(nodes=1)),
    replace(_BASE, queues=("fat",)),
    replace(_BASE, generation="g2"),
    replace(_BASE, gpus=True, grace_s=0.0),
    replace(_BASE, capacity_record=None, floor_slots=2),
    replace(_BASE, slot=Resources(2.0, 1024.0)),
    replace(_BASE, pools=(_FAT, Pool("other"))),
    replace(_BASE, pools=(_FAT, replace(_FAT, name="thin", attributes=(("kind", ("thin",)),)))),
    replace(_BASE, park=False, attribute_properties=()),
)
_QUEUES = (
    (Queue("batch"), Queue("fat")),
    (Queue("batch", started=False), Queue("fat")),
)
_SCHEDULING = (Scheduling(), Scheduling(maui=MauiPriority()))
_HOSTS: dict[str, Callable[[str], Site]] = {
    "unknown": lambda _: Site(),
    "an agent": lambda n: Site().agent(n, kind="fat"),
    "parked": lambda n: Site().parked(n),
    "away": lambda n: _with(n, "parked", agents=[replace(_of(n).agents[0], active=False)]),
    "gone": lambda n: _with(n, "parked", agents=[]),
    "small": lambda n: _with(n, "parked", agents=Site().agent(n, 2).agents),
    "offered": lambda n: _with(n, "parked", offers=Site().offer(n, 2).offers),
    "offered more": lambda n: _with(n, "parked", offers=Site().offer(n, 4).offers),
    "fat": lambda n: Site().parked(n, offered=3, kind="fat"),
    "large": lambda n: Site().parked(n, 8, offered=8),
    "starting": lambda n: Site().starting(n),
    "ready": lambda n: Site().ready(n),
    "idle": lambda n: Site().online(n),
    "grows": lambda n: _with(n, "idle", offers=Site().offer(n, 2).offers),
    "busy": lambda n: Site().online(n, jobs={0: "0.head", 2: "1.head"}),
    "less": lambda n: _with(n, "busy", workers=Site().worker(n, 2).workers),
    "raised": lambda n: _with(n, "busy", workers=Site().worker(n, 6).workers),
    "loaded": lambda n: Site().agent(n).node(n, 4, (NodeState.BUSY,), ONLINE_NOTE).worker(n),
    "draining": lambda n: Site().draining(n, jobs={1: "0.head"}),
    "sunk": lambda n: _with(n, "draining", workers=Site().worker(n, 2).workers),
    "drained": lambda n: Site().draining(n),
    "others'": lambda n: Site().agent(n).node(n, note="mine"),
}
_REQUESTS = (
    {"nodes": "1"},
    {"nodes": "1:ppn=2"},
    {"nodes": "2:ppn=3"},
    {"nodes": "1:ppn=6"},
    {"nodes": "1:gpus=1"},
    {"nodes": "1:fat:ppn=2"},
    {"nodes": "1", "mem": "3gb"},
    {"nodes": "9"},
    {"nodes": "x="},
    {"nodes": "1", "x": "HOSTLIST=n1"},
    {"nodes": "1", "x": "NACCESSPOLICY:SINGLEJOB"},
    {"select": "1:ncpus=1", "place": "excl"},
)
_LARGE, _MEMORY, _NAMES_HOST = 3, 6, 9  # of these
_STATES = (None, JobState.QUEUED, JobState.RUNNING, JobState.HELD)
_CAPACITY = Node(
    str(_BASE.capacity_record), frozenset(), 10_000, frozenset(), "torque-mesos:capacity"
)
_NAMES = ("n0", "n1", "n2")


@cache
def _of(name: str, how: str = "parked") -> Site:
    """A host that is somehow: the very same values each time."""
    return _HOSTS[how](name)


def _with(name: str, how: str, **parts: Any) -> Site:
    """A host of which only some parts are others."""
    return replace(_of(name, how), **parts)


@cache
def _job(number: int, asked: int, state: JobState, queue: str) -> Job:
    at = ("n0",) if state is JobState.RUNNING else ()
    resources = frozen_map(_REQUESTS[asked])
    return Job(f"{number}.head", "j", "u@h", queue, state, resources, exec_nodes=at)


_tuples: dict[tuple[int, ...], tuple[Any, ...]] = {}


def _same(values: Iterable[Any]) -> tuple[Any, ...]:
    """The very same tuple for the same values."""
    found = tuple(values)
    return _tuples.setdefault(tuple(map(id, found)), found)


@dataclass
class _World:
    """What is read in the next turn. A step changes some of it."""

    policy: int = 0
    queues: int = 0
    scheduling: int = 0
    capacity: bool = True
    unreadable: frozenset[str] = frozenset()
    names: Sequence[str] = _NAMES
    memory: Memory = Memory()
    now_s: float = NOW_S

    def __post_init__(self) -> None:
        self.hosts = {"n0": "busy", "n1": "offered", "n2": "large"}
        self.jobs: dict[int, tuple[int, JobState | None, str]] = {
            0: (_MEMORY, JobState.RUNNING, "batch"),
            1: (_LARGE, JobState.QUEUED, "batch"),
            2: (_NAMES_HOST, JobState.QUEUED, "batch"),
            3: (0, JobState.QUEUED, "batch"),
        }

    def change(self, what: str | int, value: Any) -> None:
        """Change one thing: a job by its number, a host by its name, or what else there is."""
        if isinstance(what, int):
            self.jobs[what] = value
        elif what in self.hosts:
            self.hosts[what] = value
        elif what == "swap":
            one, other = value
            self.hosts[one], self.hosts[other] = self.hosts[other], self.hosts[one]
        elif what == "failure":
            self.memory = self.memory.with_failure(f"a-{value}", self.now_s)
        elif what == "began":
            self.memory = replace(self.memory, np_at_start=_BEGAN[value])
        else:
            setattr(self, what, self.now_s + value if what == "now_s" else value)

    def snapshot(self) -> Snapshot:
        parts = [_of(name, self.hosts[name]) for name in self.names]
        reading = Reading(
            jobs=_same(
                _job(number, asked, state, queue)
                for number, (asked, state, queue) in self.jobs.items()
                if state is not None
            ),
            nodes=_same([_CAPACITY] * self.capacity + [n for part in parts for n in part.nodes]),
            queues=_QUEUES[self.queues],
            scheduling=_SCHEDULING[self.scheduling],
            unreadable_nodes=self.unreadable,
        )
        return Snapshot(
            self.now_s,
            reading,
            fresh=True,
            mesos_ready=True,
            agents=_same(agent for part in parts for agent in part.agents),
            offers=_same(offer for part in parts for offer in part.offers),
            workers=_same(worker for part in parts for worker in part.workers),
            memory=self.memory,
        )


_BEGAN = (
    frozen_map({}),
    frozen_map({"n0": frozen_map({"0.head": 3})}),
    frozen_map({"n1": frozen_map({"0.head": 1})}),
)
_OFTEN = ("unknown", "parked", "large", "large")
_job_of = st.tuples(
    st.integers(0, len(_REQUESTS) - 1), st.sampled_from(_STATES), st.sampled_from(("batch", "fat"))
)
_host_of = st.tuples(st.sampled_from(_NAMES), st.sampled_from([*sorted(_HOSTS), *_OFTEN]))
_other = st.one_of(
    st.tuples(st.just("policy"), st.integers(0, len(_POLICIES) - 1)),
    st.tuples(st.just("queues"), st.integers(0, 1)),
    st.tuples(st.just("scheduling"), st.integers(0, 1)),
    st.tuples(st.just("capacity"), st.booleans()),
    st.tuples(st.just("unreadable"), st.frozensets(st.sampled_from(_NAMES), max_size=1)),
    st.tuples(st.just("names"), st.permutations(_NAMES)),
    st.tuples(st.just("swap"), st.permutations(_NAMES).map(lambda names: names[:2])),
    st.tuples(st.just("failure"), st.sampled_from(_NAMES)),
    st.tuples(st.just("began"), st.integers(0, 2)),
    st.tuples(st.just("now_s"), st.floats(1.0, 200.0)),
)
_step = st.one_of(_host_of, st.tuples(st.integers(0, 3), _job_of), _other)


@settings(max_examples=120, deadline=None)
@given(st.lists(_host_of, max_size=3), st.lists(st.lists(_step, max_size=2), max_size=8))
def test_a_plan_is_what_it_would_be_if_nothing_had_been_kept(
    first: list[tuple[str, str]], turns: list[list[tuple[Any, Any]]]
) -> None:
    world = _World()
    taken: list[tuple[Snapshot, Policy, Plan]] = []
    forget()
    for steps in (first, *turns):
        for what, value in steps:
            world.change(what, value)
        snapshot, policy = world.snapshot(), _POLICIES[world.policy]
        plan = decide(snapshot, policy)
        taken.append((snapshot, policy, plan))
        world.memory = plan.memory
    for snapshot, policy, plan in taken:
        forget()
        assert decide(snapshot, policy) == plan
