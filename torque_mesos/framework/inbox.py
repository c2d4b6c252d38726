"""What may be put into the loop's inbox, by any thread."""

from __future__ import annotations

import queue
import time
from dataclasses import dataclass

from torque_mesos.mesos.base import Event
from torque_mesos.model import Agent


@dataclass(frozen=True, slots=True)
class QueueChanged:
    """The batch server wrote about a job."""


@dataclass(frozen=True, slots=True)
class MasterRead:
    """The master's list of agents, and of our tasks if it was asked for them."""

    agents: tuple[Agent, ...]
    task_ids: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Deleted:
    """A record's deletion is over."""

    name: str
    error: str | None


@dataclass(frozen=True, slots=True)
class Stop:
    """The service is to end; jobs, moms and the batch server go on."""

    why: str


Message = Event | QueueChanged | MasterRead | Deleted | Stop


class Inbox:
    """A queue that is drained whole."""

    def __init__(self) -> None:
        # SimpleQueue.put may be called from a signal handler.
        self._queue: queue.SimpleQueue[Message] = queue.SimpleQueue()

    def put(self, message: Message) -> None:
        """Add a message. Never blocks."""
        self._queue.put(message)

    def drain(self, timeout_s: float) -> list[Message]:
        """All messages there are; waits up to `timeout_s` for the first."""
        messages: list[Message] = []
        deadline_s = time.monotonic() + max(0.0, timeout_s)
        try:
            messages.append(self._queue.get(timeout=max(0.0, deadline_s - time.monotonic())))
            while True:
                messages.append(self._queue.get_nowait())
        except queue.Empty:
            return messages
