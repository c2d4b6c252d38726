"""The settings: their models, and how they are read from a file and the environment."""

from torque_mesos.config.models import (
    Amount,
    Batch,
    Executor,
    Http,
    Mesos,
    SafeAllocation,
    Settings,
)
from torque_mesos.config.sources import ConfigError, Problem, find_file, load

__all__ = [
    "Amount",
    "Batch",
    "ConfigError",
    "Executor",
    "Http",
    "Mesos",
    "Problem",
    "SafeAllocation",
    "Settings",
    "find_file",
    "load",
]
