"""Executors hear of names with each launch, and when they change."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from torque_mesos.framework.tasks import TaskId
from torque_mesos.framework.told_names import ToldNames
from torque_mesos.framework.view import View
from torque_mesos.mesos.base import MesosError
from torque_mesos.model import Resources, TaskState


@dataclass
class Link:
    fails: bool = False
    sent: list[tuple[str, str, str]] = field(default_factory=list)

    def message(self, agent_id: str, executor_id: str, data: str) -> None:
        if self.fails:
            raise MesosError("no")
        self.sent.append((agent_id, executor_id, data))


class Site:
    def __init__(self) -> None:
        self.names = "v1"
        self.link, self.view = Link(), View()
        self.view.connected = True
        self.told = ToldNames(lambda: self.names)

    def task(self, node: str, state: TaskState) -> str:
        task_id = TaskId(node, 1, Resources(1, 1), "aa", node.encode().hex())
        self.view.launched(task_id, f"a-{node}", 0.0)
        self.become(str(task_id), state)
        return task_id.executor_id

    def become(self, key: str, state: TaskState) -> None:
        self.view.tasks[key] = replace(self.view.tasks[key], state=state)

    def tell(self) -> list[tuple[str, str, str]]:
        self.link.sent.clear()
        self.told.tell(self.view, self.link)  # type: ignore[arg-type]
        return list(self.link.sent)


def test_with_a_launch_and_again_only_when_they_change() -> None:
    site = Site()
    one = site.task("n1", TaskState.RUNNING)
    assert site.told.at_launch(one) == "v1"
    assert site.tell() == []
    site.names = "v2"
    assert site.tell() == [("a-n1", one, "v2")]
    assert site.tell() == []


def test_after_a_restart_nobody_is_known_to_know() -> None:
    site = Site()
    one, two = site.task("n1", TaskState.RUNNING), site.task("n2", TaskState.STARTING)
    assert {executor for _, executor, _ in site.tell()} == {one, two}


def test_one_that_has_not_said_a_word_is_told_later() -> None:
    site = Site()
    one = site.task("n1", TaskState.STAGING)
    site.told.at_launch(one)
    site.names = "v2"
    assert site.tell() == []
    site.become(next(iter(site.view.tasks)), TaskState.STARTING)
    assert site.tell() == [("a-n1", one, "v2")]


def test_what_could_not_be_sent_is_sent_again() -> None:
    site = Site()
    one = site.task("n1", TaskState.RUNNING)
    site.link.fails = True
    assert site.tell() == []
    site.link.fails = False
    assert site.tell() == [("a-n1", one, "v1")]


def test_where_no_names_are_to_be_told_nothing_is_sent() -> None:
    site = Site()
    site.task("n1", TaskState.RUNNING)
    site.names = ""
    assert site.told.at_launch("x") == ""
    assert site.tell() == []
    site.names, site.view.connected = "v1", False
    assert site.tell() == []
