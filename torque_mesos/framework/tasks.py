"""A task's id says all that must survive a restart; and the TaskInfo of a grant.

Reconciliation tells a task's id, agent and executor, and no more. So the id holds the
node, the slots, what they are made of, and the executor's generation::

    tm:n1.cluster.test:2:2:2048:3fa81c20:9d41c07b
       node            slots cpus mem_mb generation nonce
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torque_mesos.model import Resources

_ID = re.compile(
    r"tm:(?P<node>[^:/\s]+):(?P<slots>\d+):(?P<cpus>\d+(?:\.\d+)?):(?P<mem>\d+(?:\.\d+)?)"
    r":(?P<generation>[0-9a-f]+):(?P<nonce>[0-9a-f]+)\Z"
)


class TaskIdError(ValueError):
    """An id that is not one of ours."""


@dataclass(frozen=True, slots=True)
class TaskId:
    """What a task's id holds."""

    node: str
    slots: int
    resources: Resources
    generation: str
    nonce: str

    def __str__(self) -> str:
        cpus, mem = self.resources.cpus, self.resources.mem_mb
        return f"tm:{self.node}:{self.slots}:{cpus:.12g}:{mem:.12g}:{self.generation}:{self.nonce}"

    @classmethod
    def parse(cls, text: str) -> TaskId:
        """Read an id.

        Raises:
            TaskIdError: it is not one of ours; the text is quoted.
        """
        match = _ID.match(text)
        if match is None or int(match["slots"]) < 1:
            raise TaskIdError(f"{text!r} is not tm:NODE:SLOTS:CPUS:MEM_MB:GENERATION:NONCE")
        return cls(
            node=match["node"],
            slots=int(match["slots"]),
            resources=Resources(float(match["cpus"]), float(match["mem"])),
            generation=match["generation"],
            nonce=match["nonce"],
        )

    @property
    def executor_id(self) -> str:
        """The id of the executor that the first grant of a worker starts."""
        return f"mom-{self.node}-{self.generation}-{self.nonce}"


def task_info(
    task_id: TaskId, agent_id: str, executor: Mapping[str, Any], share: Resources
) -> dict[str, Any]:
    """The TaskInfo of a grant: what it holds, less `share`, the executor's own."""
    own = task_id.resources - share
    return {
        "name": f"{task_id.slots} slots on {task_id.node}",
        "task_id": {"value": str(task_id)},
        "agent_id": {"value": agent_id},
        "executor": dict(executor),
        "resources": [
            {"name": "cpus", "type": "SCALAR", "scalar": {"value": own.cpus}},
            {"name": "mem", "type": "SCALAR", "scalar": {"value": own.mem_mb}},
        ],
    }
