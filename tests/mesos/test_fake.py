"""The fake keeps account as a master does."""

from typing import Any

import pytest

from torque_mesos.mesos.base import (
    AgentLost,
    Disconnected,
    EndCause,
    Ended,
    Event,
    ExecutorLost,
    MesosLink,
    NotConnected,
    Offers,
    Rescinded,
    Subscribed,
    TaskStatus,
)
from torque_mesos.mesos.fake import FakeLink
from torque_mesos.model import Resources, TaskState


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def link(events: list[Event], clock: Clock) -> FakeLink:
    link = FakeLink(events.append, clock)
    link.add_agent("n1.cluster.test", Resources(4, 4096), {"rack": "r1"})
    link.start()
    return link


def amounts(cpus: float, mem: float) -> list[dict[str, Any]]:
    return [
        {"name": "cpus", "type": "SCALAR", "scalar": {"value": cpus}},
        {"name": "mem", "type": "SCALAR", "scalar": {"value": mem}},
    ]


def task(task_id: str, agent_id: str, cpus: float = 1) -> dict[str, Any]:
    return {
        "task_id": {"value": task_id},
        "agent_id": {"value": agent_id},
        "resources": amounts(cpus, 512),
        "executor": {"executor_id": {"value": "e1"}, "resources": amounts(0.1, 32)},
    }


def states(events: list[Event]) -> list[tuple[str, TaskState]]:
    return [(e.task_id, e.state) for e in events if isinstance(e, TaskStatus)]


def test_it_is_a_link(link: FakeLink, events: list[Event]) -> None:
    as_link: MesosLink = link
    assert [agent.hostname for agent in as_link.agents()] == ["n1.cluster.test"]
    assert events == [Subscribed("F1", "fake:5050", again=False)]


def test_what_a_task_and_its_executor_hold_is_not_offered_until_they_end(
    link: FakeLink, events: list[Event]
) -> None:
    (offer,) = link.offer()
    assert events[-1] == Offers((offer,))
    assert offer.resources == Resources(4, 4096)
    assert link.offer() == ()
    link.launch([offer.offer_id], [task("t1", offer.agent_id)], refuse_s=0)
    (rest,) = link.offer()
    assert rest.resources == Resources(2.9, 3552)
    link.launch([rest.offer_id], [task("t2", offer.agent_id)], refuse_s=0)
    assert link.free(offer.agent_id) == Resources(1.9, 3040)
    link.update("t1", TaskState.RUNNING)
    link.update("t1", TaskState.FINISHED)
    assert link.free(offer.agent_id) == Resources(2.9, 3552)
    link.end_executor("e1", status=768)
    assert ExecutorLost("e1", offer.agent_id, 768) in events
    assert states(events)[-1] == ("t2", TaskState.FAILED)
    assert link.free(offer.agent_id) == Resources(4, 4096)


def test_a_refused_offer_stays_away_until_its_time_or_revive(link: FakeLink, clock: Clock) -> None:
    (offer,) = link.offer()
    link.decline([offer.offer_id], refuse_s=60)
    assert link.offer() == ()
    clock.now += 60
    (offer,) = link.offer()
    link.decline([offer.offer_id], refuse_s=60)
    link.suppress()
    link.revive()
    (offer,) = link.offer()
    link.decline([offer.offer_id], refuse_s=0)
    link.suppress()
    assert link.offer() == ()


def test_a_launch_that_cannot_be_says_why(link: FakeLink, events: list[Event]) -> None:
    (offer,) = link.offer()
    link.launch([offer.offer_id], [task("big", offer.agent_id, cpus=4)], refuse_s=0)
    link.launch([offer.offer_id], [task("late", offer.agent_id)], refuse_s=0)
    assert states(events) == [("big", TaskState.ERROR), ("late", TaskState.DROPPED)]
    assert link.free(offer.agent_id) == Resources(4, 4096)


def test_a_lost_agent_takes_offers_and_tasks_along(link: FakeLink, events: list[Event]) -> None:
    (offer,) = link.offer()
    link.launch([offer.offer_id], [task("t1", offer.agent_id)], refuse_s=0)
    (rest,) = link.offer()
    link.lose_agent(offer.agent_id)
    assert events[-3] == Rescinded(rest.offer_id)
    assert states(events) == [("t1", TaskState.UNREACHABLE)]
    assert events[-1] == AgentLost(offer.agent_id)
    assert link.agents() == ()
    assert link.offer() == ()


def test_reconciliation(link: FakeLink, events: list[Event]) -> None:
    (offer,) = link.offer()
    link.launch([offer.offer_id], [task("t1", offer.agent_id)], refuse_s=0)
    link.update("t1", TaskState.RUNNING)
    link.reconcile()
    assert events[-1] == TaskStatus(
        "t1", TaskState.RUNNING, offer.agent_id, "e1", "REASON_RECONCILIATION", "", "SOURCE_MASTER"
    )
    link.reconcile([("nobody", None), ("nobody", offer.agent_id)])
    assert states(events)[-2:] == [("nobody", TaskState.UNKNOWN), ("nobody", TaskState.GONE)]


def test_without_a_subscription_calls_are_refused(link: FakeLink, events: list[Event]) -> None:
    link.offer()
    link.disconnect("gone")
    assert events[-1] == Disconnected("gone")
    assert link.offers == {}
    with pytest.raises(NotConnected):
        link.revive()
    assert link.calls[-1] == ("revive",)
    link.connect()
    assert events[-1] == Subscribed("F1", "fake:5050", again=True)
    assert len(link.offer()) == 1
    link.end(EndCause.TAKEN_OVER)
    assert isinstance(events[-1], Ended)
    with pytest.raises(NotConnected):
        link.agents()
