"""Slots beside jobs go back; agents that are to be maintained are drained in time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from dev.demo.site import SLOTS_PER_HOST
from tests.system.stage import RUN_S, Stage, Submitted
from torque_mesos.decide.worker import DRAINING_NOTE
from torque_mesos.model import NodeState

pytestmark = pytest.mark.system

WIDE = f"nodes=1:ppn={SLOTS_PER_HOST}"


def beside(stage: Stage, name: str) -> tuple[str, Submitted, Submitted]:
    """Two jobs on one host, the second above the first."""
    low = stage.submit(f"{name}-low", held=True)
    host = stage.started(low)
    high = stage.submit(f"{name}-high", f"nodes={host}", held=True)
    assert stage.started(high) == host
    return host, low, high


def on_node(stage: Stage, host: str) -> tuple[int, bool]:
    """np of a node, and whether it is offline."""
    node = stage.nodes()[host]
    return node.np, NodeState.OFFLINE in node.states


def grows_again(stage: Stage, host: str, low: Submitted) -> None:
    """A job gets the slot that was given back; it and the one beside it end as they should."""
    again = stage.submit(f"{low.name}-again", f"nodes={host}", held=True)
    assert stage.started(again) == host
    assert stage.lent_cpus() == 2
    stage.let_go(low, again)
    for job in (low, again):
        assert stage.output(job) == []
        assert stage.starts(job) == [host]
    stage.at_rest()


def test_slots_beside_a_job_go_back_and_come_again(stage: Stage) -> None:
    host, low, high = beside(stage, "slots")
    assert stage.lent_cpus() == 2
    stage.let_go(high)
    assert stage.output(high) == []
    stage.until(lambda: stage.lent_cpus() == 1, RUN_S, "a cpu went back")
    stage.until(lambda: on_node(stage, host) == (1, False), RUN_S, "the node is online with one")
    grows_again(stage, host, low)


def test_a_framework_that_is_killed_while_it_shrinks_goes_on(stage: Stage) -> None:
    host, low, high = beside(stage, "killed")
    stage.let_go(high)

    def shrinks() -> bool:  # or has: that can be over in 0.1 s
        node = stage.nodes()[host]
        return node.note == DRAINING_NOTE or node.np == 1

    stage.until(shrinks, RUN_S, "it gives back slots")
    stage.kill_framework()
    stage.start_framework()
    stage.until(lambda: stage.lent_cpus() == 1, RUN_S, "a cpu went back")
    # What np was when the low job began is forgotten: where np had not fallen yet, it stays
    # as it is until that job ends, and the node offline until its slots are lent again.
    kept = ((1, False), (2, True))
    stage.until(lambda: on_node(stage, host) in kept, RUN_S, "np is no more than was lent")
    grows_again(stage, host, low)


@contextmanager
def maintained(stage: Stage, host: str, in_s: float) -> Iterator[str]:
    """A maintenance schedule for one agent. Gives the master's address."""
    master = f"http://{stage.cluster.master}"
    start = {"nanoseconds": int((time.time() + in_s) * 1e9)}
    (agent,) = (each for each in stage.cluster.agents() if each["hostname"] == host)
    machine = {"hostname": host, "ip": agent["pid"].partition("@")[2].rpartition(":")[0]}
    window = {
        "machine_ids": [machine],
        "unavailability": {"start": start, "duration": {"nanoseconds": int(3600e9)}},
    }
    post = f"{master}/maintenance/schedule"

    def schedule(*windows: object) -> None:
        said = {"windows": windows}
        stage.cluster.reach(lambda: httpx.post(post, json=said)).raise_for_status()

    schedule(window)
    try:
        yield master
    finally:
        schedule()


def test_an_agent_that_is_to_be_maintained_is_drained(stage: Stage) -> None:
    job = stage.submit("stays", held=True)
    host = stage.started(job)
    with maintained(stage, host, 300.0) as master:
        stage.until(lambda: on_node(stage, host)[1], RUN_S, "the node is drained")
        others = [stage.submit(f"elsewhere{number}", WIDE) for number in range(2)]
        for other in others:
            assert stage.output(other) == []
            assert stage.starts(other) != [host]
        assert stage.starts(job) == [host]
        stage.let_go(job)
        assert stage.output(job) == []

        def accepted() -> bool:
            url = f"{master}/maintenance/status"
            status = stage.cluster.reach(lambda: httpx.get(url)).json()
            found = status.get("draining_machines", [])
            return any(s["status"] == "ACCEPT" for m in found for s in m.get("statuses", []))

        stage.until(accepted, RUN_S, "the inverse offer is accepted")
        assert stage.workers(host) == []
    back = stage.submit("back", f"nodes={host}")
    assert stage.output(back) == []
    stage.at_rest()
