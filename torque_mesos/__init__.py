"""An elastic TORQUE cluster on Apache Mesos."""

__version__ = "0.1.0"
