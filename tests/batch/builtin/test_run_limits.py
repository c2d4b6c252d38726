"""How many jobs of a server, a queue, a user or a group the scheduler lets run at once."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.batch.builtin.cluster import Cluster
from tests.waiting import wait_for
from torque_mesos.batch.builtin.records import QUEUED, RUNNING
from torque_mesos.batch.builtin.run_limits import RunLimits
from torque_mesos.batch.builtin.scheduler import plan

SERVER_JOBS = "Not Running: Server job limit has been reached."
SERVER_USER = "Not Running: User has reached server running job limit."
SERVER_GROUP = "Not Running: Group has reached server running limit."
QUEUE_JOBS = "Not Running: Queue job limit has been reached."
QUEUE_USER = "Not Running: User has reached queue running job limit."
QUEUE_GROUP = "Not Running: Group has reached queue running limit."


def _job(user: str, state: str = QUEUED, queue: str = "batch", group: str = "people") -> Any:
    return SimpleNamespace(user=user, group=group, queue=queue, state=state)


def _planned(server: dict[str, str], batch: dict[str, str], jobs: list[Any]) -> list[str]:
    """`run`, or its comment, for each queued job; ten slots are free."""
    limits = RunLimits(server, {"batch": batch, "other": {}})
    limits.count(jobs)
    told = [
        [str(number), "1", "", "", limits.of(job)]
        for number, job in enumerate(jobs)
        if job.state == QUEUED
    ]
    nodes = [["n1", ["n1"], 10, 10]]
    orders = plan({"nodes": nodes, "nodect": [0], "limits": limits.counters, "jobs": told})
    return [order.get("comment", order["do"]) for order in orders]


@pytest.mark.parametrize(
    ("server", "batch", "expected"),
    [
        ({}, {}, ["run", "run", "run", "run"]),
        ({"max_running": "3"}, {}, ["run", "run", SERVER_JOBS, SERVER_JOBS]),
        ({"max_running": "0"}, {}, [SERVER_JOBS] * 4),
        ({"max_user_run": "2"}, {}, ["run", SERVER_USER, "run", "run"]),
        ({"max_group_run": "1"}, {}, [SERVER_GROUP] * 4),
        ({}, {"max_running": "2"}, ["run", QUEUE_JOBS, QUEUE_JOBS, "run"]),
        ({}, {"max_user_run": "1"}, [QUEUE_USER, QUEUE_USER, "run", "run"]),
        ({}, {"max_group_run": "2"}, ["run", QUEUE_GROUP, QUEUE_GROUP, "run"]),
        (
            {"max_user_run": "1"},
            {"max_running": "1"},
            [SERVER_USER, SERVER_USER, QUEUE_JOBS, "run"],
        ),
    ],
)
def test_who_may_run(server: dict[str, str], batch: dict[str, str], expected: list[str]) -> None:
    waiting = [_job("ann"), _job("ann"), _job("bob"), _job("cy", queue="other")]
    assert _planned(server, batch, [_job("ann", RUNNING), *waiting]) == expected


def test_jobs_that_do_not_run_do_not_count() -> None:
    jobs = [_job("ann", "H"), _job("ann", "C"), _job("ann", "E"), _job("ann")]
    assert _planned({"max_user_run": "1"}, {}, jobs) == ["run"]


@pytest.mark.system
def test_a_user_may_run_one_job_at_a_time(cluster: Cluster) -> None:
    cluster.with_nodes("n1.cluster.test")
    cluster.qmgr("set server max_user_run=1")
    first = cluster.submit("sleep 1000\n")
    cluster.wait_state(first, "R")
    second = cluster.submit("true\n")
    wait_for(lambda: cluster.job(second).get("comment") == SERVER_USER, 60, "the comment")
    assert cluster.job(second)["job_state"] == "Q"
    cluster.run("qdel", first)
    cluster.wait_state(second, "C")
