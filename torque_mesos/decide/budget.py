"""What was spent, and whether more may be held: days and months are those of the local clock."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from torque_mesos.decide.pool import DAY_S, Budget
from torque_mesos.model import frozen_map

_EPOCH = datetime.date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class Spent:
    """What was spent in a day (its number since 1970) and in a month (year x 12 + month)."""

    day: int = 0
    in_day: float = 0.0
    month: int = 0
    in_month: float = 0.0


@dataclass(frozen=True, slots=True)
class Spending:
    """What was spent until `at_s` (seconds since 1970), by pool, and "" in all.

    `unknown`: why it is not known, empty where it is. Then nothing that costs is added.
    `pools`: by agent id, the pool that its worker is of, for when the agent is not listed.
    """

    at_s: float | None = None
    spent: Mapping[str, Spent] = field(default_factory=frozen_map)
    unknown: str = ""
    pools: Mapping[str, str] = field(default_factory=frozen_map)

    def until(self, wall_s: float, offset_s: float, rates: Mapping[str, float]) -> Spending:
        """With what was spent since, at `rates` an hour. A clock that went back adds nothing.

        The time in which nobody looked is charged as what is held now.
        """
        spent = dict(self.spent)
        start_s = wall_s if self.at_s is None else min(self.at_s, wall_s)
        while True:
            day = day_of(start_s, offset_s)
            end_s = min(wall_s, (day + 1) * DAY_S - offset_s)
            for name, rate in rates.items():
                if rate or name in spent:
                    before = spent.get(name, Spent())
                    spent[name] = _added(before, day, rate * (end_s - start_s) / 3600.0)
            if end_s >= wall_s:
                return replace(self, at_s=wall_s, spent=frozen_map(spent))
            start_s = end_s

    def of(self, name: str, wall_s: float, offset_s: float) -> tuple[float, float]:
        """What a pool has spent in the present day and month."""
        spent = self.spent.get(name)
        day = day_of(wall_s, offset_s)
        if spent is None:
            return 0.0, 0.0
        return (
            spent.in_day if spent.day == day else 0.0,
            spent.in_month if spent.month == month_of(day) else 0.0,
        )


def day_of(wall_s: float, offset_s: float) -> int:
    """The number of the local day."""
    return math.floor((wall_s + offset_s) / DAY_S)


def month_of(day: int) -> int:
    """The number of a day's month."""
    date = datetime.date.fromordinal(_EPOCH + day)
    return date.year * 12 + date.month


def month_left_s(wall_s: float, offset_s: float) -> float:
    """Seconds until the local month ends."""
    day = day_of(wall_s, offset_s)
    month = month_of(day) + 1
    first = datetime.date((month - 1) // 12, (month - 1) % 12 + 1, 1).toordinal() - _EPOCH
    return first * DAY_S - offset_s - wall_s


def _added(before: Spent, day: int, cost: float) -> Spent:
    month = month_of(day)
    return Spent(
        day,
        cost + (before.in_day if before.day == day else 0.0),
        month,
        cost + (before.in_month if before.month == month else 0.0),
    )


def over_budget(
    budget: Budget, spent: tuple[float, float], ahead: tuple[float, float]
) -> str | None:
    """Which budget would be exceeded; None if none.

    All are of the present day and month: what was spent, and what is held may yet cost in it.
    """
    for word, most, gone, more in (
        ("day", budget.day, spent[0], ahead[0]),
        ("month", budget.month, spent[1], ahead[1]),
    ):
        if most is not None and gone + more > most + 1e-9:
            return (
                f"of a {word} ({gone:.2f} of {most:g} spent, {more:.2f} to come until"
                " what is held has ended)"
            )
    return None
