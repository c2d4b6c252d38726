"""`python -m torque_mesos.cli`."""

from torque_mesos.cli import main

main()
