"""The link with the agent: pymesos' executor driver, with its traps taken out.

What is different from pymesos' own (see its `executor.py` and `process.py`):

- Its thread only puts messages into an inbox. Nothing of ours runs there, so nothing of
  ours can end it; when it ends by itself (`LinkEnded`) it can be started again.
- Status updates are kept until the agent has acknowledged them, and are sent again, in
  order, with the next subscription.
- MESOS_CHECKPOINT=0 means no.
- A lost agent is tried again within `RETRY_MAX_S`; pymesos starts with 2 s, which is all
  the time that an agent gives by default. It also has no pause after 503, which an agent
  that recovers answers.
- It does not SIGKILL its own process group some time after SHUTDOWN: the executor ends
  by itself, and the agent sees to it that it does.
"""

from __future__ import annotations

import logging
import time
import uuid
from dataclasses import dataclass
from http.client import HTTPException
from queue import SimpleQueue
from typing import Any, Dict, List, Mapping, Union

from pymesos.executor import MesosExecutorDriver
from pymesos.utils import decode_data, encode_data, parse_duration

RETRY_FIRST_S = 0.05
RETRY_MAX_S = 0.4
CALL_TIMEOUT_S = 5.0
DEFAULT_RECOVERY_TIMEOUT_S = 900.0

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Subscribed:
    """The agent knows us. `data` is ExecutorInfo.data."""

    data: str


@dataclass(frozen=True)
class Launch:
    """A task is to be started. `data` is its TaskInfo.data, of which only the executor knows."""

    task_id: str
    data: str = ""


@dataclass(frozen=True)
class Told:
    """The framework sends a message. `data` is base64."""

    data: str


@dataclass(frozen=True)
class Kill:
    """A task is to be ended."""

    task_id: str


@dataclass(frozen=True)
class Shutdown:
    """Everything is to be ended."""

    reason: str


@dataclass(frozen=True)
class GuardLost:
    """The guard (see `guard`) was killed: the agent takes the worker for dead."""


@dataclass(frozen=True)
class Acknowledged:
    """The agent has an update and keeps it."""

    task_id: str


@dataclass(frozen=True)
class Disconnected:
    """The agent is gone (seen at each failed attempt, too)."""


@dataclass(frozen=True)
class LinkEnded:
    """The link's thread has ended without being asked to."""


@dataclass(frozen=True)
class ChildEnded:
    """A child process has ended (SIGCHLD)."""


Message = Union[
    Subscribed,
    Launch,
    Told,
    Kill,
    Shutdown,
    GuardLost,
    Acknowledged,
    Disconnected,
    LinkEnded,
    ChildEnded,
]


class AgentLink(MesosExecutorDriver):  # type: ignore[misc]
    """The subscription with the agent, and the updates that it has not acknowledged."""

    def __init__(self, inbox: SimpleQueue[Message], environment: Mapping[str, str]) -> None:
        super().__init__(executor=None, http_timeout=CALL_TIMEOUT_S)
        self.checkpoint = environment.get("MESOS_CHECKPOINT") == "1"
        self.recovery_timeout_s = DEFAULT_RECOVERY_TIMEOUT_S
        if environment.get("MESOS_RECOVERY_TIMEOUT"):
            self.recovery_timeout_s = parse_duration(environment["MESOS_RECOVERY_TIMEOUT"])
        self.data = ""  # goes with every update, base64
        self._inbox = inbox
        self._unsent: List[Dict[str, Any]] = []
        self._conn: Any = None
        self._attempts = 0
        self._stopping = False

    def update(self, task_id: str, state: str, message: str) -> None:
        """Tell the state of a task: now, or as soon as the agent can be told."""
        identifier = uuid.uuid4()
        status = {
            "task_id": {"value": task_id},
            "state": state,
            "message": message,
            "source": "SOURCE_EXECUTOR",
            "timestamp": time.time(),
            "uuid": encode_data(identifier.bytes),
            **({"data": self.data} if self.data else {}),
        }
        with self._lock:
            self.updates[identifier] = {"status": status}
            self._unsent.append({"status": status})
        self.send_pending()

    def send_pending(self) -> None:
        """Send the updates that could not be sent so far, while the agent takes them."""
        with self._lock:
            while self._unsent and self.connected:
                body = {
                    "type": "UPDATE",
                    "executor_id": self.executor_id,
                    "framework_id": self.framework_id,
                    "update": self._unsent[0],
                }
                try:
                    # Its own default for the headers is one dictionary for all calls.
                    self._send(body, headers={})
                except (RuntimeError, OSError, HTTPException) as error:
                    log.warning("the agent does not take an update now: %s", error)
                    return
                del self._unsent[:1]

    def has_pending(self) -> bool:
        """Whether there is something that the agent has not acknowledged."""
        with self._lock:
            return bool(self.updates)

    def has_unsent(self) -> bool:
        """Whether there is something that could not even be sent."""
        with self._lock:
            return bool(self._unsent)

    # What pymesos calls, in its own thread.

    def gen_request(self) -> bytes:
        """The SUBSCRIBE call, which carries all that is not acknowledged."""
        with self._lock:
            self._unsent.clear()
            request: bytes = super().gen_request()
            return request

    def on_event(self, event: Mapping[str, Any]) -> None:
        """Turn one event of the agent into a message."""
        try:
            message = self._read(event)
        except (KeyError, TypeError, ValueError) as error:
            log.error("an event that cannot be read: %.500r: %r", event, error)
            return
        if message is not None:
            self._inbox.put(message)

    def _read(self, event: Mapping[str, Any]) -> Union[Message, None]:
        kind = event["type"]
        if kind == "SUBSCRIBED":
            self._attempts = 0
            return Subscribed(event["subscribed"]["executor_info"].get("data", ""))
        if kind == "LAUNCH":
            return self._launch(event["launch"]["task"])
        if kind == "LAUNCH_GROUP":
            for task in event["launch_group"]["task_group"]["tasks"]:
                self._inbox.put(self._launch(task))
            return None
        if kind == "MESSAGE":
            return Told(event["message"]["data"])
        if kind == "KILL":
            return Kill(event["kill"]["task_id"]["value"])
        if kind == "ACKNOWLEDGED":
            return self._acknowledged(event["acknowledged"])
        if kind == "SHUTDOWN":
            return Shutdown("the agent asks for it")
        if kind == "ERROR":
            log.error("the agent says: %s", event["error"]["message"])
        return None

    def _launch(self, task: Dict[str, Any]) -> Launch:
        task_id: str = task["task_id"]["value"]
        with self._lock:
            self.tasks[task_id] = task
        return Launch(task_id, task.get("data", ""))

    def _acknowledged(self, event: Mapping[str, Any]) -> Acknowledged:
        task_id = event["task_id"]["value"]
        with self._lock:
            self.updates.pop(uuid.UUID(bytes=decode_data(event["uuid"])), None)
            # From its first acknowledged update on, the agent knows that we have the task.
            self.tasks.pop(task_id, None)
        return Acknowledged(task_id)

    def on_close(self) -> None:
        """The connection is lost, or could not be made."""
        with self._lock:
            self.stream_id = None
            if self._conn is not None:
                self._conn.close()
                self._conn = None
        if not self._stopping:
            self._inbox.put(Disconnected())
            time.sleep(min(RETRY_MAX_S, RETRY_FIRST_S * 2**self._attempts))
            self._attempts = min(self._attempts + 1, 10)

    def stop(self) -> None:
        """End the subscription."""
        self._stopping = True
        super().stop()

    def _backoff(self, num_conn_retry: int) -> float:  # noqa: ARG002
        return 0.0  # `on_close` has waited already

    def _shutdown(self) -> None:
        if not self._stopping:
            self._inbox.put(LinkEnded())
