"""A small world for `decide`: a batch server with TORQUE's traps, a Mesos, people, and faults.

Time is simulated. `World.turn()` makes a snapshot, decides, holds the plan against the rules
that no plan may break, and carries it out as the framework does: in order, and a node whose
action failed is left alone for the rest of the plan.
"""

from tests.decide.world.parts import Box, Broken, Record, Task, Work, requested
from tests.decide.world.world import World

__all__ = ["Box", "Broken", "Record", "Task", "Work", "World", "requested"]
