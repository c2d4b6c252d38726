"""The demo's machines and daemons, without starting any."""

from __future__ import annotations

import os
import pwd
import signal
from collections.abc import Iterator

import pytest

from dev.demo.account import NotHere, submitter
from dev.demo.site import STOPPING, Site


class Interrupted(Exception):
    """A signal came through."""


def interrupt(number: int, frame: object) -> None:
    raise Interrupted(number)


@pytest.fixture
def handlers() -> Iterator[None]:
    before = {number: signal.signal(number, interrupt) for number in STOPPING}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


class OneThatIsInterrupted:
    """In the place of the Mesos cluster: its stop comes with a signal."""

    def __init__(self, number: int) -> None:
        self._number = number

    def stop(self) -> None:
        os.kill(os.getpid(), self._number)


@pytest.mark.parametrize("number", STOPPING)
def test_its_end_is_not_interrupted(
    handlers: None, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    cluster = OneThatIsInterrupted(number)
    monkeypatch.setattr("dev.demo.site.Cluster", lambda *_, **__: cluster)
    try:
        site = Site(submitter(os.geteuid(), os.environ, pwd.getpwall()))
    except NotHere as error:
        pytest.skip(str(error))
    site.close()
    assert not site.folder.exists()
    with pytest.raises(Interrupted):
        os.kill(os.getpid(), number)
