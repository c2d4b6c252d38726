"""Numbers that are given to the batch server's commands."""

from __future__ import annotations

from torque_mesos.batch.base import Refused

NP_MAX = 2**31 - 1


def slots(np: int) -> int:
    """Check a number of slots, or of gpus. Raises Refused for none."""
    if isinstance(np, bool) or not isinstance(np, int) or not 1 <= np <= NP_MAX:
        raise Refused(f"a number of slots is at least 1 and at most {NP_MAX}, not {np!r}")
    return np


def port(number: int) -> int:
    """Check a port. Raises Refused for what is none."""
    if isinstance(number, bool) or not isinstance(number, int) or not 0 < number < 65536:
        raise Refused(f"a port is between 1 and 65535, not {number!r}")
    return number
