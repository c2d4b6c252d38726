"""One decision over a large cluster: jobs x nodes x offers.

A third of the agents run a worker that is full, a third one with free slots, the rest are
parked; every agent has an offer. Jobs ask for one to sixteen slots on one to eight hosts,
with and without properties; most of them must wait.

Two decisions of a process that has made none before: the first one, and the next turn. For that
one the server was read anew: jobs, nodes and workers are other values that are equal, as the live
loop has them; agents and offers are the same, and so is what the first one remembered. The
process's time, garbage collection as Python has it, the best of several processes. Growth is told
as the ratio of the times to the ratio of the sizes: 1 is linear.
"""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from random import Random
from typing import TypeVar

from benchmarks.result import Result
from torque_mesos.decide import Policy, Snapshot, decide
from torque_mesos.decide.worker import CAPACITY_NOTE, ONLINE_NOTE, PARKED_NOTE
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

NEEDS_TORQUE = False

SIZES = ((2_000, 100), (20_000, 1_000), (100_000, 10_000))  # jobs, nodes (and offers)
ROUNDS = 3
T = TypeVar("T")
_NAMES = ("decide_first", "decide_next")
SLOTS = 16
POLICY = Policy(attribute_properties=("rack", "kind"), capacity_record="localhost")
REQUESTS = (
    *["1:ppn=1"] * 6, "1:ppn=2", "1:ppn=4", "1:ppn=16", "1:ppn=8:fat", "2:ppn=4", "4:ppn=16",
    "8:ppn=16:thin", "1:ppn=12:r3", "1:fat:ppn=4+2:ppn=2", "2:ppn=8:r7",
)  # fmt: skip


def cluster(jobs: int, nodes: int, seed: int = 1) -> Snapshot:
    """A snapshot of that many jobs, and nodes with an offer each."""
    random = Random(seed)
    agents, offers, workers = [], [], []
    records = [_capacity()]
    running: list[Job] = []
    for number in range(nodes):
        name = f"n{number}.cluster.test"
        kind = "fat" if number % 8 == 0 else "thin"
        attributes = frozen_map({"rack": f"r{number % 40}", "kind": kind})
        total = Resources(float(2 * SLOTS), 2 * SLOTS * 4096.0)
        agent = Agent(f"agent-{number}", name, total, attributes)
        agents.append(agent)
        held = SLOTS if number % 3 else 0
        slots: dict[int, str] = {}
        if held:
            task = Grant(f"task-{number}", held, POLICY.slot * held, TaskState.RUNNING, since_s=0.0)
            workers.append(Worker(name, agent.agent_id, f"executor-{number}", "", (task,)))
            job_id = f"{number}.head"
            slots = dict.fromkeys(range(held if number % 3 == 1 else held // 2), job_id)
            running.append(_job(job_id, f"1:ppn={len(slots)}", JobState.RUNNING, (name,)))
        free = total - POLICY.slot * held
        offers.append(
            Offer(f"offer-{number}", agent.agent_id, name, free, attributes, received_s=1000.0)
        )
        states = {NodeState.FREE} if held else {NodeState.DOWN, NodeState.OFFLINE}
        records.append(
            Node(
                name,
                frozenset(states),
                held or agent.total.slots(POLICY.slot),
                POLICY.node_properties(agent),
                ONLINE_NOTE if held else PARKED_NOTE,
                frozen_map(slots),
            )
        )
    waiting = [
        _job(f"{nodes + number}.head", random.choice(REQUESTS), JobState.QUEUED)
        for number in range(jobs - len(running))
    ]
    return Snapshot(
        now_s=1000.0,
        reading=Reading((*running, *waiting), tuple(records), (Queue("batch"),)),
        fresh=True,
        mesos_ready=True,
        agents=tuple(agents),
        offers=tuple(offers),
        workers=tuple(workers),
    )


def _capacity() -> Node:
    states = frozenset({NodeState.DOWN})
    return Node("localhost", states, 10_000, frozenset(), CAPACITY_NOTE)


def _job(job_id: str, nodes: str, state: JobState, at: tuple[str, ...] = ()) -> Job:
    resources = frozen_map({"nodes": nodes, "walltime": "01:00:00"})
    return Job(job_id, "job", "user@head", "batch", state, resources, exec_nodes=at)


def run() -> Iterator[Result]:
    """Measure each size: times, growth, and the peak of memory above the snapshot's."""
    before: tuple[tuple[int, int], tuple[float, float]] | None = None
    for jobs, nodes in SIZES:
        size = f"{jobs:,} jobs x {nodes:,} nodes x {nodes:,} offers"
        rounds = [_apart(_timed, jobs, nodes) for _ in range(ROUNDS)]
        best_s = min(first_s for first_s, _ in rounds), min(next_s for _, next_s in rounds)
        for name, now_s in zip(_NAMES, best_s, strict=True):
            yield Result(name, now_s, "s", size=size)
        if before is not None:
            larger = _larger(before[0], (jobs, nodes))
            for name, now_s, then_s in zip(_NAMES, best_s, before[1], strict=True):
                yield Result(f"{name}_growth", now_s / then_s / larger, "time / size", size=size)
        yield Result("decide_peak", _apart(_peak_mb, jobs, nodes), "MiB", size=size)
        before = (jobs, nodes), best_s


def _apart(measure: Callable[[int, int], T], jobs: int, nodes: int) -> T:
    """What is measured in a process of its own: nothing is kept of another decision."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(measure, jobs, nodes).result()


def _larger(before: tuple[int, int], now: tuple[int, int]) -> float:
    """How much larger: jobs, nodes and offers together."""
    return (now[0] + 2 * now[1]) / (before[0] + 2 * before[1])


def _timed(jobs: int, nodes: int) -> tuple[float, float]:
    """How long the first decision takes, and that of the next turn."""
    snapshot, again = cluster(jobs, nodes), cluster(jobs, nodes)
    gc.collect()
    started_s = time.process_time()
    plan = decide(snapshot, POLICY)
    first_s = time.process_time() - started_s
    agents, offers = snapshot.agents, snapshot.offers
    again = replace(again, now_s=1001.0, agents=agents, offers=offers, memory=plan.memory)
    gc.collect()
    started_s = time.process_time()
    decide(again, POLICY)
    return first_s, time.process_time() - started_s


def _peak_mb(jobs: int, nodes: int) -> float:
    snapshot = cluster(jobs, nodes)
    tracemalloc.start()
    decide(snapshot, POLICY)
    return tracemalloc.get_traced_memory()[1] / 2**20
