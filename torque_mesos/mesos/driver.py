"""pymesos' driver made safe: a loop of our own around its connection.

The loop makes one subscription after the other until it is stopped or has ended for
good. It waits longer after every failure, notices silence, never sends TEARDOWN, and
nothing that the master says ends its thread.
"""

from __future__ import annotations

import json
import logging
import os
import select
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from torque_mesos.mesos.backoff import Backoff
from torque_mesos.mesos.base import (
    Disconnected,
    EndCause,
    Ended,
    Event,
    MesosError,
    NotConnected,
    Subscribed,
)
from torque_mesos.mesos.calls import request
from torque_mesos.mesos.convert import usable_roles
from torque_mesos.mesos.intake import Intake
from torque_mesos.mesos.pymesos_import import MesosSchedulerDriver
from torque_mesos.mesos.reservations import Reservations
from torque_mesos.mesos.settings import LinkSettings, MasterUri, address
from torque_mesos.mesos.stream import Stream
from torque_mesos.mesos.zk import LeaderWatch

_log = logging.getLogger(__name__)

# Mesos' own default, until SUBSCRIBED tells.
_HEARTBEAT_S = 15.0
# Heartbeats that may fail to come before the connection is given up.
_MISSED = 3
# A subscription that lived as long was a good one: the next wait is short again.
_SETTLED_S = 15.0
_STOP_WAIT_S = 2.0

# Asking again would be answered the same way.
_FINAL = {HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}


class Driver(MesosSchedulerDriver):  # type: ignore[misc]
    """Subscribes, gives events to `sink` from its thread, and sends calls.

    Calls may come from any thread. None holds a lock while it waits for the master.
    """

    # What pymesos keeps.
    _master: str | None
    _started: bool
    _wakeup_fds: Any
    framework_id: str | None

    def __init__(
        self,
        settings: LinkSettings,
        sink: Callable[[Event], None],
        clock: Callable[[], float],
        backoff: Backoff,
    ) -> None:
        super().__init__(
            sched=None,
            framework=settings.framework_info(),
            master_uri=settings.master,
            failover=True,
            timeout=settings.call_timeout_s,
        )
        self._uri = MasterUri.parse(settings.master)
        if settings.credentials is not None:
            self._basic_credential = settings.credentials.basic()
        self.reservations = Reservations()
        self._intake = Intake(sink, usable_roles(*settings.roles), clock, self, self.reservations)
        self._clock = clock
        self._backoff_s = backoff
        self._watch: LeaderWatch | None = None
        # The master to begin with, and the one that it sent us to.
        self._leader = self._uri.address
        self._redirect: str | None = None
        self._was_redirected = False
        self._subscribed_since: float | None = None
        self._patience_s = settings.call_timeout_s
        self._over = False
        self._dropped = ""
        self._leaving = threading.RLock()

    # --- what pymesos asks its driver for -----------------------------------------

    @property
    def framework(self) -> dict[str, Any]:
        """The FrameworkInfo, with no capability that we did not ask for."""
        return dict(self._framework)

    @property
    def connected(self) -> bool:
        """Whether the master has confirmed the subscription."""
        return self._subscribed_since is not None

    def change_master(self, new_master: str) -> None:
        """Follow a redirect (pymesos calls it from `Stream.read`)."""
        try:
            self._redirect = address(new_master)
        except ValueError as error:
            _log.warning("a redirect that cannot be followed: %s", error)

    def on_close(self) -> None:
        """A connection was closed: the loop knows."""

    def _shutdown(self) -> None:
        """Never TEARDOWN."""

    # --- from outside -------------------------------------------------------------

    def start(self) -> None:
        """Start the loop's thread. Once."""
        super(MesosSchedulerDriver, self).start()
        if self._uri.zookeeper is not None:
            self._watch = LeaderWatch(self._uri.zookeeper, self._lead)
            self._watch.start()

    def stop(self) -> None:
        """End the loop; the master keeps the tasks. Waits some 2 s at most."""
        self._over = True
        if self._watch is not None:
            self._watch.stop()
        super(MesosSchedulerDriver, self).stop()
        thread = self._io_thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(_STOP_WAIT_S)

    def call(self, kind: str, **body: Any) -> None:
        """Send one call of the scheduler API. Raises NotConnected or MesosError."""
        self._send({"type": kind, **body})

    def teardown(self) -> None:
        """End the framework with all its tasks. Raises NotConnected or MesosError."""
        # The master closes the stream at once: the loop must not subscribe meanwhile.
        with self._leaving:
            self.call("TEARDOWN")
            self._over = True

    def get(self, path: str) -> Any:
        """Read JSON from the master. Raises NotConnected or MesosError."""
        text = self._send(None, path=path, method="GET")
        try:
            return json.loads(text)
        except ValueError as error:
            raise MesosError(f"{path} is not JSON: {error}") from error

    def _send(
        self,
        body: Mapping[str, Any] | None,
        path: str = "/api/v1/scheduler",
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        with self._lock:
            master, stream_id, framework_id = self._master, self.stream_id, self.framework_id
            if not self.connected or stream_id is None:
                raise NotConnected("there is no subscription with a master now")
        sent = dict(headers or {})
        if self._basic_credential:
            sent["Authorization"] = self._basic_credential
        data = None
        if body is not None:
            sent |= {"Content-Type": "application/json", "Mesos-Stream-Id": stream_id}
            data = json.dumps({**body, "framework_id": {"value": framework_id}}).encode()
        return request(master, method, path, sent, data, self._timeout)

    # --- the loop -------------------------------------------------------------------

    def _lead(self, master: str | None) -> None:
        """ZooKeeper tells who leads. While nobody does, a subscription that stands is kept."""
        with self._lock:
            self._leader = master
        self._notify()

    def _run(self) -> None:
        try:
            while not self._over:
                leader = self._leader
                with self._lock:
                    self._master, self._redirect = self._redirect or leader, None
                if self._master is None:
                    self._wait(None)
                    continue
                reason = self._subscription(self._master, leader)
                with self._leaving:
                    over = self._over
                if not over:
                    self._pause(leader, self._lost(reason))
        finally:
            if self._watch is not None:
                self._watch.stop()
            with self._lock:
                self._started = False
                read, write = self._wakeup_fds
                self._wakeup_fds = None
            os.close(read)
            os.close(write)

    def _lost(self, reason: str) -> float:
        """Tell of a subscription that is gone. Gives the seconds until the next attempt."""
        since = self._forget()
        self.reservations.clear()
        if since is not None:
            self._intake.tell(Disconnected(reason))
            if self._clock() - since >= _SETTLED_S:
                self._backoff_s.reset()
        redirected, self._was_redirected = self._was_redirected, self._redirect is not None
        if self._was_redirected and not redirected:
            return 0.0
        wait_s = self._backoff_s.next_s()
        _log.warning("no subscription with %s: %s; again in %.2f s", self._master, reason, wait_s)
        return wait_s

    def _forget(self) -> float | None:
        with self._lock:
            since, self._subscribed_since = self._subscribed_since, None
            self.stream_id = None
        return since

    def _pause(self, leader: str | None, wait_s: float) -> None:
        until = self._clock() + wait_s
        while not self._over and (left := until - self._clock()) > 0:
            if self._leader != leader:
                self._backoff_s.reset()
                return
            self._wait(left)

    def _subscription(self, master: str, leader: str | None) -> str:
        """Subscribe and hand over events until that fails. Gives the reason."""
        self._patience_s = self._timeout
        self._dropped = ""
        try:
            stream = Stream(master, self)
        except (OSError, ValueError) as error:
            return str(error)
        try:
            return self._follow(stream, leader)
        except Exception as error:  # noqa: BLE001 (no answer may end the thread, whatever it raises)
            if stream.status in _FINAL and not self.connected:
                self._end(EndCause.REJECTED, str(error))
            return f"{type(error).__name__}: {error}"
        finally:
            self.stream_id = None
            stream.close()

    def _follow(self, stream: Stream, leader: str | None) -> str:
        heard = self._clock()
        while not self._over:
            if self._dropped:
                return self._dropped
            if self._leader not in {leader, None}:
                return f"{self._leader} leads now"
            silent_s = self._clock() - heard
            happened = self._wait(max(0.0, self._patience_s - silent_s), stream)
            if not happened and silent_s >= self._patience_s:
                return f"heard nothing for {silent_s:.1f} s"
            if happened and not stream.connected and (error := stream.handle_connect_event()):
                return str(error)
            if happened & select.POLLOUT and not stream.write():
                return "cannot send"
            if happened & (select.POLLIN | select.POLLHUP | select.POLLERR):
                heard = self._clock()
                if not stream.read():
                    return stream.why_over()
        return "stopped"

    def _wait(self, timeout_s: float | None, stream: Stream | None = None) -> int:
        """Wait for the stream, a notification or the time. Gives what poll says of the stream."""
        poll = select.poll()
        wakeup = self._wakeup_fds[0]
        poll.register(wakeup, select.POLLIN)
        if stream is not None:
            wanted = select.POLLOUT if stream.want_write() or not stream.connected else 0
            poll.register(stream.fileno(), select.POLLIN | wanted)
        happened = dict(poll.poll(None if timeout_s is None else timeout_s * 1000 + 1))
        if happened.pop(wakeup, 0):
            os.read(wakeup, 4096)
        return next(iter(happened.values()), 0)

    # --- what events ask of it ----------------------------------------------------------

    def malformed(self, message: str) -> None:
        """Tell of something unreadable."""
        self._intake.malformed(message)

    def process_event(self, event: Any) -> None:
        """Take one event of the stream. Never raises."""
        if not self._over:
            self._intake.take(event)

    def subscribed(self, body: Any) -> None:
        """The master confirms the subscription."""
        framework_id = str(body["framework_id"]["value"])
        heartbeat_s = float(body.get("heartbeat_interval_seconds", _HEARTBEAT_S))
        again = framework_id == self.framework_id
        self._patience_s = _MISSED * heartbeat_s
        with self._lock:
            self.framework_id = framework_id
            self._subscribed_since = self._clock()
        self._was_redirected = False
        self._intake.tell(Subscribed(framework_id, str(self._master), again))

    def refused(self, message: str) -> None:
        """The master says ERROR."""
        if message == "Framework has been removed":
            self._end(EndCause.REMOVED, message)
        elif message == "Framework failed over":
            self._end(EndCause.TAKEN_OVER, message)
        elif self.connected or message.startswith("Authorization failure"):
            # Not about what we asked for: an authorizer that fails may work again.
            self._dropped = f"the master says: {message}"
        else:
            self._end(EndCause.REJECTED, message)

    def acknowledge(self, status: Any) -> None:
        """Tell the master that a task's state was taken note of. If that fails, it is sent
        to us again."""
        try:
            self.acknowledgeStatusUpdate(status)
        except (MesosError, KeyError, TypeError) as error:
            _log.warning("a task's state could not be acknowledged: %s", error)

    def decline(self, offer_ids: list[str], refuse_s: float) -> None:
        """Decline offers that nobody else knows of. If that fails, they are gone with the
        subscription."""
        ids = [{"value": each} for each in offer_ids]
        try:
            self.declineOffer(ids, {"refuse_seconds": refuse_s})
        except MesosError as error:
            _log.warning("unreadable offers could not be declined: %s", error)

    def _end(self, cause: EndCause, message: str) -> None:
        self._over = True
        self._forget()
        self._intake.tell(Ended(cause, message))
