"""Simulated time: events in order, and the delays of the real parts with their jitter."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from random import Random


@dataclass(frozen=True, slots=True)
class Delays:
    """Seconds that the real parts take, as measured on TORQUE 6.1 and Mesos 1.11.

    `jitter` is the standard deviation of a delay's logarithm.
    """

    detect_s: float = 0.017  # a job is submitted, started or ended, until the framework knows
    turn_s: float = 0.02  # a change of ours, until the framework looks again
    offer_s: float = 0.002  # Mesos has something for us, until the framework knows
    mom_start_s: float = 0.2  # a launch, until the task is RUNNING
    mom_stop_s: float = 0.1  # a kill, until the resources are back at Mesos
    schedule_s: float = 0.1  # a submission or an end, until the batch scheduler has its cycle
    kick_s: float = 0.1  # the scheduler is woken, until it starts jobs
    obit_s: float = 0.037  # a job's last instruction, until its slots are free
    register_s: float = 10.0  # a node record is made, until it can be used
    delete_s: float = 2.0  # a node record is deleted
    unnoticed_s: float = 237.0  # a host dies, until the batch server takes it for down
    allocation_s: float = 1.0  # Mesos looks for expired filters so often
    jitter: float = 0.25

    def with_values(self, values: dict[str, float]) -> Delays:
        """The same with some changed. Raises ValueError for a name or a value that is wrong."""
        names = [field.name for field in fields(self)]
        for name, value in values.items():
            if name not in names:
                raise ValueError(f"no delay {name!r}; there are: {', '.join(names)}")
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{name}={value} is no time")
        return replace(self, **values)


class Clock:
    """Runs what is due, in order of time and, at one instant, in the order it was asked for."""

    def __init__(self, seed: int = 0, jitter: float = 0.0) -> None:
        self.now_s = 0.0
        self.events = 0
        self._jitter = jitter
        self._random = Random(seed)  # noqa: S311
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()

    def at(self, when_s: float, action: Callable[[], None]) -> None:
        """Run `action` at a time; at once if it has passed."""
        heapq.heappush(self._heap, (max(when_s, self.now_s), next(self._numbers), action))

    def after(self, delay_s: float, action: Callable[[], None]) -> None:
        """Run `action` after a delay, with jitter."""
        self.at(self.now_s + self.drawn(delay_s), action)

    def drawn(self, delay_s: float) -> float:
        """One measured delay: `delay_s` in the median."""
        if not self._jitter or not delay_s:
            return delay_s
        return delay_s * math.exp(self._random.gauss(0.0, self._jitter))

    def step(self) -> bool:
        """Run the next event. False: there is none."""
        if not self._heap:
            return False
        self.now_s, _, action = heapq.heappop(self._heap)
        self.events += 1
        action()
        return True
