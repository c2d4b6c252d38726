"""What tests of the link share: what a scripted master says, and the threads of links."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from torque_mesos.mesos.link import PymesosLink

MakeLink = Callable[..., PymesosLink]


def offer(name: str, **more: Any) -> dict[str, Any]:
    return {
        "id": {"value": name},
        "agent_id": {"value": "S1"},
        "hostname": "n1.cluster.test",
        "resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 2.0}, "role": "*"}],
        **more,
    }


def offers(*each: dict[str, Any]) -> dict[str, Any]:
    return {"type": "OFFERS", "offers": {"offers": list(each)}}


def update(state: str = "TASK_RUNNING") -> dict[str, Any]:
    status = {
        "task_id": {"value": "t1"},
        "agent_id": {"value": "S1"},
        "state": state,
        "uuid": "IuzqYAqwRZStGdR7SINY6A==",
    }
    return {"type": "UPDATE", "update": {"status": status}}


def threads() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name == "Process IO"]
