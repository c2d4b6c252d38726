"""What a turn leaves for readers: the status, the journals."""

from __future__ import annotations

from dataclasses import dataclass

from torque_mesos.decide import Plan, Snapshot


@dataclass(frozen=True, slots=True)
class Published:
    """What a turn leaves for readers. Immutable."""

    at_s: float
    wall_s: float
    snapshot: Snapshot
    plan: Plan
    framework_id: str | None
    master: str | None
    connected: bool
    server_error: str | None
    action_errors: tuple[str, ...]
    turns: int
    turn_errors: int
    last_turn_error: str | None
    turn_s: float
