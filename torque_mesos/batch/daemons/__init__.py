"""The batch server's daemons, where they are ours to keep: found or started, restarted.

Each runs in the foreground, in a session of its own, so that it outlives the framework: a
restart of it finds them again by their pid files. Only `teardown` ends them, and only
those that were started here. One that runs already, whoever started it, is used: there
is never a second one, and never a new database where there may be one.
"""

from torque_mesos.batch.daemons.keeper import BatchDaemons
from torque_mesos.batch.daemons.openpbs import openpbs_daemons
from torque_mesos.batch.daemons.states import (
    DaemonFailed,
    DaemonState,
    DaemonStatus,
    RestartRule,
)
from torque_mesos.batch.daemons.torque import torque_daemons

__all__ = [
    "BatchDaemons",
    "DaemonFailed",
    "DaemonState",
    "DaemonStatus",
    "RestartRule",
    "openpbs_daemons",
    "torque_daemons",
]
