"""Which batch server and scheduler a system test runs with: pytest --batch and --sched."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

SCHEDULERS = ("pbs_sched", "maui")


@dataclass(frozen=True, slots=True)
class Kind:
    """A batch server, and the scheduler of TORQUE."""

    batch: str
    scheduler: str = "pbs_sched"

    def __str__(self) -> str:
        return f"{self.batch}-{self.scheduler}" if self.batch == "torque" else self.batch


BUILTIN = Kind("builtin")


def kinds(batches: list[str], schedulers: list[str]) -> Iterator[Kind]:
    """All that are asked for. Only TORQUE has a choice of schedulers."""
    for batch in batches:
        if batch == "torque":
            yield from (Kind(batch, scheduler) for scheduler in schedulers)
        else:
            yield Kind(batch)
