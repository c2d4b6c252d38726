"""What was spent, and whether more may be held: days and months are those of the local clock."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from torque_mesos.decide.pool import DAY_S, Budget
from torque_mesos.model import frozen_map

Ahead = tuple[float, ...]  # what something costs in each of `spans`
_WORDS = ("day", "month", "day", "month", "month")
_LATER = ("", "", "the next one", "the next one", "the one after the next")
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
    `began`: by job id, when it was first seen to run; where there is a budget.
    """

    at_s: float | None = None
    spent: Mapping[str, Spent] = field(default_factory=frozen_map)
    unknown: str = ""
    pools: Mapping[str, str] = field(default_factory=frozen_map)
    began: Mapping[str, float] = field(default_factory=frozen_map)

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


def spans(wall_s: float, offset_s: float) -> tuple[tuple[float, float], ...]:
    """From and until how many seconds from now they last: this local day, this month, the next
    day, the next month, and the one after that.

    What is held now is held less and less: no later day costs more than the next one, nor any
    later month more than the dearer of the next two (one of which has 31 days).
    """
    day = day_of(wall_s, offset_s)
    midnight_s = day * DAY_S - offset_s - wall_s
    months = [midnight_s + (_first(month_of(day) + more) - day) * DAY_S for more in range(4)]
    days = [midnight_s + more * DAY_S for more in range(3)]
    return (
        (days[0], days[1]),
        (months[0], months[1]),
        (days[1], days[2]),
        (months[1], months[2]),
        (months[2], months[3]),
    )


def _first(month: int) -> int:
    """The number of a month's first day."""
    return datetime.date((month - 1) // 12, (month - 1) % 12 + 1, 1).toordinal() - _EPOCH


def cost_in(rate: float, for_s: float, times: tuple[tuple[float, float], ...]) -> Ahead:
    """What `rate` an hour costs in each of `spans`, from now for so long."""
    return tuple(
        rate * max(0.0, min(for_s, until_s) - max(0.0, from_s)) / 3600.0
        for from_s, until_s in times
    )


def _added(before: Spent, day: int, cost: float) -> Spent:
    month = month_of(day)
    return Spent(
        day,
        cost + (before.in_day if before.day == day else 0.0),
        month,
        cost + (before.in_month if before.month == month else 0.0),
    )


def over_budget(
    budget: Budget,
    spent: tuple[float, float],
    ahead: Ahead,
    more: Ahead = (),
    slack: float = 0.0,
) -> str | None:
    """Which budget would be exceeded; None if none.

    `spent`: in the present day and month. `ahead`: what is held may yet cost in each of `spans`,
    or in the first of them only. `more`: what of it is asked for, where something is: what costs
    nothing in a later day or month does not exceed it. `slack`: what it may be exceeded by.
    """
    for number, (word, later, cost) in enumerate(zip(_WORDS, _LATER, ahead, strict=False)):
        most = budget.day if word == "day" else budget.month
        if most is None or (later and number < len(more) and not more[number]):
            continue
        gone = 0.0 if later else spent[number]
        if gone + cost > most + slack + 1e-9:
            if later:
                return f"of a {word} ({cost:.2f} of {most:g} to come in {later})"
            return (
                f"of a {word} ({gone:.2f} of {most:g} spent, {cost:.2f} to come until"
                " what is held has ended)"
            )
    return None
