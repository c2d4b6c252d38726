"""The exit status of a job that the server does not list any more."""

from __future__ import annotations

import re
from pathlib import Path

_STATUS = re.compile(r"(?:^| )Exit_status=(-?[0-9]+)(?: |$)", re.ASCII)
_FILES = 2  # today's, and one more for a job over midnight


def exit_status_of(job_id: str, accounting_dir: Path) -> int | None:
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
            if kind == "E" and name == job_id and (found := _STATUS.search(words)):
                return int(found[1])
    return None
