"""Signals by the names that people give them."""

from __future__ import annotations

import signal
from typing import Optional

# TORQUE's own, for operators: the job gives its slots back, and takes them again.
SUSPENDING = {"suspend": signal.SIGSTOP, "resume": signal.SIGCONT}


def number_of(name: str) -> Optional[int]:
    """The number of `SIGUSR1`, `usr1` or `10`; None where there is no such signal."""
    if name in SUSPENDING:
        return int(SUSPENDING[name])
    if name.isdigit():
        return int(name) if int(name) < signal.NSIG else None
    word = name.upper()
    found = getattr(signal, word if word.startswith("SIG") else f"SIG{word}", None)
    return int(found) if isinstance(found, signal.Signals) else None
