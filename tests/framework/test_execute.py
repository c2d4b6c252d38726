"""Carrying out a plan."""

from __future__ import annotations

import threading

from tests.framework.fake_server import FakeServer
from tests.framework.site import RECIPE
from tests.waiting import wait_for
from torque_mesos.decide.plan import DeleteNode, Plan
from torque_mesos.decide.reason import Code, Reason
from torque_mesos.framework.execute import Executor
from torque_mesos.framework.view import View
from torque_mesos.mesos.fake import FakeLink


class SlowServer(FakeServer):
    """Deletes a record when it is told to, and counts how many wait for that."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.most, self.lock = 0, 0, threading.Lock()
        self.go_on = threading.Event()

    def delete_node(self, name: str) -> None:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        assert self.go_on.wait(60)
        with self.lock:
            self.now -= 1


def test_records_are_deleted_side_by_side_and_not_too_many_at_once() -> None:
    """Each deletion takes TORQUE 2 s; it bears some 25 at once, and fails most of a hundred."""
    server, link = SlowServer(), FakeLink(lambda _: None)
    over: list[tuple[str, str | None]] = []
    executor = Executor(
        server, View(), RECIPE, (15002, 15003), lambda name, error: over.append((name, error))
    )
    why = Reason(Code.AGENT_GONE, "its agent is gone")
    names = [f"n{number}" for number in range(40)]
    executor.carry_out(Plan(tuple(DeleteNode(name, why) for name in names)), link, 0.0)
    wait_for(lambda: server.now > 1, 60, "some are under way")
    server.go_on.set()
    wait_for(lambda: len(over) == len(names), 60, "all are over")
    executor.close()
    assert sorted(over) == sorted((name, None) for name in names)
    assert 1 < server.most <= 25
