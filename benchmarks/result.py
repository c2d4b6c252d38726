"""What a benchmark says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Result:
    """One measured value.

    `reference` says what ran beside it, `ratio` is the value over the reference's (None
    where there is no reference), and `size` is what was worked on: a count or words.
    """

    name: str
    value: float
    unit: str
    reference: str = ""
    ratio: float | None = None
    size: str | int | float = ""
