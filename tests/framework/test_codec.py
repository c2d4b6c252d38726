"""Pools, limits and costs go into a journal of snapshots and come back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from torque_mesos.decide import Memory, Policy, Snapshot
from torque_mesos.decide.budget import Spending, Spent
from torque_mesos.decide.pool import Budget, Limit, Pool, Schedule, Share
from torque_mesos.framework.codec import CodecError, plain, read
from torque_mesos.model import (
    Job,
    JobState,
    Offer,
    Queue,
    Reading,
    Resources,
    RunLimit,
    Scheduling,
    Whose,
    frozen_map,
)


def through_json(value: Any) -> Any:
    return read(type(value), json.loads(json.dumps(plain(value))))


def test_a_policy_with_pools_comes_back() -> None:
    mornings = Schedule(frozenset({0, 4}), 27000, 32400, 16)
    pool = Pool(
        "gpu",
        queues=("gpu*",),
        attributes=(("kind", ("gpu", "big*")), ("rack", ("r1",))),
        share=Share(Limit(gpus=3), 1, 2, (mornings,), Budget(day=2.0)),
        price=1.0,
        role="gpu",
    )
    policy = Policy(pools=(pool,), schedules=(mornings,), price=0.5, budget=Budget(1.0, 2.0))
    assert through_json(policy) == policy


def test_a_snapshot_with_limits_and_costs_comes_back() -> None:
    limit = RunLimit(Whose.USER, 2, "alice", "max_run")
    job = Job("1.head", "j", "u@h", "q", JobState.HELD, user="u", holds="l", eligible_s=3.0)
    reading = Reading(
        jobs=(job,),
        queues=(Queue("q", priority=5, run_limits=(limit,)),),
        run_limits=(RunLimit(Whose.ALL, 0),),
        scheduling=Scheduling(by_queue=True, starving_after_s=86400.0, formula="ncpus"),
    )
    snapshot = Snapshot(
        now_s=1.0,
        reading=reading,
        fresh=True,
        mesos_ready=True,
        offers=(Offer("o", "a", "h", Resources(1, 1, 1), role="gpu"),),
        memory=Memory(spending=Spending(3.0, frozen_map({"": Spent(1, 2.0, 3, 4.0)}))),
        wall_s=3.0,
        offset_s=3600.0,
    )
    assert through_json(snapshot) == snapshot


def test_a_pair_of_another_length_is_an_error() -> None:
    with pytest.raises(CodecError, match="attributes"):
        read(Pool, {"name": "gpu", "attributes": [["kind"]]})
