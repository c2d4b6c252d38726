"""What is done with each event of the master's."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Protocol

from torque_mesos.mesos import convert
from torque_mesos.mesos.base import Event, ExecutorLost, Malformed, Offers, Rescinded
from torque_mesos.mesos.reservations import Reservations

_log = logging.getLogger(__name__)

# An offer that cannot be read is declined for so long.
_REFUSE_UNREADABLE_S = 3600.0


class Subscriber(Protocol):
    """Who subscribed: what an event may ask of it. What it raises makes the event malformed."""

    def subscribed(self, body: Any) -> None:
        """The master confirms the subscription."""

    def refused(self, message: str) -> None:
        """The master says ERROR and closes the stream."""

    def acknowledge(self, status: Any) -> None:
        """Tell the master that a task's state was taken note of."""

    def decline(self, offer_ids: list[str], refuse_s: float) -> None:
        """Decline offers."""


class Intake:
    """Turns parsed events into ours and gives them to `sink`. Nothing here raises."""

    def __init__(
        self,
        sink: Callable[[Event], None],
        roles: frozenset[str],
        clock: Callable[[], float],
        subscriber: Subscriber,
        reservations: Reservations,
    ) -> None:
        self._sink = sink
        self._roles = roles
        self._clock = clock
        self._subscriber = subscriber
        self._reservations = reservations
        # Nothing is reserved for `*`, so offers to it need no second look.
        self._may_be_reserved = roles != {"*"}

    def tell(self, event: Event) -> None:
        """Give an event to the sink, and survive the sink."""
        try:
            self._sink(event)
        except Exception:  # noqa: BLE001 (whatever it is, Mesos must not notice)
            _log.exception("the sink of events failed")

    def malformed(self, message: str) -> None:
        """Tell of something unreadable."""
        _log.error("malformed: %s", message)
        self.tell(Malformed(message))

    def take(self, event: Any) -> None:
        """Take one event of the stream."""
        try:
            kind = event["type"]
            self._take(kind, event.get(kind.lower()))
        except convert.Unreadable as error:
            self.malformed(str(error))
        except convert.MISFIT as error:
            self.malformed(str(convert.unreadable("an event", event, error)))

    def _take(self, kind: str, body: Any) -> None:
        if kind == "SUBSCRIBED":
            self._subscriber.subscribed(body)
        elif kind == "OFFERS":
            self._offers(body["offers"])
        elif kind == "ERROR":
            self._subscriber.refused(str(body["message"]))
        else:
            try:
                if (event := convert.read_event(kind, body)) is not None:
                    if isinstance(event, Rescinded):
                        self._reservations.forget([event.offer_id])
                    elif isinstance(event, ExecutorLost):
                        self._reservations.executor_ended(event.executor_id)
                    self.tell(event)
            finally:
                # One that cannot be read would be sent again for ever.
                if kind == "UPDATE":
                    self._subscriber.acknowledge(body["status"])

    def _offers(self, entries: Any) -> None:
        now = self._clock()
        read, unreadable = [], []
        for raw in entries:
            try:
                offer = convert.read_offer(raw, self._roles, now)
                read.append(offer)
                if self._may_be_reserved and (part := convert.reserved_part(raw, self._roles)):
                    self._reservations.keep(offer.offer_id, part)
            except convert.Unreadable as error:
                self.malformed(str(error))
                unreadable.append(raw)
        if read:
            self.tell(Offers(tuple(read)))
        # Nobody else knows of these, and an offer that is not answered is held for ever.
        ids = [name for raw in unreadable if (name := convert.offer_id_of(raw)) is not None]
        if ids:
            self._subscriber.decline(ids, _REFUSE_UNREADABLE_S)
