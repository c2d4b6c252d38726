"""The recorded answers of TORQUE 6.1.3, and what of them counts."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "data" / "torque" / "transcripts"
WHO = {"root": "root", "mgruser": "manager", "batchuser": "user"}


@dataclass(frozen=True)
class Answer:
    """What a command said."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Transcript:
    """One recorded command: who ran it where, and what it said. `who`: root, manager or user."""

    name: str
    argv: tuple[str, ...]
    who: str
    host: str
    answer: Answer


def load(name: str) -> Transcript:
    """Read a transcript. Raises ValueError where a file has another form."""
    text = (FOLDER / f"{name}.txt").read_text()
    found = re.fullmatch(
        r"\$ (.*?)  # as (\w+) on (\w+)\nexit: (\d+)\n--- stdout\n(.*)--- stderr\n(.*)", text, re.S
    )
    if found is None:
        raise ValueError(f"{name}: not a transcript: {text[:80]!r}")
    command, user, host, code, out, err = found.groups()
    answer = Answer(int(code), out, err)
    return Transcript(name, tuple(shlex.split(command)), WHO[user], host, answer)


def names() -> list[str]:
    """All transcripts there are."""
    return sorted(path.stem for path in FOLDER.glob("*.txt"))
