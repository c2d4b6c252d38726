"""The commands of a session of qmgr: what its input has of comments, semicolons, long lines."""

from __future__ import annotations

import sys
from typing import Iterator, List, TextIO


def commands(source: TextIO, person: bool) -> Iterator[str]:
    """One command after the other, as TORQUE's qmgr takes them from its input.

    A line that ends in a backslash goes on in the next one; a blank line or a comment there ends
    it. What nobody types is echoed, line by line, comments too.
    """
    begun = ""
    while True:
        if person:
            print("Qmgr< " if begun else "Qmgr: ", end="", flush=True)
        line = source.readline()
        if not line:
            return
        text = line.rstrip("\n")
        if text and not person:
            print(text, flush=True)
        if text.startswith("#"):
            text = ""
        if text.endswith("\\"):
            begun += text[:-1] + " "
            continue
        whole = (begun + text).strip()
        begun = ""
        if whole and not whole.startswith("#"):
            yield from split(whole)


def split(line: str) -> List[str]:
    """`a; b "c;d" # e` as `a` and `b "c;d"`; quotes that are not closed last to the end."""
    found, command, quote = [], "", ""
    for letter in line:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter == "#":
            break
        elif letter == ";":
            found.append(command.strip())
            command = ""
            continue
        command += letter
    # Behind the last semicolon there need not be a command.
    return [*found, command.strip()] if command.strip() or not found else found


def of_stdin() -> Iterator[str]:
    """The commands of this process' input."""
    return commands(sys.stdin, sys.stdin.isatty())
