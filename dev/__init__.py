"""Tools for trying and developing torque-mesos; not installed."""
