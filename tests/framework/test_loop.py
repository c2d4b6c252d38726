from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import structlog

from tests.framework.fake_server import CAPACITY, FakeServer
from torque_mesos.decide import Limit, Policy
from torque_mesos.decide.pool import Budget
from torque_mesos.decide.reason import Code
from torque_mesos.framework.execute import Executor
from torque_mesos.framework.inbox import Deleted, Inbox, MasterRead, QueueChanged
from torque_mesos.framework.loop import Exit, Loop, Published, Timing
from torque_mesos.framework.recipe import Recipe
from torque_mesos.framework.spending import SpendingFile
from torque_mesos.framework.view import View
from torque_mesos.mesos.base import (
    EndCause,
    Event,
    MesosError,
    MesosLink,
    NotConnected,
    TaskStatus,
)
from torque_mesos.mesos.fake import FakeLink
from torque_mesos.model import JobState, Resources, TaskState
from torque_mesos.mom.settings import MomSettings

NODES = ("n1.cluster.test", "n2.cluster.test")
RECIPE = Recipe(
    template=MomSettings(server_host="head", node="template"),
    share=Resources(0.1, 64),
    content="digest",
    uri="http://head/bundle.tar.gz",
)


class Poller:
    """Reads the fake master's lists when poked."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def poke(self, link: MesosLink, framework_id: str | None) -> None:
        tasks = link.live_tasks(framework_id) if framework_id else None
        self._site.inbox.put(MasterRead(link.agents(), tasks))


class Site:
    """A loop with a fake server and a fake Mesos, and a clock that a test moves."""

    def __init__(self, server: FakeServer | None = None, **policy: object) -> None:
        self.now_s = 1000.0
        self.server = server or FakeServer()
        self.inbox = Inbox()
        self.links: list[FakeLink] = []
        self.agents: dict[str, str] = {}
        self.remembered: list[str | None] = []
        self.remember: Callable[[str | None], None] = self.remembered.append
        self.published: list[Published] = []
        self.spending: SpendingFile | None = None
        values: dict[str, object] = {
            "slot": Resources(1, 512),
            "generation": RECIPE.generation,
            "capacity_record": CAPACITY,
            "grace_s": 5.0,
        }
        self.policy = Policy(**{**values, **policy})  # type: ignore[arg-type]

    @property
    def link(self) -> FakeLink:
        return self.links[-1]

    def make_link(self, framework_id: str | None) -> FakeLink:
        sink: Callable[[Event], None] = self.inbox.put
        link = FakeLink(sink, lambda: self.now_s, framework_id)
        if self.links:  # the same master
            link._hosts, link.tasks = self.link._hosts, self.link.tasks
            link._numbers = self.link._numbers
        else:
            self.agents = {name: link.add_agent(name, Resources(2, 1024)) for name in NODES}
        self.links.append(link)
        return link

    def start(self, framework_id: str | None = None) -> Site:
        view = View()
        self.view = view
        self.loop = Loop(
            server=self.server,
            make_link=self.make_link,
            remember_id=self.remember,
            framework_id=framework_id,
            executor=Executor(
                self.server,
                view,
                RECIPE,
                (15002, 15003),
                lambda name, error: self.inbox.put(Deleted(name, error)),
            ),
            view=view,
            policy=self.policy,
            inbox=self.inbox,
            poller=Poller(self),  # type: ignore[arg-type]
            publish=self.published.append,
            journal=lambda _: None,
            timing=Timing(poll_s=1.0),
            spending=self.spending,
            clock=lambda: self.now_s,
        )
        self.loop.start()
        return self

    def steps(self, count: int = 6, seconds: float = 0.1) -> None:
        for _ in range(count):
            self.now_s += seconds
            self.link.offer()
            self.loop.step()

    def parked(self) -> Site:
        """Until every agent has a parked record."""
        self.steps()
        self.server.registered()
        self.steps(20)
        assert self.published[-1].turn_errors == 0, self.published[-1].last_turn_error
        return self

    def submit(self, job_id: str, nodes: str = "1") -> None:
        self.server.submit(job_id, nodes)
        self.inbox.put(QueueChanged())

    def live(self) -> list[str]:
        return [key for key, task in self.link.tasks.items() if not task.state.terminal]

    def held(self) -> dict[str, int]:
        """The slots that Mesos gave, by node."""
        workers, _ = self.view.workers()
        return {worker.node: worker.slots for worker in workers}

    def moms_up(self) -> None:
        for key in self.live():
            if self.link.tasks[key].state is TaskState.STAGING:
                self.server.mom(key.split(":")[1], up=True)
                self.link.update(key, TaskState.RUNNING)

    def did(self, what: str) -> list[tuple[object, ...]]:
        return [call for call in self.server.calls if call[0] == what]

    def end_killed(self) -> None:
        for call in [call for call in self.link.calls if call[0] == "kill"]:
            if call[1] in self.live():
                self.server.mom(call[1].split(":")[1], up=False)
                self.link.update(call[1], TaskState.KILLED)


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


def test_an_unreadable_server_changes_nothing() -> None:
    site = Site().start().parked()
    site.submit("1.head")
    site.steps(3)
    site.moms_up()
    site.steps(3)
    site.server.unreachable = True
    calls = len(site.server.calls)
    site.steps(200)
    assert len(site.server.calls) == calls
    assert not [call for call in site.link.calls if call[0] == "kill"]
    assert "cannot connect" in (site.published[-1].server_error or "")
    site.server.unreachable = False
    site.server.end("1.head")
    site.steps(100)
    assert [call for call in site.link.calls if call[0] == "kill"]


def test_a_failed_action_is_told_and_tried_again() -> None:
    site = Site().start().parked()
    site.submit("1.head")
    site.steps(2)
    site.server.refuse = {"online"}
    site.moms_up()
    site.steps(1)
    assert any("online is refused" in text for text in site.published[-1].action_errors)
    site.server.refuse = set()
    site.steps(20)
    assert site.server.jobs["1.head"].state is JobState.RUNNING


def test_after_a_kill_the_next_service_finds_its_workers_again() -> None:
    site = Site().start().parked()
    site.submit("1.head")
    site.steps(3)
    site.moms_up()
    site.steps(3)
    (running,) = site.live()
    framework_id = site.remembered[-1]
    site.links[-1].stop()
    site.inbox = Inbox()
    site.start(framework_id)
    site.steps(5)
    (worker,), _ = site.view.workers()
    assert worker.grants[0].task_id == running
    assert site.server.jobs["1.head"].state is JobState.RUNNING
    assert not site.did("rerun")
    site.server.end("1.head")
    site.steps(80)
    site.end_killed()
    site.steps(80)
    assert not site.live()


def test_a_mom_that_dies_has_its_job_run_again_elsewhere() -> None:
    site = Site().start().parked()
    site.submit("1.head")
    site.steps(3)
    site.moms_up()
    site.steps(3)
    (running,) = site.live()
    site.link.update(running, TaskState.FAILED, message="pbs_mom ended: status 1")
    site.steps(3)
    assert site.did("rerun") == [("rerun", "1.head")]
    site.steps(3)
    assert [key.split(":")[1] for key in site.live()] != [running.split(":")[1]], "left alone"
    site.moms_up()
    site.steps(5)
    assert site.server.jobs["1.head"].state is JobState.RUNNING


def test_a_lost_connection_is_survived() -> None:
    site = Site().start().parked()
    site.link.disconnect()
    site.submit("1.head")
    site.steps(5)
    assert not site.live()
    assert not site.published[-1].connected
    site.link.connect()
    site.steps(5)
    assert len(site.live()) == 1


@pytest.mark.parametrize(
    ("cause", "code"),
    [(EndCause.TAKEN_OVER, Exit.TAKEN_OVER), (EndCause.REJECTED, Exit.REJECTED)],
)
def test_an_end_for_good_ends_the_service(cause: EndCause, code: Exit) -> None:
    site = Site().start().parked()
    site.link.end(cause)
    assert site.loop.run() is code


def test_a_removed_framework_becomes_a_new_one() -> None:
    site = Site().start().parked()
    site.submit("1.head")
    site.steps(3)
    site.moms_up()
    site.steps(3)
    for key in site.live():
        site.link.tasks[key].state = TaskState.KILLED
        site.server.mom(key.split(":")[1], up=False)
    first = site.remembered[-1]
    site.link.end(EndCause.REMOVED)
    site.steps(6)
    assert None in site.remembered
    assert site.remembered[-1] not in (None, first)
    assert site.did("rerun") == [("rerun", "1.head")]
    site.moms_up()
    site.steps(6)
    assert site.server.jobs["1.head"].state is JobState.RUNNING


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


def test_an_error_in_a_turn_and_in_a_message_is_counted_and_survived() -> None:
    site = Site().start().parked()
    broken = QueueChanged()
    taken = site.loop._take

    def take(message: object) -> None:
        if message is broken:
            raise RuntimeError("what is this")
        taken(message)  # type: ignore[arg-type]

    site.loop._take = take  # type: ignore[method-assign, assignment]
    site.inbox.put(broken)
    site.submit("1.head")
    site.server.read = lambda: 1 / 0  # type: ignore[method-assign, assignment, return-value]
    site.steps(2)
    del site.server.read
    site.steps(30)
    assert site.published[-1].turn_errors >= 2
    assert len(site.live()) == 1


def test_a_full_disk_at_the_first_subscription_is_waited_for() -> None:
    site = Site()
    full = True

    def remember(framework_id: str | None) -> None:
        if full:
            raise OSError(28, "No space left on device")
        site.remembered.append(framework_id)

    site.remember = remember
    site.start()
    site.submit("1.head")
    site.steps(20, 1.0)
    assert not site.did("create")
    assert any("No space left" in text for text in site.published[-1].action_errors)
    full = False
    site.steps(10, 1.0)
    site.server.registered()
    site.steps(20, 1.0)
    assert site.remembered
    assert len(site.live()) == 1


def test_a_launch_that_was_never_sent_leaves_no_worker() -> None:
    site = Site().start().parked()
    sent = site.link.launch

    def launch(*_: object) -> None:
        raise NotConnected("there is no subscription with a master now")

    site.link.launch = launch  # type: ignore[method-assign]
    site.submit("1.head")
    site.steps(1)
    assert site.view.workers() == ((), ())
    site.link.launch = sent  # type: ignore[method-assign]
    site.link.offers.clear()
    site.link.revive()
    site.steps(60, 1.0)
    assert len(site.live()) == 1


def test_a_launch_whose_answer_was_lost_is_cleared_up_with_the_master() -> None:
    site = Site().start().parked()
    sent = site.link.launch

    def launch(*arguments: object) -> None:
        site.link.launch = sent  # type: ignore[method-assign]
        site.link.offers.clear()
        raise MesosError("no answer within 10 s")

    site.link.launch = launch  # type: ignore[method-assign, assignment]
    site.submit("1.head")
    while site.link.launch is not sent:
        site.steps(1)
    assert len(site.view.workers()[0]) == 1, "it may have been launched"
    site.link.revive()
    site.steps(20)
    assert len(site.live()) == 1, "the master did not know it, so it was tried again"


def test_a_task_that_nobody_can_have_launched_is_ended() -> None:
    site = Site().start().parked()
    site.inbox.put(TaskStatus("stray", TaskState.RUNNING, agent_id="S0"))
    site.steps(1)
    assert ("kill", "stray", "S0") in site.link.calls


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
