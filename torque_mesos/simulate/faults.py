"""Faults by a seed: hosts that lose power and come back, moms that do not start."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from torque_mesos.simulate.account import Account
from torque_mesos.simulate.clock import Clock
from torque_mesos.simulate.outages import Outages


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
        account: Account,
        outages: Outages,
        seed: int,
        rates: Rates | None = None,
    ) -> None:
        self._clock, self._account, self._outages = clock, account, outages
        self._rates = rates or Rates()
        self._random = Random(f"faults {seed}")  # noqa: S311
        outages.framework.fails = lambda: self._random.random() < self._rates.failed_starts
        for name in outages.cloud.hosts:
            self._plan_loss(name)

    def _plan_loss(self, name: str) -> None:
        after_s = self._random.expovariate(1.0 / self._rates.host_up_s)
        self._clock.at(self._clock.now_s + after_s, lambda: self._lose(name))

    def _lose(self, name: str) -> None:
        self._account.count("hosts lost")
        self._outages.begin(name)
        away_s = self._random.expovariate(1.0 / self._rates.host_away_s)
        self._clock.at(self._clock.now_s + away_s, lambda: self._back(name))

    def _back(self, name: str) -> None:
        self._outages.end(name)
        self._plan_loss(name)
