"""What `qsub -t` asks for: indexes, and how many of them at a time."""

from __future__ import annotations

from typing import List, Optional, Set, Tuple

from .errors import BADARRAY, PbsError

MOST = 1_000_000


def parse(request: str) -> Tuple[List[int], Optional[int]]:
    """Indexes and slot limit of `0-9,20%5`. Raises `PbsError` (BADARRAY).

    As TORQUE does, a range that begins with a minus is taken for no range at all, and a
    limit that is no number for 0. TORQUE 6.1 takes any number of members, and was seen to fill
    the host's memory with them; above MOST they are refused here.
    """
    ranges, percent, limit = request.partition("%")
    indexes: Set[int] = set()
    for part in ranges.split(","):
        low, dash, high = part.partition("-")
        if dash and not low:
            continue
        if not low.isdigit() or (dash and not high.isdigit()) or int(high or low) < int(low):
            raise PbsError(BADARRAY)
        if len(indexes) + int(high or low) - int(low) >= MOST:
            raise PbsError(BADARRAY)
        indexes.update(range(int(low), int(high or low) + 1))
    slots = int(limit) if limit.isdigit() else 0
    return sorted(indexes), slots if percent else None


def check_limits(request: str, most: int, most_slots: int) -> None:
    """Whether an array is as small as the server wants it; 0: any size. Raises `PbsError`."""
    indexes, slots = parse(request)
    if most and len(indexes) > most:
        raise PbsError(BADARRAY, f"Requested array size too large, limit is {most}")
    if most_slots and slots is not None and slots > most_slots:
        raise PbsError(BADARRAY, f"Requested slot limit invalid, limit is {most_slots}")
