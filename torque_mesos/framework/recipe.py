"""How a worker is made: the executor that runs its mom, and its generation."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from torque_mesos.framework.tasks import TaskId, task_info
from torque_mesos.model import Resources, frozen_map
from torque_mesos.mom.infos import command_info, executor_info
from torque_mesos.mom.settings import MomSettings


@dataclass(frozen=True, slots=True)
class Recipe:
    """What every worker has in common. `template.node` is replaced by the worker's node.

    `uri` of the bundle or `path` of the launcher on agents; `content` names what is
    delivered (the bundle's digest), so that a new bundle is a new generation while a
    new address of the same bundle is not.
    """

    template: MomSettings
    share: Resources
    content: str
    uri: str | None = None
    path: str | None = None
    python: str = "python3"
    user: str | None = None
    environment: Mapping[str, str] = field(default_factory=frozen_map)

    @property
    def generation(self) -> str:
        """A short digest of all that makes two executors differ, whatever their node."""
        what = [
            self.template.to_json(),
            [self.share.cpus, self.share.mem_mb],
            [self.content, self.path, self.python, self.user],
            sorted(self.environment.items()),
        ]
        return hashlib.sha256(json.dumps(what).encode()).hexdigest()[:8]

    def make(
        self, node: str, agent_id: str, slots: int, resources: Resources, framework_id: str
    ) -> tuple[TaskId, dict[str, Any]]:
        """A new worker's first task: its id and its TaskInfo."""
        task_id = TaskId(node, slots, resources, self.generation, secrets.token_hex(4))
        executor = executor_info(
            replace(self.template, node=node),
            executor_id=task_id.executor_id,
            command=command_info(
                uri=self.uri,
                path=self.path,
                python=self.python,
                user=self.user,
                environment=self.environment,
            ),
            cpus=self.share.cpus,
            mem_mb=self.share.mem_mb,
            framework_id=framework_id,
            source="torque-mesos",
        )
        return task_id, task_info(task_id, agent_id, executor, self.share)
