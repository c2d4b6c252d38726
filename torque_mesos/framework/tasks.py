"""A task's id says all that must survive a restart; and the TaskInfo of a grant.

Reconciliation tells a task's id, agent and executor, and no more. So the id holds the
node, the slots, what they are made of, and the executor's generation; one with gpus also
how many::

    tm:n1.cluster.test:2:2:2048:3fa81c20:9d41c07b
       node            slots cpus mem_mb generation nonce
    tm:n1.cluster.test:2:2:2048:g1:3fa81c20:9d41c07b
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torque_mesos.model import Resources

_ID = re.compile(
    r"tm:(?P<node>[^:/\s]+):(?P<slots>\d+):(?P<cpus>\d+(?:\.\d+)?):(?P<mem>\d+(?:\.\d+)?)"
    r"(?::g(?P<gpus>[1-9]\d*))?:(?P<generation>[0-9a-f]+):(?P<nonce>[0-9a-f]+)\Z"
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
        held = self.resources
        gpus = f":g{held.gpus}" if held.gpus else ""
        return (
            f"tm:{self.node}:{self.slots}:{held.cpus:.12g}:{held.mem_mb:.12g}{gpus}"
            f":{self.generation}:{self.nonce}"
        )

    @classmethod
    def parse(cls, text: str) -> TaskId:
        """Read an id.

        Raises:
            TaskIdError: it is not one of ours; the text is quoted.
        """
        match = _ID.match(text)
        if match is None:
            raise TaskIdError(f"{text!r} is not tm:NODE:SLOTS:CPUS:MEM_MB[:gGPUS]:GENERATION:NONCE")
        return cls(
            node=match["node"],
            slots=int(match["slots"]),
            resources=Resources(float(match["cpus"]), float(match["mem"]), int(match["gpus"] or 0)),
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
    amounts = {"cpus": own.cpus, "mem": own.mem_mb, "gpus": own.gpus}
    return {
        "name": f"{task_id.slots} slots on {task_id.node}",
        "task_id": {"value": str(task_id)},
        "agent_id": {"value": agent_id},
        "executor": dict(executor),
        "resources": [
            {"name": name, "type": "SCALAR", "scalar": {"value": amount}}
            for name, amount in amounts.items()
            if amount
        ],
    }
