"""One record of an answer that cannot be read, and how it is quoted."""

from __future__ import annotations

SHOWN = 160


class BadRecord(Exception):
    """One record says something that cannot be understood."""


def ends(text: str) -> str:
    """`text`, or its two ends if it is long."""
    if len(text) <= SHOWN:
        return repr(text)
    return f"{text[: SHOWN // 2]!r} ... {text[-SHOWN // 2 :]!r}"
