"""What all grammars of requests share: amounts, times, and errors that mark the place."""

from __future__ import annotations

import math
import re

MAX_COUNT = 1_000_000
MAX_MEM_MB = 2**40
_MAX_DIGITS = 20  # int() itself raises ValueError for thousands of digits
_SHOWN = 80
_SIZE = re.compile(r"(?P<number>[0-9]{1,20})(?P<prefix>[kmgtpe]?)(?P<unit>[bw]?)", re.I | re.ASCII)
_PREFIXES = ("", "k", "m", "g", "t", "p", "e")
_PARTS_OF_TIME = 3
_TIME = re.compile(r"(?:(?:(\d{1,20}):)?(\d{1,20}):)?(\d{1,20})(?:\.\d*)?", re.ASCII)


class RequestError(ValueError):
    """A request that does not parse. The text says what, where, and what would be right."""


def shown(text: str, most: int = _SHOWN) -> str:
    """A user's text, cut to what a sentence bears."""
    return text if len(text) <= most else f"{text[:most]}..."


class Source:
    """A text that is being read, `nodes=2:ppn=2`, for errors that mark a place in it."""

    def __init__(self, name: str, value: str) -> None:
        self.whole = f"{name}={value}"
        self.start = len(name) + 1

    def error(self, at: int, problem: str) -> RequestError:
        """An error at a place of the value (0: its first character).

        It quotes the text around the place, and tells the column in the whole text.
        """
        column = self.start + at
        first = 0 if len(self.whole) <= _SHOWN else max(0, column - _SHOWN // 2)
        quoted = ("..." if first else "") + shown(self.whole[first:])
        return RequestError(f"{quoted}: at column {column + 1}, {problem}")

    def count(self, text: str, at: int, what: str) -> int:
        """A whole number from 1 to `MAX_COUNT`. Raises RequestError."""
        digits = text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS
        if not digits or not 1 <= int(text) <= MAX_COUNT:
            raise self.error(
                at,
                f"{what} is {shown(text)!r}, a whole number from 1 to {MAX_COUNT} would be right",
            )
        return int(text)

    def size_mb(self, text: str, at: int, what: str, word_bytes: int) -> int:
        """An amount of memory, in whole MB (rounded up), 0 included.

        Bare numbers are bytes; `kb`, `mb`, `gb`, `tb`, `pb`, `eb` are powers of 1024, the `b`
        may be left out, and `w` in its place counts words, of `word_bytes`; in any case.
        Raises RequestError.
        """
        match = _SIZE.fullmatch(text)
        if match is not None:
            bytes_ = int(match["number"]) << 10 * _PREFIXES.index(match["prefix"].lower())
            bytes_ *= word_bytes if match["unit"] in ("w", "W") else 1
            if (mem_mb := -(-bytes_ // 2**20)) <= MAX_MEM_MB:
                return mem_mb
        raise self.error(
            at, f"{what} is {shown(text)!r}, an amount of memory as 512mb or 4gb would be right"
        )


def seconds(text: str) -> float:
    """A walltime, `[[HH:]MM:]SS[.ms]`, in seconds. Raises RequestError.

    In TORQUE's way the parts may be of any size: `90:00` is an hour and a half.
    """
    source = Source("walltime", text)
    match = _TIME.fullmatch(text)
    if match is None:
        at, part = _odd_part(text)
        raise source.error(
            at, f"{shown(part)!r} is no part of a time, as 01:30:00 or 5400 would be right"
        )
    hours, minutes, rest = (float(part or 0) for part in match.groups())
    total = hours * 3600 + minutes * 60 + rest
    if not math.isfinite(total):
        raise source.error(0, "that is longer than any time")
    return total


def _odd_part(text: str) -> tuple[int, str]:
    """Where a time is wrong, and what stands there: a part that is no number, or a fourth one."""
    at = 0
    for number, part in enumerate(text.split(":")):
        if number == _PARTS_OF_TIME or not _TIME.fullmatch(part):
            return at, part
        at += len(part) + 1
    return 0, text
