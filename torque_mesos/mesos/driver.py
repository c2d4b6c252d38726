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

from torque_mesos.mesos import convert
from torque_mesos.mesos.backoff import Backoff
from torque_mesos.mesos.base import (
    Disconnected,
    EndCause,
    Ended,
    Event,
    Malformed,
    MesosError,
    NotConnected,
    Offers,
    Subscribed,
)
from torque_mesos.mesos.calls import request
from torque_mesos.mesos.pymesos_import import MesosSchedulerDriver
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
# An offer that cannot be read is declined for so long.
_REFUSE_UNREADABLE_S = 3600.0
_STOP_WAIT_S = 2.0

# What pymesos' connection raises for an answer that it cannot follow.
_UNFOLLOWED = (OSError, RuntimeError, ValueError, LookupError)
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
        self._roles = convert.usable_roles(settings.role)
        if settings.credentials is not None:
            self._basic_credential = settings.credentials.basic()
        self._sink = sink
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
        if since is not None:
            self._tell(Disconnected(reason))
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
        except _UNFOLLOWED as error:
            return str(error)
        try:
            return self._follow(stream, leader)
        except _UNFOLLOWED as error:
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

    # --- events -----------------------------------------------------------------------

    def _tell(self, event: Event) -> None:
        try:
            self._sink(event)
        except Exception:  # noqa: BLE001 (whatever it is, Mesos must not notice)
            _log.exception("the sink of events failed")

    def _end(self, cause: EndCause, message: str) -> None:
        self._over = True
        self._forget()
        self._tell(Ended(cause, message))

    def malformed(self, message: str) -> None:
        """Tell of something unreadable."""
        _log.error("malformed: %s", message)
        self._tell(Malformed(message))

    def process_event(self, event: Any) -> None:
        """Take one event of the stream. Never raises."""
        if self._over:
            return
        try:
            kind = event["type"]
            self._take(kind, event.get(kind.lower()))
        except convert.Unreadable as error:
            self.malformed(str(error))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            self.malformed(str(convert.unreadable("an event", event, error)))

    def _take(self, kind: str, body: Any) -> None:
        if kind == "SUBSCRIBED":
            self._on_subscribed(body)
        elif kind == "OFFERS":
            self._on_offers(body)
        elif kind == "ERROR":
            self._on_error(str(body["message"]))
        else:
            try:
                if (event := convert.read_event(kind, body)) is not None:
                    self._tell(event)
            finally:
                # One that cannot be read would be sent again for ever.
                if kind == "UPDATE":
                    self._quietly(self.acknowledgeStatusUpdate, body["status"])

    def _on_subscribed(self, body: Any) -> None:
        framework_id = str(body["framework_id"]["value"])
        again = framework_id == self.framework_id
        self._patience_s = _MISSED * float(body.get("heartbeat_interval_seconds", _HEARTBEAT_S))
        with self._lock:
            self.framework_id = framework_id
            self._subscribed_since = self._clock()
        self._was_redirected = False
        self._tell(Subscribed(framework_id, str(self._master), again))

    def _on_offers(self, body: Any) -> None:
        now = self._clock()
        read, unreadable = [], []
        for raw in body["offers"]:
            try:
                read.append(convert.read_offer(raw, self._roles, now))
            except convert.Unreadable as error:
                self.malformed(str(error))
                unreadable.append(raw)
        if read:
            self._tell(Offers(tuple(read)))
        # Nobody else knows of these, and an offer that is not answered is held for ever.
        ids = [{"value": name} for raw in unreadable if (name := convert.offer_id_of(raw))]
        if ids:
            filters = {"refuse_seconds": _REFUSE_UNREADABLE_S}
            self._quietly(self.declineOffer, ids, filters)

    def _on_error(self, message: str) -> None:
        if message == "Framework has been removed":
            self._end(EndCause.REMOVED, message)
        elif message == "Framework failed over":
            self._end(EndCause.TAKEN_OVER, message)
        elif self.connected or message.startswith("Authorization failure"):
            # Not about what we asked for: an authorizer that fails may work again.
            self._dropped = f"the master says: {message}"
        else:
            self._end(EndCause.REJECTED, message)

    def _quietly(self, send: Callable[..., None], *arguments: Any) -> None:
        """Send a call whose failure the master makes good: it repeats what it does not see
        answered, or starts afresh with the next subscription."""
        try:
            send(*arguments)
        except (MesosError, KeyError, TypeError) as error:
            _log.warning("%s: %s", send.__name__, error)
