"""The recorded answers of TORQUE 6.1.3, and what of them counts."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "data" / "torque" / "transcripts"
EXPERIMENTS = FOLDER.parent / "experiments"
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


def experiments() -> list[str]:
    """Logs of many commands and what they brought about: to read, not to compare."""
    return sorted(path.stem for path in EXPERIMENTS.glob("*.txt"))


def record(name: str, argv: Sequence[str], who: str, host: str, answer: Answer) -> None:
    """Write a transcript."""
    account = next(account for account, kind in WHO.items() if kind == who)
    (FOLDER / f"{name}.txt").write_text(
        f"$ {shlex.join(argv)}  # as {account} on {host}\nexit: {answer.code}\n"
        f"--- stdout\n{answer.out}--- stderr\n{answer.err}"
    )


def exists(name: str) -> bool:
    """Whether a command was recorded by that name."""
    return (FOLDER / f"{name}.txt").exists()
