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
    delivered (the bundle's digest).
    """

    template: MomSettings
    share: Resources
    content: str
    uri: str | None = None
    path: str | None = None
    python: str = "python3"
    user: str | None = None
    environment: Mapping[str, str] = field(default_factory=frozen_map)
    roles: tuple[str, ...] = ()

    @property
    def generation(self) -> str:
        """A short digest of all that makes two executors differ, whatever their node.

        A worker of another generation gets no further grant: Mesos wants an identical
        ExecutorInfo for that.
        """
        what = [
            self.template.to_json(),
            [self.share.cpus, self.share.mem_mb],
            [self.content, self.uri, self.path, self.python, self.user],
            sorted(self.environment.items()),
            list(self.roles),
        ]
        return hashlib.sha256(json.dumps(what).encode()).hexdigest()[:8]

    def make(
        self,
        node: str,
        agent_id: str,
        slots: int,
        resources: Resources,
        framework_id: str,
        executor_id: str | None = None,
    ) -> tuple[TaskId, dict[str, Any]]:
        """A grant: its task's id and TaskInfo. `executor_id`: of the worker that gets another."""
        task_id = TaskId(node, slots, resources, self.generation, secrets.token_hex(4))
        executor = executor_info(
            replace(self.template, node=node),
            executor_id=executor_id or task_id.executor_id,
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
        # The executor's own share is carved out of its first grant.
        share = self.share if executor_id is None else Resources()
        return task_id, task_info(task_id, agent_id, executor, share)
