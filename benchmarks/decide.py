"""One decision over a large cluster: jobs x nodes x offers.

A third of the agents run a worker that is full, a third one with free slots, the rest are
parked; every agent has an offer. Jobs ask for one to sixteen slots on one to eight hosts,
with and without properties; most of them must wait. The process's time, the best of several.
Growth is told as the ratio of the times to the ratio of the sizes: 1 is linear.
"""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Iterator
from random import Random

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
    """Measure each size: time, growth, and the peak of memory above the snapshot's."""
    before: tuple[int, int, float] | None = None
    for jobs, nodes in SIZES:
        snapshot = cluster(jobs, nodes)
        size = f"{jobs:,} jobs x {nodes:,} nodes x {nodes:,} offers"
        best_s = min(_timed(snapshot) for _ in range(ROUNDS))
        yield Result("decide", best_s, "s", size=size)
        if before is not None:
            grown = (best_s / before[2]) / _larger(before, (jobs, nodes))
            yield Result("decide_growth", grown, "time / size", size=size)
        yield Result("decide_peak", _peak_mb(snapshot), "MiB", size=size)
        before = (jobs, nodes, best_s)


def _larger(before: tuple[int, int, float], now: tuple[int, int]) -> float:
    """How much larger: jobs, nodes and offers together."""
    return (now[0] + 2 * now[1]) / (before[0] + 2 * before[1])


def _timed(snapshot: Snapshot) -> float:
    gc.collect()
    started_s = time.process_time()
    decide(snapshot, POLICY)
    return time.process_time() - started_s


def _peak_mb(snapshot: Snapshot) -> float:
    gc.collect()
    tracemalloc.start()
    try:
        decide(snapshot, POLICY)
        return tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()
