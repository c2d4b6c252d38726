"""Moms that report by another name than their record: only pbs_server's log tells of them."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

_LATELY_S = 900.0
_TAIL = 2**20
_LINE = re.compile(
    r"^(\d\d/\d\d/\d{4} \d\d:\d\d:\d\d)[^\n]*Node (\S+) is reporting on node (\S+),"
    r" which pbs_server doesn't know about",
    re.MULTILINE,
)


def strangers(logs: Path, now_s: float | None = None) -> tuple[tuple[str, str], ...]:
    """(record, name that its mom tells) of the last quarter of an hour."""
    try:
        newest = max(logs.glob("[0-9]*"), default=None)
        if newest is None:
            return ()
        with newest.open("rb") as file:
            file.seek(max(0, newest.stat().st_size - _TAIL))
            text = file.read().decode(errors="replace")
    except OSError:
        return ()
    since_s = (time.time() if now_s is None else now_s) - _LATELY_S
    return tuple(dict.fromkeys(_found(text, since_s)))


def _found(text: str, since_s: float) -> Iterator[tuple[str, str]]:
    for match in _LINE.finditer(text):
        at_s = time.mktime(time.strptime(match[1], "%m/%d/%Y %H:%M:%S"))
        if at_s >= since_s:
            yield match[2], match[3]
