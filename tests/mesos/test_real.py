"""The link on a real Mesos."""

from __future__ import annotations

import re
import signal
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dev.mesos.cluster import Cluster
from tests.mesos.conftest import Seen
from tests.waiting import wait_for
from torque_mesos.mesos.base import (
    AgentLost,
    Disconnected,
    EndCause,
    Ended,
    MesosError,
    Offers,
    Subscribed,
    TaskStatus,
)
from torque_mesos.mesos.credentials import Credentials
from torque_mesos.mesos.link import PymesosLink
from torque_mesos.model import Agent, Offer, Resources, TaskState

pytestmark = pytest.mark.system

MakeLink = Callable[..., PymesosLink]
StartCluster = Callable[..., Cluster]


def sleeper(task_id: str, agent_id: str, cpus: float = 0.5) -> dict[str, Any]:
    return {
        "name": task_id,
        "task_id": {"value": task_id},
        "agent_id": {"value": agent_id},
        "command": {"shell": False, "value": "/bin/sleep", "arguments": ["sleep", "300"]},
        "resources": [
            {"name": "cpus", "type": "SCALAR", "scalar": {"value": cpus}},
            {"name": "mem", "type": "SCALAR", "scalar": {"value": 64}},
        ],
    }


def status(seen: Seen, task_id: str, *, reason: str = "", after: int = 0) -> TaskStatus:
    """The first status of a task with `reason` (if given) beyond the first `after` events."""

    def found() -> list[TaskStatus]:
        return [
            event
            for event in seen[after:]
            if isinstance(event, TaskStatus)
            and event.task_id == task_id
            and reason in {"", event.reason}
        ]

    wait_for(found, 60, f"a status of {task_id} ({reason})")
    return found()[0]


def launch_one(link: PymesosLink, seen: Seen, task_id: str = "t1") -> Offer:
    offer = seen.wait(Offers).offers[0]
    link.launch([offer.offer_id], [sleeper(task_id, offer.agent_id)], 5)
    assert status(seen, task_id).state is TaskState.RUNNING
    return offer


def test_offers_tasks_and_calls(
    mesos_cluster: StartCluster, make_link: MakeLink, seen: Seen
) -> None:
    cluster = mesos_cluster(
        ["n1.cluster.test", "n2.cluster.test"],
        resources="cpus:2;mem:1024;mem(other):500",
        attributes=["rack:r1;zone:é;n:3;r:[1-3,7-9]", "rack:r2"],
    )
    link = make_link(cluster.master)
    subscribed = seen.wait(Subscribed)
    assert subscribed == Subscribed(subscribed.framework_id, cluster.master, again=False)

    wait_for(lambda: sum(len(e.offers) for e in seen.of(Offers)) == 2, 60, "two offers")
    offers = {each.hostname: each for event in seen.of(Offers) for each in event.offers}
    first = offers["n1.cluster.test"]
    assert first.resources == Resources(2, 1024)
    assert first.attributes == {"rack": "r1", "zone": "é", "n": "3", "r": "[1-3, 7-9]"}
    assert {agent.hostname: replace(agent, address="") for agent in link.agents()} == {
        name: Agent(each.agent_id, name, each.resources, each.attributes)
        for name, each in offers.items()
    }

    link.launch([first.offer_id], [sleeper("t1", first.agent_id)], 5)
    assert status(seen, "t1").state is TaskState.RUNNING
    link.launch([first.offer_id], [sleeper("t2", first.agent_id)], 5)
    dropped = status(seen, "t2")
    assert (dropped.state, dropped.reason) == (TaskState.DROPPED, "REASON_INVALID_OFFERS")

    before = len(seen)
    link.reconcile()
    known = status(seen, "t1", reason="REASON_RECONCILIATION", after=before)
    assert (known.state, known.agent_id) == (TaskState.RUNNING, first.agent_id)
    link.reconcile([("nobody", None), ("no-one", first.agent_id)])
    assert status(seen, "nobody").state is TaskState.UNKNOWN
    assert status(seen, "no-one").state is TaskState.GONE

    before = len(seen)
    link.kill("t1", first.agent_id)
    assert status(seen, "t1", after=before).state is TaskState.KILLED

    second = offers["n2.cluster.test"]
    link.decline([second.offer_id], 3600)
    before = len(seen)
    link.revive()
    wait_for(
        lambda: any(o.hostname == second.hostname for e in seen[before:] if isinstance(e, Offers)
                    for o in e.offers),
        60, "the declined one again, after a revive",
    )  # fmt: skip


def test_stop_leaves_tasks_alone_and_a_new_link_finds_them(
    mesos_cluster: StartCluster, make_link: MakeLink, seen: Seen
) -> None:
    cluster = mesos_cluster()
    link = make_link(cluster.master, roles=("first",))
    launch_one(link, seen)
    framework_id = seen.wait(Subscribed).framework_id
    begin = time.monotonic()
    link.stop()
    assert time.monotonic() - begin < 60
    seen.clear()
    # Under another role: a framework with MULTI_ROLE may change it.
    link = make_link(cluster.master, roles=("second",), framework_id=framework_id)
    assert seen.wait(Subscribed).again
    link.reconcile()
    assert status(seen, "t1").state is TaskState.RUNNING

    link.teardown()
    wait_for(lambda: cluster.used_resources().get("cpus", 0) == 0, 60, "the task's end")
    seen.clear()
    make_link(cluster.master, framework_id=framework_id)
    assert seen.wait(Ended).cause is EndCause.REMOVED
    assert not seen.of(Subscribed)


def test_of_two_links_with_one_id_the_first_ends(
    mesos_cluster: StartCluster, make_link: MakeLink, seen: Seen
) -> None:
    cluster = mesos_cluster()
    make_link(cluster.master)
    framework_id = seen.wait(Subscribed).framework_id
    others = Seen()
    make_link(cluster.master, others.append, framework_id=framework_id)
    others.wait(Subscribed)
    assert seen.wait(Ended).cause is EndCause.TAKEN_OVER
    others.wait(Offers)
    assert len(seen.of(Subscribed)) == len(others.of(Subscribed)) == 1
    assert not others.of(Disconnected)


def test_a_role_that_cannot_be_is_the_end(
    mesos_cluster: StartCluster, make_link: MakeLink, seen: Seen
) -> None:
    make_link(mesos_cluster().master, roles=("a/../b",))
    ended = seen.wait(Ended)
    assert ended.cause is EndCause.REJECTED
    assert "a/../b" in ended.message


def test_credentials(
    mesos_cluster: StartCluster, make_link: MakeLink, seen: Seen, tmp_path: Path
) -> None:
    file = tmp_path / "credentials"
    file.write_text('{"credentials": [{"principal": "torque", "secret": "s3cr3t"}]}')
    cluster = mesos_cluster(
        master_flags={
            "authenticate_http_frameworks": "true",
            "http_framework_authenticators": "basic",
            "credentials": str(file),
        }
    )
    make_link(cluster.master, credentials=Credentials("torque", "wrong"))
    ended = seen.wait(Ended)
    assert ended.cause is EndCause.REJECTED
    assert "401" in ended.message
    seen.clear()
    link = make_link(cluster.master, credentials=Credentials("torque", "s3cr3t"))
    launch_one(link, seen)
    assert len(link.agents()) == 1


def test_a_master_that_is_killed_and_comes_back(
    mesos_cluster: StartCluster, make_link: MakeLink, seen: Seen
) -> None:
    cluster = mesos_cluster()
    make_link(cluster.master)
    seen.wait(Offers)
    cluster.kill("master")
    seen.wait(Disconnected)
    cluster.restart("master")
    again = seen.wait(Subscribed, 2, deadline_s=60)
    assert again.again
    assert again.framework_id == seen.of(Subscribed)[0].framework_id
    assert len(seen.of(Disconnected)) == 1


def test_a_master_that_hangs_is_noticed(
    mesos_cluster: StartCluster, make_link: MakeLink, seen: Seen
) -> None:
    """Mesos' heartbeats come every 15 s, so three that are missed take 45 s."""
    cluster = mesos_cluster()
    link = make_link(cluster.master, call_timeout_s=1.0)
    seen.wait(Offers)
    cluster.kill("master", signal.SIGSTOP)
    begin = time.monotonic()
    with pytest.raises(MesosError, match="timed out"):
        link.revive()
    assert time.monotonic() - begin < 30  # and not when the connection is given up
    lost = seen.wait(Disconnected, deadline_s=60)
    assert re.search(r"heard nothing for (4[5-9]|[5-9]\d)\.", lost.reason)
    cluster.kill("master", signal.SIGCONT)
    assert seen.wait(Subscribed, 2, deadline_s=60).again


def test_an_agent_that_is_lost(
    mesos_cluster: StartCluster, make_link: MakeLink, seen: Seen
) -> None:
    cluster = mesos_cluster(
        master_flags={"agent_ping_timeout": "1secs", "max_agent_ping_timeouts": "2"}
    )
    link = make_link(cluster.master)
    offer = launch_one(link, seen)
    before = len(seen)
    cluster.kill("n1.cluster.test")
    assert seen.wait(AgentLost, deadline_s=60) == AgentLost(offer.agent_id)
    assert status(seen, "t1", after=before).state is TaskState.UNREACHABLE
    assert [agent.active for agent in link.agents()] in ([], [False])


def test_a_thread_with_many_open_files_can_still_wait(
    mesos_cluster: StartCluster, make_link: MakeLink, seen: Seen
) -> None:
    """`select` takes descriptors below 1,024 only."""
    cluster = mesos_cluster()
    pairs = []
    try:
        while not pairs or pairs[-1][1].fileno() < 1100:
            try:
                pairs.append(socket.socketpair())
            except OSError:
                pytest.skip("fewer than 1,100 open files are allowed here")
        link = make_link(cluster.master)
        launch_one(link, seen)
        link.stop()
    finally:
        for pair in pairs:
            for each in pair:
                each.close()
    assert "Process IO" not in {thread.name for thread in threading.enumerate()}


def test_what_is_reserved_for_the_role_is_used(
    mesos_cluster: StartCluster, make_link: MakeLink, seen: Seen
) -> None:
    cluster = mesos_cluster(resources="cpus(eng):1;cpus:2;mem(eng):512;mem:512;cpus(other):4")
    link = make_link(cluster.master, roles=("eng/batch",))
    offer = seen.wait(Offers).offers[0]
    assert offer.resources == Resources(3, 1024)
    assert link.agents()[0].total == Resources(3, 1024)
    link.launch([offer.offer_id], [sleeper("t1", offer.agent_id, cpus=2.5)], 0)
    assert status(seen, "t1").state is TaskState.RUNNING
    rest = seen.wait(Offers, 2).offers[0]
    assert rest.resources == Resources(0.5, 960)
    link.launch([rest.offer_id], [sleeper("t2", rest.agent_id, cpus=0.5)], 0)
    assert status(seen, "t2").state is TaskState.RUNNING
