"""How long to wait before the next attempt."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Backoff:
    """Waits that double from `first_s` to `most_s`, each shortened by up to a half by chance,
    so that many who lost the same master do not come back at the same moment."""

    first_s: float = 0.25
    most_s: float = 15.0
    chance: Callable[[], float] = random.random
    attempts: int = field(default=0, init=False)

    def next_s(self) -> float:
        """The wait before the next attempt, in seconds."""
        # 2**32 is far above any `most_s`, and keeps the power small.
        longest = min(self.most_s, self.first_s * 2.0 ** min(self.attempts, 32))
        self.attempts += 1
        return longest * (1 - self.chance() / 2)

    def reset(self) -> None:
        """Begin with `first_s` again."""
        self.attempts = 0
