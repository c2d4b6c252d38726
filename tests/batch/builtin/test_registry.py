"""How node records are deleted, and looked at, with a clock of the test's own."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from torque_mesos.batch.builtin import registry
from torque_mesos.batch.builtin.records import COMPLETE, QUEUED, RUNNING
from torque_mesos.batch.builtin.registry import Registry
from torque_mesos.batch.builtin.traps import Traps


class Time:
    """A loop's `call_later`, and the clock that it goes by."""

    def __init__(self) -> None:
        self.now = 0.0
        self._calls: list[tuple[float, Callable[[], object]]] = []

    def call_later(self, delay_s: float, call: Callable[[], object]) -> None:
        self._calls.append((self.now + delay_s, call))

    def until(self, end_s: float) -> None:
        """Let time pass."""
        while due := [item for item in self._calls if item[0] <= end_s]:
            first = min(due, key=lambda item: item[0])
            self._calls.remove(first)
            self.now = first[0]
            first[1]()
        self.now = end_s


class Site:
    """A server's state with one node and one job on it; `finished`: when, and with what error."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, check_rate: float = 1e9) -> None:
        self.time = Time()
        self.check_rate = check_rate

        def now() -> float:
            return self.time.now

        monkeypatch.setattr(registry, "time", SimpleNamespace(monotonic=now, time=now))
        self.job = SimpleNamespace(job_id="1.head", state=RUNNING, rerunable=True)
        node = SimpleNamespace(name="n1", list_unsent=False, usable=False, down=True)
        self.state: Any = SimpleNamespace(
            nodes={"n1": node},
            jobs={"1.head": self.job},
            loop=self.time,
            scale=1.0,
            traps=Traps({}),
            home=SimpleNamespace(join=lambda *_parts: "/nowhere/mom_hierarchy"),
            number=lambda name, default: self.check_rate,
            log=SimpleNamespace(write=lambda *_words: None),
            jobs_on=lambda node: [self.job],
            save_node=lambda node: None,
            write_nodes_file=lambda: None,
        )
        self.told: list[str] = []
        runner: Any = SimpleNamespace(
            rerun=lambda job: self.told.append("rerun"),
            kill=lambda job: self.told.append("kill"),
            purge=lambda job: self.told.append("purge"),
        )
        self.registry = Registry(self.state, runner)
        self.finished: list[tuple[float, object]] = []

    def delete(self) -> None:
        self.registry.delete("n1", lambda error: self.finished.append((self.time.now, error)))


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Site:
    return Site(monkeypatch)


@pytest.mark.parametrize("state", [QUEUED, COMPLETE])
def test_a_job_that_is_seen_to_have_left_is_not_purged(site: Site, state: str) -> None:
    site.delete()
    site.time.until(5)
    site.job.state = state
    site.time.until(200)
    assert site.finished == [(8.0, None)]
    assert site.told == ["rerun"]
    assert site.state.nodes == {}


def test_a_job_that_runs_elsewhere_before_the_server_looks_is_purged(site: Site) -> None:
    site.delete()
    site.time.until(4.5)
    site.job.state = QUEUED
    site.time.until(5)
    site.job.state = RUNNING
    site.time.until(119)
    assert site.finished == []
    site.time.until(200)
    ((when, error),) = site.finished
    assert when == 122
    assert "all jobs on the node have been purged" in str(error)
    assert site.told == ["rerun", "purge"]
    assert site.state.nodes == {}


def test_a_job_that_is_not_rerunable_is_killed(site: Site) -> None:
    site.job.rerunable = False
    site.delete()
    site.time.until(1)
    assert site.told == ["kill"]


def test_a_check_that_is_pending_goes_by_the_old_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    """node_check_rate is set while a mom is dead: missed by the check after the next."""
    site = Site(monkeypatch, check_rate=150)
    (node,) = site.state.nodes.values()
    node.down, node.reported = False, 10.0
    site.check_rate = 20
    site.time.until(169)
    assert not node.down
    site.time.until(170)
    assert node.down
