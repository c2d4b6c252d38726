"""`torque-mesos`, the command."""

from torque_mesos.cli.app import main

__all__ = ["main"]
