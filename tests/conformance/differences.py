"""What the built-in server does otherwise, and why: read from a table, written into the docs.

python -m tests.conformance.differences docs/builtin.md
"""

from __future__ import annotations

import re
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from tests.conformance.transcript import experiments, names

TABLE = Path(__file__).parent / "differences.toml"
_BEGIN, _END = "<!-- differences -->\n", "<!-- end of differences -->\n"


@dataclass(frozen=True)
class Difference:
    """One kind of difference.

    `ignore` are expressions of lines (in their normal form) that are left out of both
    answers, which must be alike then; without any the answers only must differ.
    """

    transcripts: tuple[str, ...]
    what: str
    why: str
    ignore: tuple[str, ...] = ()
    asked: bool = True
    """False: the command is not run at all, for what it would start."""


@dataclass(frozen=True)
class Unasked:
    """Recordings that the suite does not replay: why, or which tests have what they show."""

    names: tuple[str, ...]
    what: str
    why: str
    tests: tuple[str, ...]


def unasked() -> list[Unasked]:
    """All of them."""
    return [
        Unasked(
            tuple(each["names"]), each["what"], each.get("why", ""), tuple(each.get("tests", ()))
        )
        for each in tomllib.loads(TABLE.read_text())["unasked"]
    ]


def differences(kind: str) -> list[Difference]:
    """The differences of a kind of server (`builtin` or `torque`)."""
    found = tomllib.loads(TABLE.read_text()).get(kind, [])
    return [
        Difference(
            tuple(each["transcripts"]),
            each["what"],
            each["why"],
            tuple(each.get("ignore", ())),
            each.get("asked", True),
        )
        for each in found
    ]


def of(kind: str, transcript: str) -> list[Difference]:
    """Those that concern a transcript."""
    return [each for each in differences(kind) if transcript in each.transcripts]


def without(lines: list[str], patterns: tuple[str, ...]) -> list[str]:
    """`lines` but for those that match."""
    return [line for line in lines if not any(re.search(each, line) for each in patterns)]


def rendered() -> str:
    """The tables of the docs."""
    told_otherwise = {n for each in differences("builtin") for n in each.transcripts}
    left_out = {n for each in unasked() for n in each.names}
    asked = [name for name in names() if name not in left_out]
    same = len(set(asked) - told_otherwise)
    rows = ["| recorded command | what differs | why |", "|---|---|---|"]
    for each in differences("builtin"):
        rows.append(f"| {_listed(each.transcripts)} | {each.what} | {each.why} |")
    others = ["| recording | what it shows | why, or the tests that have it |", "|---|---|---|"]
    for left in unasked():
        told = "; ".join(filter(None, (left.why, _listed(left.tests))))
        others.append(f"| {_listed(left.names)} | {left.what} | {told} |")
    return (
        f"{same} of {len(asked)} recorded commands answer alike.\n\n"
        + "\n".join(rows)
        + f"\n\nNot replayed are {len(left_out)} of {len(names()) + len(experiments())} "
        + "recordings:\n\n"
        + "\n".join(others)
        + "\n"
    )


def _listed(words: tuple[str, ...]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def rewritten(text: str) -> str:
    """A document with the table of now. Raises ValueError where it has no place for it."""
    head, begin, rest = text.partition(_BEGIN)
    _, end, tail = rest.partition(_END)
    if not (begin and end):
        raise ValueError("the document has no place for the table")
    return f"{head}{_BEGIN}\n{rendered()}\n{_END}{tail}"


if __name__ == "__main__":
    document = Path(sys.argv[1])
    document.write_text(rewritten(document.read_text()))
