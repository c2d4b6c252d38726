"""Traps of TORQUE's that strike seldom there, and here as often as a setting says.

What TORQUE always does, the built-in server always does too. These few happen to TORQUE
once in a hundred times, or only on hosts that are set up in a certain way; a test that
wants one sets `traps` in `server_priv/builtin.json`: `{"traps": {"late_obit": 1}}` makes
every obituary late, 2 every second one; 0, as usual, none. `lost_slots` is usually 1: TORQUE
never fails to lose them.
"""

from __future__ import annotations

from typing import Any, Dict

LATE_OBIT = "late_obit"
LOST_ANSWER = "lost_answer"
LOST_LIST = "lost_list"
PATH_CHECK = "path_check"
LOST_SLOTS = "lost_slots"

# Seen on TORQUE: one obituary in twenty came 4.02 s late, whatever the load.
LATE_OBIT_S = 4.0

_USUAL = {LATE_OBIT: 0, LOST_ANSWER: 0, LOST_LIST: 0, PATH_CHECK: 0, LOST_SLOTS: 1}


class Traps:
    """Counts, and says when one strikes. Raises ValueError on settings that mean nothing."""

    def __init__(self, settings: Dict[str, Any]) -> None:
        wanted = settings.get("traps", {})
        if not isinstance(wanted, dict):
            raise ValueError(f"traps is {wanted!r}, not an object")
        for name, often in wanted.items():
            if name not in _USUAL:
                raise ValueError(f"no trap {name!r}; there are: {', '.join(_USUAL)}")
            if not isinstance(often, int) or often < 0:
                raise ValueError(f"traps: {name} is {often!r}, not a count")
        self._every: Dict[str, int] = {**_USUAL, **wanted}
        self._seen = dict.fromkeys(_USUAL, 0)

    def strikes(self, name: str) -> bool:
        """Whether the trap strikes this time."""
        every = self._every[name]
        if not every:
            return False
        self._seen[name] += 1
        return self._seen[name] % every == 0
