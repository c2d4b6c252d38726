"""How it stands with a daemon, and when one that has ended is started again."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from torque_mesos.batch.base import BatchError


class DaemonFailed(BatchError):
    """A daemon cannot be started or does not stay; the end of its log is quoted."""


class DaemonState(enum.Enum):
    """How it stands with one daemon."""

    RUNNING = "running"  # started here, now or before a restart of the framework
    FOUND = "found"  # runs, started by somebody else
    WAITING = "waiting"  # ended; it will be started again
    FAILED = "failed"  # ended too often: it is left so


@dataclass(frozen=True, slots=True)
class DaemonStatus:
    """One daemon at one moment."""

    name: str
    state: DaemonState
    pid: int | None = None
    restarts: int = 0
    detail: str = ""


@dataclass(frozen=True, slots=True)
class RestartRule:
    """When an ended daemon is started again.

    After the n-th end in a row it waits `first_wait_s * 2**(n - 1)`, at most
    `longest_wait_s`; after `most` ends in a row it is left. One that ran for
    `settled_s` begins a new row.
    """

    first_wait_s: float = 1.0
    longest_wait_s: float = 60.0
    most: int = 8
    settled_s: float = 120.0

    def wait_s(self, ends: int) -> float:
        """How long to wait after so many ends in a row (at least 1)."""
        return float(min(self.longest_wait_s, self.first_wait_s * 2.0 ** (ends - 1)))
