"""A published turn with a bit of everything."""

from __future__ import annotations

from typing import Any

from torque_mesos.decide import Limit, Plan, Policy, Snapshot
from torque_mesos.decide.reason import Code, Reason
from torque_mesos.decide.worker import CAPACITY_NOTE, ONLINE_NOTE, PARKED_NOTE
from torque_mesos.framework.published import Published
from torque_mesos.model import (
    Agent,
    Grant,
    Job,
    JobState,
    Node,
    NodeState,
    Queue,
    Reading,
    Resources,
    TaskState,
    Worker,
    frozen_map,
)

POLICY = Policy(limit=Limit(nodes=4), floor_slots=1, queues=("batch",), capacity_record="localhost")

_OFFLINE = frozenset({NodeState.OFFLINE, NodeState.DOWN})
_FREE = frozenset({NodeState.FREE})

READING = Reading(
    jobs=(
        Job("1.head", "runs", "ann@head", "batch", JobState.RUNNING, exec_nodes=("n1", "n1")),
        Job("2.head", "waits", "ann@head", "batch", JobState.QUEUED),
        Job("3[1].head", "array", "bob@head", "batch", JobState.QUEUED),
        Job("3[2].head", "array", "bob@head", "long", JobState.QUEUED),
        Job("4.head", "done", "bob@head", "batch", JobState.COMPLETE),
    ),
    nodes=(
        Node("n1", _FREE, 4, note=ONLINE_NOTE, slots=frozen_map({0: "1.head", 1: "1.head"})),
        Node("n2", _OFFLINE, 4, note=PARKED_NOTE),
        Node("n9", _FREE, 16, note="ours"),
        Node("localhost", _OFFLINE, 10_000, note=CAPACITY_NOTE),
    ),
    queues=(Queue("batch"), Queue("long")),
    problems=("job 7: no state",),
)


def published(**changes: Any) -> Published:
    values: dict[str, Any] = {
        "at_s": 100.0,
        "wall_s": 1.7e9,
        "snapshot": Snapshot(
            now_s=100.0,
            reading=READING,
            fresh=True,
            mesos_ready=True,
            agents=(
                Agent("a1", "n1", Resources(4, 4096)),
                Agent("a2", "n2", Resources(4, 4096)),
                Agent("a3", "n3", Resources(4, 4096)),
            ),
            workers=(
                Worker(
                    "n1",
                    "a1",
                    "e1",
                    "g1",
                    (Grant("t1", 4, Resources(4, 4096), TaskState.RUNNING, 1.0),),
                ),
            ),
        ),
        "plan": Plan(
            jobs=frozen_map(
                {
                    "2.head": Reason(Code.AT_LIMIT, "it waits for slots", frozen_map({"nodes": 4})),
                    "3[1].head": Reason(Code.RUNS_SOON, "slots are free for it"),
                    "3[2].head": Reason(Code.QUEUE_NOT_WATCHED, "its queue is not served"),
                }
            ),
            nodes=frozen_map({"n2": Reason(Code.NO_DEMAND, "nothing wants it")}),
        ),
        "framework_id": "f-1",
        "master": "m:5050",
        "connected": True,
        "server_error": None,
        "action_errors": ("SetNp: refused",),
        "turns": 7,
        "turn_errors": 1,
        "last_turn_error": "ValueError: x",
        "turn_s": 0.01,
    }
    return Published(**{**values, **changes})
