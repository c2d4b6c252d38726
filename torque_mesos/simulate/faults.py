"""Faults by a seed: hosts that lose power and come back, moms that do not start."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from torque_mesos.model import TaskState
from torque_mesos.simulate.account import Account
from torque_mesos.simulate.clock import Clock, Delays
from torque_mesos.simulate.cloud import Cloud
from torque_mesos.simulate.elastic import Framework
from torque_mesos.simulate.server import Server


@dataclass(frozen=True, slots=True)
class Rates:
    """How often things break."""

    host_up_s: float = 30 * 86400.0  # a host works for so long in the mean
    host_away_s: float = 3600.0  # and is away for so long
    failed_starts: float = 0.02  # of all starts


class Faults:
    """Breaks things, the same ones for the same seed."""

    def __init__(
        self,
        clock: Clock,
        delays: Delays,
        account: Account,
        parts: tuple[Framework, Server, Cloud],
        seed: int,
        rates: Rates | None = None,
    ) -> None:
        self._clock, self._delays, self._account = clock, delays, account
        self._framework, self._server, self._cloud = parts
        self._rates = rates or Rates()
        self._random = Random(f"faults {seed}")  # noqa: S311
        self._framework.fails = lambda: self._random.random() < self._rates.failed_starts
        for name in self._cloud.hosts:
            self._plan_loss(name)

    def _plan_loss(self, name: str) -> None:
        after_s = self._random.expovariate(1.0 / self._rates.host_up_s)
        self._clock.at(self._clock.now_s + after_s, lambda: self._lose(name))

    def _lose(self, name: str) -> None:
        """Power off: mom and jobs are dead, and the batch server learns of it late."""
        self._account.count("hosts lost")
        self._cloud.lose(name)
        self._server.freeze(name)
        for task in self._framework.tasks_at(name):
            self._framework.set_state(task, TaskState.UNREACHABLE)
        self._framework.poke(self._delays.offer_s)
        self._clock.after(self._delays.unnoticed_s, lambda: self._noticed(name))
        away_s = self._random.expovariate(1.0 / self._rates.host_away_s)
        self._clock.at(self._clock.now_s + away_s, lambda: self._back(name))

    def _noticed(self, name: str) -> None:
        if not self._cloud.hosts[name].agent.active:
            self._server.set_up(name, False)
            self._server.on_change()

    def _back(self, name: str) -> None:
        """The host boots: its tasks are lost, its agent registers again."""
        for task in self._framework.tasks_at(name):
            self._framework.end(task)
        self._cloud.back(name)
        self._framework.poke(self._delays.offer_s)
        self._plan_loss(name)
