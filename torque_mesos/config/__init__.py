"""The settings: their models, and how they are read from a file and the environment."""

from torque_mesos.config.models import Settings
from torque_mesos.config.pools import Cost, PoolSettings, ScheduleSettings
from torque_mesos.config.sections import Amount, Batch, Executor, Http, Mesos, SafeAllocation
from torque_mesos.config.sources import ConfigError, Problem, find_file, load

__all__ = [
    "Amount",
    "Batch",
    "ConfigError",
    "Cost",
    "Executor",
    "Http",
    "Mesos",
    "PoolSettings",
    "Problem",
    "SafeAllocation",
    "ScheduleSettings",
    "Settings",
    "find_file",
    "load",
]
