"""Maintenance of hosts as Mesos is told of it: announced from the beginning, then they are away.

A file has a line for each window, fields by white space, `#` begins a comment::

    host  from  until

Times are seconds since the first job was submitted.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterable
from dataclasses import dataclass
from pathlib import Path

from torque_mesos.simulate.account import Account
from torque_mesos.simulate.clock import Clock
from torque_mesos.simulate.machines import FormatError
from torque_mesos.simulate.outages import Outages


@dataclass(frozen=True, slots=True)
class Window:
    """A host is away from one second after the first submission until another."""

    host: str
    from_s: float
    until_s: float


def read_windows(path: Path, hosts: Container[str]) -> tuple[Window, ...]:
    """Read a file of windows for some hosts.

    Raises:
        FormatError: a line cannot be read, or names no host.
        OSError: the file cannot be read.
    """
    windows = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if text := line.partition("#")[0].strip():
            windows.append(_window(text, hosts, f"{path.name}:{number}"))
    return tuple(windows)


def _window(text: str, hosts: Container[str], where: str) -> Window:
    try:
        host, start, end = text.split()
        window = Window(host, float(start), float(end))
    except ValueError:
        raise FormatError(f"{where}: {text!r} is not `host from until`") from None
    if not 0 <= window.from_s < window.until_s < math.inf:
        raise FormatError(f"{where}: {text!r}: from and until are not in order")
    if host not in hosts:
        raise FormatError(f"{where}: {text!r}: there is no host {host}")
    return window


class Maintenance:
    """Keeps to a schedule. `first_s`: when the first job is submitted, in seconds since 1970."""

    def __init__(
        self,
        clock: Clock,
        account: Account,
        outages: Outages,
        windows: Iterable[Window],
        first_s: float,
    ) -> None:
        self._clock, self._account, self._outages = clock, account, outages
        self._first_s = first_s
        self._left: dict[str, list[Window]] = {}  # by host: those to come, the last one first
        offset_s = first_s - outages.framework.start_s  # of the clock
        for window in sorted(windows, key=lambda window: -window.from_s):
            self._left.setdefault(window.host, []).append(window)
            clock.at(offset_s + window.from_s, lambda host=window.host: self._begin(host))  # type: ignore[misc]
            clock.at(offset_s + window.until_s, lambda host=window.host: self._end(host))  # type: ignore[misc]
        for host in self._left:
            self._announce(host)

    def _announce(self, host: str) -> None:
        left = self._left[host]
        self._outages.cloud.plan(host, self._first_s + left[-1].from_s if left else None)

    def _begin(self, host: str) -> None:
        self._account.count("hosts in maintenance")
        there = self._outages.cloud.hosts[host].agent.active
        if there and self._outages.framework.tasks_at(host):
            self._account.count("hosts in maintenance with moms of ours")
        self._left[host].pop()
        self._outages.begin(host)

    def _end(self, host: str) -> None:
        self._announce(host)
        self._outages.end(host)
