"""How a service ends, and why it does not begin."""

from __future__ import annotations

import enum


class Exit(enum.IntEnum):
    """How a service ends; also the exit code of `torque-mesos run`."""

    STOPPED = 0
    REMOVED = 5
    TAKEN_OVER = 6
    REJECTED = 7
    ALREADY_RUNNING = 8
    CANNOT_START = 9


class CannotStart(Exception):
    """The service cannot start; the message says what is wrong and what would be right."""
