"""Links that end with their test, and what they said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest

from tests.waiting import wait_for
from torque_mesos.mesos.backoff import Backoff
from torque_mesos.mesos.base import Event
from torque_mesos.mesos.link import PymesosLink
from torque_mesos.mesos.settings import LinkSettings

E = TypeVar("E")


class Seen(list[Event]):
    """The events so far."""

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self if isinstance(event, kind)]

    def wait(self, kind: type[E], count: int = 1, deadline_s: float = 60) -> E:
        """Wait for the `count`th event of a kind, and give it."""
        wait_for(
            lambda: len(self.of(kind)) >= count,
            deadline_s,
            f"{count} x {kind.__name__}",
            interval_s=0.005,
        )
        return self.of(kind)[count - 1]


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def make_link(seen: Seen) -> Iterator[Callable[..., PymesosLink]]:
    """Makes and starts links whose events are `seen`."""
    links: list[PymesosLink] = []

    def make(
        master: str,
        sink: Callable[[Event], None] = seen.append,
        backoff: Backoff | None = None,
        **more: Any,
    ) -> PymesosLink:
        settings = LinkSettings(**({"name": "test", "user": "root", "master": master} | more))
        links.append(PymesosLink(settings, sink, backoff=backoff or Backoff(first_s=0.02)))
        links[-1].start()
        return links[-1]

    yield make
    for link in links:
        link.stop()
