"""Pure decisions: a Snapshot in, a Plan out. No I/O, no clock."""

from torque_mesos.decide.core import decide
from torque_mesos.decide.plan import Memory, Plan, Snapshot
from torque_mesos.decide.policy import Limit, Policy

__all__ = ["Limit", "Memory", "Plan", "Policy", "Snapshot", "decide"]
