from __future__ import annotations

from dataclasses import replace

from torque_mesos.framework.tasks import TaskId
from torque_mesos.framework.view import LINGER_S, View
from torque_mesos.mesos.base import Subscribed, TaskStatus
from torque_mesos.model import Offer, Resources, TaskState

ID = TaskId("n1.cluster.test", 2, Resources(2, 2048), "0a", "1")


def status(state: TaskState, task: str = str(ID), **more: str) -> TaskStatus:
    return TaskStatus(task, state, agent_id="a1", **more)


def connected(again: bool = False) -> View:
    view = View()
    view.subscribed(Subscribed("fw", "master", again=again))
    return view


def states(view: View) -> list[tuple[str, TaskState]]:
    return [(w.node, g.state) for w in view.workers()[0] for g in w.grants]


def test_a_new_framework_knows_all_its_tasks_at_once() -> None:
    assert not View().reconciled
    assert connected().reconciled


def test_after_a_restart_nothing_is_known_until_every_task_was_heard_of() -> None:
    view = connected(again=True)
    assert not view.reconciled
    other = str(TaskId("n2.cluster.test", 1, Resources(1, 1024), "0a", "2"))
    view.await_tasks([str(ID), other])
    view.status(status(TaskState.RUNNING), 1.0)
    assert not view.reconciled
    view.status(status(TaskState.LOST, other), 1.0)
    assert view.reconciled
    assert states(view) == [("n1.cluster.test", TaskState.RUNNING)]
    (worker,), _ = view.workers()
    assert (worker.slots, worker.resources, worker.generation) == (2, Resources(2, 2048), "0a")
    assert worker.executor_id == ID.executor_id


def test_a_subscription_makes_old_offers_void() -> None:
    view = connected()
    view.offers["o"] = Offer("o", "a1", "n1", Resources(1, 1))
    view.suppressed = True
    view.subscribed(Subscribed("fw", "master", again=True))
    assert not view.offers
    assert not view.suppressed


def test_a_killed_task_stays_until_its_executor_is_gone() -> None:
    view = connected()
    view.launched(ID, "a1", 0.0)
    view.status(status(TaskState.RUNNING), 1.0)
    view.status(status(TaskState.KILLED), 2.0)
    assert len(view.workers()[0]) == 1
    view.executor_lost("another", "a1")
    assert len(view.workers()[0]) == 1
    view.executor_lost(ID.executor_id, "a1")
    assert view.workers() == ((), ())
    assert not view.failed


def test_a_killed_task_whose_executor_says_nothing_is_dropped_after_a_while() -> None:
    view = connected()
    view.launched(ID, "a1", 0.0)
    view.status(status(TaskState.KILLED), 2.0)
    view.forget_ended(2.0 + LINGER_S - 0.1)
    assert len(view.workers()[0]) == 1
    assert view.next_due_s() == 2.0 + LINGER_S
    view.forget_ended(2.0 + LINGER_S)
    assert view.workers() == ((), ())


def test_of_an_executor_that_never_spoke_it_is_told_where_its_words_are() -> None:
    view = connected()
    view.launched(ID, "a1", 0.0)
    told = replace(
        status(TaskState.FAILED, message="Executor terminated"),
        reason="REASON_EXECUTOR_TERMINATED",
    )
    view.status(told, 1.0)
    assert view.failed == [
        ("a1", "Executor terminated; stderr in its sandbox on the agent has what it said")
    ]


def test_a_failed_mom_is_gone_at_once_and_counts_against_its_agent() -> None:
    view = connected()
    view.launched(ID, "a1", 0.0)
    view.status(status(TaskState.FAILED, message="pbs_mom ended"), 1.0)
    assert view.workers() == ((), ())
    assert view.failed == [("a1", "pbs_mom ended")]


def test_a_task_of_an_unreachable_agent_is_kept() -> None:
    view = connected()
    view.launched(ID, "a1", 0.0)
    view.status(status(TaskState.UNREACHABLE), 1.0)
    assert states(view) == [("n1.cluster.test", TaskState.UNREACHABLE)]


def test_of_two_moms_on_a_host_the_running_one_is_the_worker() -> None:
    view = connected()
    second = TaskId(ID.node, 1, Resources(1, 1024), "0a", "2")
    view.launched(ID, "a1", 0.0)
    view.launched(second, "a1", 1.0)
    view.status(status(TaskState.RUNNING, str(second)), 2.0)
    (worker,), extra = view.workers()
    assert worker.executor_id == second.executor_id
    assert [task.id for task in extra] == [ID]


def test_a_live_task_with_a_foreign_id_is_set_aside() -> None:
    view = connected(again=True)
    view.await_tasks(["what"])
    view.status(status(TaskState.RUNNING, "what"), 1.0)
    assert view.strangers == [("what", "a1")]
    assert view.workers() == ((), ())
    assert view.reconciled
