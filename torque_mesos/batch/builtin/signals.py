"""Signals by the names that people give them."""

from __future__ import annotations

import signal
from typing import Optional

# TORQUE's own, for operators: the job gives its slots back, and takes them again.
SUSPENDING = {"suspend": signal.SIGSTOP, "resume": signal.SIGCONT}


def number_of(name: str) -> Optional[int]:
    """The number of `SIGUSR1`, `usr1` or `10`; None where there is no such name.

    As with TORQUE no word and `NULL` are 0, which only asks whether the job is there, and a
    number that is no signal's is the mom's affair.
    """
    if name in SUSPENDING:
        return int(SUSPENDING[name])
    if not name or name.isdigit():
        return int(name or 0)
    word = name.upper()
    if word in ("NULL", "SIGNULL"):
        return 0
    found = getattr(signal, word if word.startswith("SIG") else f"SIG{word}", None)
    return int(found) if isinstance(found, signal.Signals) else None
