"""Hosts that are away for a while, whatever the cause."""

from __future__ import annotations

from collections import Counter

from torque_mesos.model import TaskState
from torque_mesos.simulate.clock import Clock, Delays
from torque_mesos.simulate.cloud import Cloud
from torque_mesos.simulate.elastic import Framework
from torque_mesos.simulate.server import Server


class Outages:
    """Takes hosts away and gives them back. One that is away twice is back with the second end."""

    def __init__(
        self, clock: Clock, delays: Delays, framework: Framework, server: Server, cloud: Cloud
    ) -> None:
        self._clock, self._delays, self._server = clock, delays, server
        self.framework, self.cloud = framework, cloud
        self._away: Counter[str] = Counter()

    def begin(self, name: str) -> None:
        """Power off: mom and jobs are dead, and the batch server learns of it late."""
        self._away[name] += 1
        if self._away[name] > 1:
            return
        self.cloud.lose(name)
        self._server.freeze(name)
        for task in self.framework.tasks_at(name):
            self.framework.set_state(task, TaskState.UNREACHABLE)
        self.framework.poke(self._delays.offer_s)
        self._clock.after(self._delays.unnoticed_s, lambda: self._noticed(name))

    def _noticed(self, name: str) -> None:
        if not self.cloud.hosts[name].agent.active:
            self._server.set_up(name, False)
            self._server.on_change()

    def end(self, name: str) -> None:
        """The host boots: its tasks are lost, its agent registers again."""
        self._away[name] -= 1
        if self._away[name]:
            return
        for task in self.framework.tasks_at(name):
            self.framework.end(task)
        self.cloud.back(name)
        self.framework.poke(self._delays.offer_s)
