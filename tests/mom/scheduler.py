"""A scheduler in a few lines, on Mesos' HTTP API, for tests of the executor."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from tests.waiting import wait_for


class Scheduler:
    """Subscribes, keeps the latest offer of each agent and every status it gets."""

    def __init__(
        self, master: str, user: str, *, checkpoint: bool = True, timeout_s: float = 60
    ) -> None:
        self._host, port = master.split(":")
        self._port = int(port)
        self._headers = {"Content-Type": "application/json"}
        self.offers: dict[str, dict[str, Any]] = {}
        self.statuses: list[dict[str, Any]] = []
        self.failures: list[dict[str, Any]] = []
        self._stream = http.client.HTTPConnection(self._host, self._port)
        framework = {
            "user": user,
            "name": "test of the executor",
            "failover_timeout": timeout_s,
            "checkpoint": checkpoint,
        }
        body = {"type": "SUBSCRIBE", "subscribe": {"framework_info": framework}}
        self._stream.request("POST", "/api/v1/scheduler", json.dumps(body), self._headers)
        self._answer = self._stream.getresponse()
        self._headers["Mesos-Stream-Id"] = self._answer.headers["Mesos-Stream-Id"]
        self.framework_id: dict[str, str] = {}
        self._closing = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        wait_for(lambda: self.framework_id, 60, "subscribed")

    def _read(self) -> None:
        with suppress(OSError, ValueError, http.client.HTTPException, AttributeError):
            while True:
                self._event(json.loads(self._answer.read(int(self._answer.readline()))))

    def _event(self, event: dict[str, Any]) -> None:
        kind = event["type"]
        if kind == "SUBSCRIBED":
            self.framework_id = event["subscribed"]["framework_id"]
        elif kind == "OFFERS":
            for offer in event["offers"]["offers"]:
                self.offers[offer["hostname"]] = offer
        elif kind == "FAILURE":
            self.failures.append(event["failure"])
        elif kind == "UPDATE":
            status = event["update"]["status"]
            status["seen_s"] = time.monotonic()
            self.statuses.append(status)
            if "uuid" in status:
                known = ("agent_id", "task_id", "uuid")
                self.call("ACKNOWLEDGE", acknowledge={key: status[key] for key in known})

    def call(self, kind: str, **more: Any) -> None:
        """Make a call, which Mesos must accept."""
        body = {"type": kind, "framework_id": self.framework_id, **more}
        connection = http.client.HTTPConnection(self._host, self._port)
        connection.request("POST", "/api/v1/scheduler", json.dumps(body), self._headers)
        answer = connection.getresponse()
        assert answer.status == 202 or self._closing, answer.read()
        connection.close()

    def launch(
        self,
        host: str,
        task_ids: Sequence[str],
        executor: Mapping[str, Any],
        *,
        cpus: float = 0.5,
        mem_mb: float = 64,
        data: str = "",
    ) -> float:
        """Launch tasks for one executor on an agent; the moment of the call."""
        offer = wait_for(lambda: self.offers.pop(host, None), 60, f"an offer of {host}")
        info = {**executor, "framework_id": self.framework_id}
        scalars = (("cpus", cpus), ("mem", mem_mb))
        tasks = [
            {
                "name": "grant",
                "task_id": {"value": task_id},
                "agent_id": offer["agent_id"],
                "executor": info,
                **({"data": data} if data else {}),
                "resources": [
                    {"name": name, "type": "SCALAR", "scalar": {"value": value}}
                    for name, value in scalars
                ],
            }
            for task_id in task_ids
        ]
        begin_s = time.monotonic()
        operation = {"type": "LAUNCH", "launch": {"task_infos": tasks}}
        self.call(
            "ACCEPT",
            accept={
                "offer_ids": [offer["id"]],
                "operations": [operation],
                "filters": {"refuse_seconds": 0.1},
            },
        )
        return begin_s

    def kill(self, task_id: str) -> None:
        """Ask for a task's end."""
        self.call("KILL", kill={"task_id": {"value": task_id}})

    def states(self, task_id: str) -> list[str]:
        """All states that a task was said to be in, in order."""
        return [s["state"] for s in self.statuses if s["task_id"]["value"] == task_id]

    def wait(self, task_id: str, state: str, deadline_s: float = 60) -> dict[str, Any]:
        """Wait for a state of a task; the status."""

        def found() -> dict[str, Any] | None:
            for status in self.statuses:
                if status["task_id"]["value"] == task_id and status["state"] == state:
                    return status
            return None

        def seen() -> dict[str, Any] | None:
            ends = ("TASK_FAILED", "TASK_LOST", "TASK_KILLED", "TASK_ERROR")
            last = [s for s in self.statuses if s["task_id"]["value"] == task_id][-1:]
            if last and last[0]["state"] in ends and not found():
                raise AssertionError(f"{task_id}: {last[0]}")
            return found()

        status = wait_for(seen, deadline_s, f"{task_id} is {state}", interval_s=0.001)
        assert status is not None
        return status

    def close(self) -> None:
        """End the framework and all that it runs."""
        self._closing = True
        self.call("TEARDOWN")
        with suppress(OSError):
            if self._stream.sock is not None:
                self._stream.sock.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
