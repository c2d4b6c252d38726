"""What was spent, remembered across restarts: `<state_dir>/spending.json`."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import structlog

from torque_mesos import durable
from torque_mesos.decide.budget import Spending, Spent
from torque_mesos.model import frozen_map

NAME = "spending.json"
_EVERY_S = 10.0
_log = structlog.get_logger(__name__)


class SpendingFile:
    """The file. What is in it is at most some 10 s old while the service runs.

    A service that was killed charges the time in which it did not run, and those seconds,
    when it runs again: as what is held then.
    """

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / NAME
        self._written_s = float("-inf")
        self._failing = False

    def read(self) -> Spending:
        """What was spent. A file that is not there means nothing; one that cannot be read
        gives a value that says why, and with which no budget allows anything.
        """
        try:
            text = self._path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return Spending()
        except (OSError, UnicodeDecodeError) as error:
            return self._unknown(str(error))
        try:
            return _parse(json.loads(text))
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            return self._unknown(f"{type(error).__name__}: {error}")

    def _unknown(self, why: str) -> Spending:
        _log.error("what was spent cannot be read", file=str(self._path), error=why)
        return Spending(
            unknown=f"{self._path} cannot be read ({why}); correct it, or delete it to begin anew"
        )

    def keep(self, spending: Spending, *, now: bool = False) -> None:
        """Write it if that is due (or `now`). Never raises OSError: a failure is told once."""
        at_s = spending.at_s
        if at_s is None or spending.unknown or not spending.spent:
            return
        if not now and abs(at_s - self._written_s) < _EVERY_S:
            return
        try:
            durable.write(self._path, json.dumps(_plain(spending), indent=1))
        except OSError as error:
            if not self._failing:
                _log.error("what was spent cannot be written", error=str(error))
            self._failing = True
            return
        self._failing = False
        self._written_s = at_s

    @property
    def problem(self) -> str | None:
        """What is wrong with the file, for whoever looks at the service's health."""
        return f"{self._path} cannot be written" if self._failing else None


def _plain(spending: Spending) -> dict[str, Any]:
    return {
        "at": spending.at_s,
        "spent": {
            name: {
                "day": spent.day,
                "in_day": spent.in_day,
                "month": spent.month,
                "in_month": spent.in_month,
            }
            for name, spent in spending.spent.items()
        },
        "pools": dict(spending.pools),
        "began": dict(spending.began),
    }


def _parse(values: Any) -> Spending:
    spent = {
        str(name): Spent(
            int(each["day"]),
            _amount(each["in_day"]),
            int(each["month"]),
            _amount(each["in_month"]),
        )
        for name, each in values["spent"].items()
    }
    # (A file of an older version has neither.)
    pools = {str(agent_id): str(name) for agent_id, name in values.get("pools", {}).items()}
    began = {str(job_id): _amount(at_s) for job_id, at_s in values.get("began", {}).items()}
    return Spending(
        _amount(values["at"]), frozen_map(spent), pools=frozen_map(pools), began=frozen_map(began)
    )


def _amount(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{value!r:.40} is no number")
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{value!r} is no amount")
    return float(value)
