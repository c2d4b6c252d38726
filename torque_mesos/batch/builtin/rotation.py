"""How logs and accounting stay bounded: a file a day, the oldest go first."""

from __future__ import annotations

import os
import re
import time
from typing import Any, Dict, List, NamedTuple, Tuple

_DAY_S = 86400
_DATED = re.compile(r"(\d{8})(\.\d+)?$")


class Limits(NamedTuple):
    """How long a folder's files are kept, and how large they may be together."""

    days: int
    megabytes: float

    @property
    def part_bytes(self) -> int:
        """The size at which one log file is put aside and the next begun."""
        return int(self.megabytes * 1_000_000 / 4)


LOGS = Limits(30, 200)
ACCOUNTING = Limits(400, 2000)
UNDELIVERED_DAYS = 90


def limits(settings: Dict[str, Any], what: str, usual: Limits) -> Limits:
    """What `<what>_days` and `<what>_mb` set, else the usual. Raises ValueError."""
    days = int(settings.get(f"{what}_days", usual.days))
    megabytes = float(settings.get(f"{what}_mb", usual.megabytes))
    if days < 1 or megabytes <= 0:
        raise ValueError(f"{what}_days and {what}_mb must be above 0: {days}, {megabytes}")
    return Limits(days, megabytes)


def prune(folder: str, kept: Limits, now: float) -> List[str]:
    """Remove what is too old or too much, never today's file. The names that went.

    `now` is in seconds of the epoch. Files that are not named by a day are not touched.
    """
    today = time.strftime("%Y%m%d", time.localtime(now))
    oldest = time.strftime("%Y%m%d", time.localtime(now - kept.days * _DAY_S))
    found: List[Tuple[Tuple[str, int], str, int]] = []
    for entry in os.scandir(folder):
        dated = _DATED.match(entry.name)
        if dated is not None and entry.is_file(follow_symlinks=False):
            # A day's own file is its last part.
            part = int(dated[2][1:]) if dated[2] else 1 << 30
            found.append(((dated[1], part), entry.name, entry.stat().st_size))
    found.sort()
    left = sum(size for _, _, size in found)
    gone = []
    for (day, _), name, size in found:
        if name != today and (day < oldest or left > kept.megabytes * 1_000_000):
            os.unlink(os.path.join(folder, name))
            left -= size
            gone.append(name)
    return gone


def put_aside(path: str) -> None:
    """Give a full log another name: `20261120` becomes `20261120.1`, or the next that is free.

    A log that is not named by a day keeps one predecessor, `NAME.1`.
    """
    number = 1
    if _DATED.match(os.path.basename(path)):
        while os.path.exists(f"{path}.{number}"):
            number += 1
    os.replace(path, f"{path}.{number}")


def prune_old(folder: str, days: int, now: float) -> List[str]:
    """Remove files that nobody has touched for so many days. The names that went."""
    oldest = now - days * _DAY_S
    gone = []
    for entry in os.scandir(folder):
        if entry.is_file(follow_symlinks=False) and entry.stat().st_mtime < oldest:
            os.unlink(entry.path)
            gone.append(entry.name)
    return sorted(gone)
