"""A queue of the batch server, from its attributes."""

from __future__ import annotations

from collections.abc import Mapping

from torque_mesos.batch.base import UnreadableAnswer
from torque_mesos.batch.run_limits import whole_number
from torque_mesos.model import Queue, RunLimit


def queue_of(name: str, attributes: Mapping[str, str], limits: tuple[RunLimit, ...]) -> Queue:
    """The queue that has these attributes and limits.

    Raises:
        UnreadableAnswer: quoting what cannot be read.
    """
    kind = attributes.get("queue_type", "").lower()
    if kind not in ("execution", "route"):
        raise UnreadableAnswer(f"queue {name}: unknown queue_type {kind!r}")
    return Queue(
        name=name,
        execution=kind == "execution",
        enabled=attributes.get("enabled", "") == "True",
        started=attributes.get("started", "") == "True",
        priority=whole_number(attributes, "Priority") or 0,
        run_limits=limits,
    )
