"""The loop survives: faults of the server, of Mesos, of the disk, and its own end."""

from __future__ import annotations

import pytest
import structlog

from tests.framework.site import NODES, Poller, Site
from torque_mesos.decide.reason import Code
from torque_mesos.framework.exit import Exit
from torque_mesos.framework.inbox import Inbox, QueueChanged
from torque_mesos.mesos.base import (
    EndCause,
    MesosError,
    NotConnected,
    TaskStatus,
)
from torque_mesos.model import JobState, TaskState


def test_an_unreadable_server_changes_nothing() -> None:
    site = Site().running()
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
    site = Site().running()
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


def test_no_job_is_told_that_it_can_never_run_before_agents_are_listed() -> None:
    site = Site().running("2")
    assert [site.server.nodes[name].np for name in NODES] == [1, 1], "their agents have two"
    site.links[-1].stop()
    site.inbox, site.master_answers = Inbox(), False
    site.submit("2.head", "1:ppn=2")
    with structlog.testing.capture_logs() as logs:
        site.start(site.remembered[-1])
        site.steps(5)
        assert site.published[-1].plan.jobs["2.head"].code is Code.NOT_CONNECTED
        site.master_answers = True
        Poller(site).poke(site.link, site.remembered[-1])
        site.steps(40)
    assert site.published[-1].plan.jobs["2.head"].code is not Code.NOT_CONNECTED
    assert "a job can never run" not in [line["event"] for line in logs]


def test_a_mom_that_dies_has_its_job_run_again_elsewhere() -> None:
    site = Site().running()
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
    site = Site().running()
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
