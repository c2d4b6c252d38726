"""What the built-in server does otherwise, and why: read from a table, written into the docs.

python -m tests.conformance.differences docs/builtin.md
"""

from __future__ import annotations

import re
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from tests.conformance.transcript import names

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
    """The table of the docs."""
    rows = ["| recorded command | what differs | why |", "|---|---|---|"]
    for each in differences("builtin"):
        told = ", ".join(f"`{name}`" for name in each.transcripts)
        rows.append(f"| {told} | {each.what} | {each.why} |")
    same = len(names()) - len({n for each in differences("builtin") for n in each.transcripts})
    return f"{same} of {len(names())} recorded commands answer alike.\n\n" + "\n".join(rows) + "\n"


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
