"""What the accounting files tell of a job that the server does not list any more."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_STATUS = re.compile(r"(?:^| )Exit_status=(-?[0-9]+)(?: |$)", re.ASCII)
_USER = re.compile(r"(?:^| )user=(\S+)(?: |$)", re.ASCII)
_FILES = 2  # today's, and one more for a job over midnight


@dataclass(frozen=True, slots=True)
class Ended:
    """How a job ended, and whose it was (without a host)."""

    exit_status: int
    user: str


def ended(job_id: str, accounting_dir: Path) -> Ended | None:
    """What the accounting files tell; None if they cannot be read or do not name it."""
    try:
        files = sorted(accounting_dir.iterdir())[-_FILES:]
        texts = [file.read_text(errors="replace") for file in reversed(files)]
    except OSError:
        return None
    for text in texts:
        for line in reversed(text.splitlines()):
            _, _, rest = line.partition(";")
            kind, _, rest = rest.partition(";")
            name, _, words = rest.partition(";")
            if kind == "E" and name == job_id and (status := _STATUS.search(words)):
                user = _USER.search(words)
                return Ended(int(status[1]), user[1] if user else "")
    return None
