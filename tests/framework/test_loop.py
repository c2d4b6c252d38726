"""The loop with a fake server and a fake Mesos: jobs, limits, floors and budgets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import structlog

from tests.framework.fake_server import CAPACITY, FakeServer
from tests.framework.site import NODES, Site
from torque_mesos.decide import Limit
from torque_mesos.decide.pool import Budget
from torque_mesos.decide.reason import Code
from torque_mesos.framework.inbox import QueueChanged
from torque_mesos.framework.spending import SpendingFile
from torque_mesos.model import Job, JobState, Reading, TaskState


def test_every_agent_becomes_a_parked_record_and_no_offer_is_kept() -> None:
    site = Site().start().parked()
    assert set(site.server.nodes) == {*NODES, CAPACITY}
    for name in NODES:
        node = site.server.nodes[name]
        assert (node.note, node.np) == ("torque-mesos:parked", 2)
        assert "offline" in {state.value for state in node.states}
    assert not site.link.offers
    assert site.link.suppressed
    before = len(site.server.calls), len(site.link.calls)
    site.steps(30)
    assert (len(site.server.calls), len(site.link.calls)) == before


def test_a_two_node_job_grows_the_cluster_and_its_end_shrinks_it() -> None:
    site = Site().start().parked()
    site.submit("1.head", "2:ppn=2")
    site.steps(3)
    assert site.held() == {"n1.cluster.test": 2, "n2.cluster.test": 2}
    first, *_ = all_tasks = site.live()
    site.server.mom(first.split(":")[1], up=True)
    site.link.update(first, TaskState.RUNNING)
    site.steps(3)
    assert site.server.jobs["1.head"].state is JobState.QUEUED
    assert not site.did("online"), "half a job's nodes went online"
    site.moms_up()
    site.steps(3)
    assert site.server.jobs["1.head"].state is JobState.RUNNING
    site.steps(100)
    assert not [call for call in site.link.calls if call[0] == "kill"]
    site.server.end("1.head")
    site.inbox.put(QueueChanged())
    site.steps(20)
    assert not [call for call in site.link.calls if call[0] == "kill"], "before the grace is over"
    site.steps(60)
    assert {call[1] for call in site.link.calls if call[0] == "kill"} == set(all_tasks)
    site.end_killed()
    site.steps(80)
    assert site.view.workers() == ((), ())
    assert {site.server.nodes[name].note for name in NODES} <= {
        "torque-mesos:parked",
        "torque-mesos:draining",
    }


def test_jobs_wait_at_the_limit_and_are_told_why() -> None:
    site = Site(limit=Limit(nodes=1)).start().parked()
    site.submit("1.head", "1:ppn=2")
    site.submit("2.head", "1:ppn=2")
    site.submit("3.head", "2:ppn=2")
    site.steps(5)
    assert list(site.held().values()) == [2]
    jobs = site.published[-1].plan.jobs
    assert jobs["2.head"].code is Code.AT_LIMIT
    assert jobs["3.head"].code is Code.NEVER_OVER_LIMIT


def test_the_floor_is_held_with_an_empty_queue() -> None:
    site = Site(floor_slots=2).start().parked()
    site.steps(5)
    site.moms_up()
    site.steps(200)
    assert list(site.held().values()) == [2]
    assert not [call for call in site.link.calls if call[0] == "kill"]


def test_a_job_that_can_never_run_is_told_of_once() -> None:
    site = Site().start().parked()
    with structlog.testing.capture_logs() as logs:
        site.submit("1.head", "1:ppn=99")
        site.steps(5)
        site.submit("2.head", "1:ppn=98")
        site.steps(5)
    told = [line["job"] for line in logs if line["event"] == "a job can never run"]
    assert told == ["1.head", "2.head"]


def test_what_is_spent_is_remembered_across_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wall = [1_795_000_000.0]
    monkeypatch.setattr("torque_mesos.framework.loop.time.time", lambda: wall[0])
    site = Site(price=2.0, budget=Budget(day=9.0))
    site.spending = SpendingFile(tmp_path)
    site.start().parked()
    site.submit("1.head", "1:ppn=2")
    site.steps(3)
    site.moms_up()
    site.steps(3)
    wall[0] += 3600.0
    site.steps(2)
    spending = site.published[-1].plan.memory.spending
    assert spending.of("", wall[0], 0.0)[1] == pytest.approx(4.0)
    again = SpendingFile(tmp_path).read()
    assert again.of("", wall[0], 0.0)[1] == pytest.approx(4.0)
    site.submit("2.head", "1:ppn=2")
    site.steps(3)
    assert site.published[-1].plan.jobs["2.head"].code is Code.BUDGET


class LongList(FakeServer):
    """A server that reads a long list of jobs only now and then, and nodes each time."""

    kept: tuple[Job, ...] | None = None

    def changed(self) -> None: ...

    def renew(self) -> None:
        self.kept = None

    def read(self) -> Reading:
        reading = super().read()
        self.kept = reading.jobs if self.kept is None else self.kept
        return replace(reading, jobs=self.kept)


def test_after_a_change_of_its_own_it_decides_on_jobs_as_they_are_then() -> None:
    server = LongList()
    site = Site(server).start().parked()
    server.renew()
    site.submit("1.head", "1")
    site.steps(3)
    (job,) = server.kept or ()
    assert job.state is JobState.QUEUED
    site.moms_up()
    site.steps(3)
    (job,) = server.kept or ()
    assert job.state is JobState.RUNNING
