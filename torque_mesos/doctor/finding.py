"""What a check found."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass


class Level(enum.Enum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `remedy` is a line to run, or what to do."""

    check: str
    level: Level
    says: str
    remedy: str = ""


def ok(check: str, says: str) -> Finding:
    """It is as it should be."""
    return Finding(check, Level.OK, says)


def warning(check: str, says: str, remedy: str) -> Finding:
    """It works, but not well, or not for long."""
    return Finding(check, Level.WARNING, says, remedy)


def fault(check: str, says: str, remedy: str) -> Finding:
    """It does not work."""
    return Finding(check, Level.FAULT, says, remedy)


def worst(findings: Iterable[Finding]) -> Level:
    """The worst of all."""
    levels = {finding.level for finding in findings}
    return next((level for level in (Level.FAULT, Level.WARNING) if level in levels), Level.OK)
