"""What Maui's priorities of jobs are made of: its `maui.cfg`.

A line is a parameter and its value, `QUEUETIMEWEIGHT 10`, perhaps with the number of a partition
(`QUEUETIMEWEIGHT[0] 10`; 0 is all of them); or what is said of a user, group, account or class
(a queue): `USERCFG[alice] PRIORITY=100 MAXJOB=4`. What follows a `#` is a comment. As for
Maui 3.3.2 itself, a parameter stands at the beginning of its line, in capitals, and of several
lines with one the last counts.
"""

from __future__ import annotations

import re

from torque_mesos.model import MauiPriority, Scheduling, frozen_map

_LINE = re.compile(r"([A-Z0-9]+)(?:\[([^\]]*)\])?[\s=]+(.*)")
_NUMBER = re.compile(r"(?:WEIGHT|CAP)\Z")
_FLAGS = ("ENABLENEGJOBPRIORITY", "REJECTNEGPRIOJOBS")
_LEAST_LIMIT = "XFMINWCLIMIT"
_GIVEN = {f"{kind}CFG": kind for kind in ("USER", "GROUP", "ACCOUNT", "CLASS")}
_PRIORITY = re.compile(r"(?:\A|\s)PRIORITY=(-?[0-9]{1,9})(?:\s|\Z)", re.IGNORECASE)


def maui_scheduling(text: str) -> Scheduling:
    """The order of jobs that a `maui.cfg` asks for."""
    return Scheduling(maui=parse_maui_config(text))


def parse_maui_config(text: str) -> MauiPriority:
    """What of `maui.cfg` makes the priorities of jobs. Lines that cannot be read are left out."""
    numbers: dict[str, float] = {}
    given: dict[str, dict[str, float]] = {}
    for line in text.splitlines():
        found = _LINE.match(line.partition("#")[0])
        if found is None:
            continue
        name, of, value = found.group(1), found.group(2), found.group(3).strip()
        if name in _GIVEN and of:
            if priority := _PRIORITY.search(value):
                given.setdefault(_GIVEN[name], {})[of] = float(priority.group(1))
        elif of in (None, "0") and (number := _number(name, value)) is not None:
            numbers[name] = number
    return MauiPriority(
        frozen_map(numbers), frozen_map({kind: frozen_map(names) for kind, names in given.items()})
    )


def _number(name: str, value: str) -> float | None:
    """The value of a parameter that counts, None for any other."""
    if name in _FLAGS:
        return float(value.upper() in ("TRUE", "1", "YES", "ON"))
    try:
        if name == _LEAST_LIMIT:
            return _seconds(value)
        return float(int(value)) if _NUMBER.search(name) else None
    except ValueError:
        return None


def _seconds(text: str) -> float:
    seconds = 0
    for part in text.split(":"):
        seconds = 60 * seconds + int(part)
    return float(seconds)
