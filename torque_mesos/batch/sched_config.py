"""How pbs_sched orders jobs: `sched_priv/sched_config`, which TORQUE and OpenPBS both have.

A line is `name: value` or `name value`, and `all`, `prime` or `non_prime`. What differs
between prime time and other times is read as in other times.
"""

from __future__ import annotations

from collections.abc import Mapping

from torque_mesos.model import Scheduling

_DAY_S = 86400.0


def parse_sched_config(text: str) -> Scheduling:
    """What of `sched_config` decides on the order of jobs.

    OpenPBS 23 has no starving jobs any more unless `help_starving_jobs` is there.
    """
    said = values(text)
    starving = _true(said, "help_starving_jobs")
    return Scheduling(
        by_queue=_true(said, "by_queue"),
        strict=_true(said, "strict_fifo") or _true(said, "strict_ordering"),
        starving_after_s=_seconds(said.get("max_starve", "")) if starving else None,
    )


def values(text: str) -> dict[str, str]:
    """What `sched_config` says of each name, out of prime time."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        words = line.partition("#")[0].replace(":", " ", 1).split()
        if len(words) >= 2 and (len(words) < 3 or words[2].lower() != "prime"):
            found[words[0]] = words[1]
    return found


def _true(said: Mapping[str, str], name: str) -> bool:
    return said.get(name, "").lower() == "true"


def _seconds(text: str) -> float:
    """Seconds of `24:00:00`; a day where that cannot be read, as pbs_sched's default is."""
    parts = text.split(":")
    if not all(part.isascii() and part.isdigit() for part in parts) or len(parts) > 3:
        return _DAY_S
    seconds = 0.0
    for part in parts:
        seconds = 60.0 * seconds + int(part)
    return seconds
