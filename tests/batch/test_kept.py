"""A long list of jobs is read as often as it is worth."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest

from tests.batch.recorded import FakeRunner, recorded
from torque_mesos.batch.commands import Answer
from torque_mesos.batch.kept import NET, SHORT_S, Kept
from torque_mesos.batch.openpbs import OpenPbsServer
from torque_mesos.batch.openpbs_settings import OpenPbsSettings
from torque_mesos.batch.torque import TorqueServer
from torque_mesos.batch.torque_settings import TorqueSettings

TOOK_S = 8.0
QUEUES = "Queue: batch\n    state_count = Queued:9\n"


class World:
    """A clock, and lists that take a while to read."""

    def __init__(self, took_s: float) -> None:
        self.now_s = 0.0
        self.took_s = took_s
        self.reads = 0
        self.kept: Kept[int] = Kept(lambda: self.now_s)

    def read(self) -> int:
        self.reads += 1
        self.now_s += self.took_s
        return self.reads

    def get(self, queues: str = QUEUES) -> int:
        return self.kept.get(self.read, queues)


@pytest.fixture
def world() -> World:
    found = World(TOOK_S)
    found.get()
    found.now_s += TOOK_S
    return found


def test_a_short_list_is_read_each_time() -> None:
    world = World(SHORT_S / 2)
    assert [world.get() for _ in range(3)] == [1, 2, 3]


def test_a_long_one_is_kept_while_nothing_changes(world: World) -> None:
    for _ in range(100):
        assert world.get() == 1


def test_counts_that_changed_mean_a_reading(world: World) -> None:
    assert world.get(QUEUES.replace("9", "8")) == 2
    world.now_s += TOOK_S
    assert world.get(QUEUES.replace("9", "8")) == 2


def test_who_is_told_reads_once(world: World) -> None:
    world.kept.changed()
    assert world.get() == 2
    world.now_s += TOOK_S
    assert world.get() == 2


def test_news_during_a_reading_mean_another(world: World) -> None:
    def read() -> int:
        world.kept.changed()
        return world.read()

    world.kept.changed()
    assert world.kept.get(read, QUEUES) == 2
    world.now_s += TOOK_S
    assert world.get() == 3


def test_half_of_the_time_at_most_is_spent(world: World) -> None:
    world.now_s -= TOOK_S / 2  # the last reading is not long ago
    world.kept.changed()
    assert world.get() == 1
    world.now_s += TOOK_S / 2
    assert world.get() == 2  # and the news are not forgotten


def test_what_nobody_tells_is_seen_in_the_end(world: World) -> None:
    world.now_s += (NET - 2) * TOOK_S
    assert world.get() == 1
    world.now_s += TOOK_S
    assert world.get() == 2


def test_a_reading_that_fails_is_no_reading(world: World) -> None:
    def fail() -> int:
        raise ValueError

    world.kept.changed()
    with pytest.raises(ValueError):  # noqa: PT011
        world.kept.get(fail, QUEUES)
    assert world.get() == 2


def test_the_time_that_openpbs_tells_is_no_change() -> None:
    world = World(TOOK_S)
    world.get('{\n    "timestamp":1795234017,\n    "Queue":{}')
    world.now_s += TOOK_S
    assert world.get('{\n    "timestamp":1795234018,\n    "Queue":{}') == 1


def test_a_list_that_grows_short_again_is_read_each_time(world: World) -> None:
    world.took_s = 0.0
    world.kept.changed()
    assert [world.get() for _ in range(3)] == [2, 3, 4]


class TestServers:
    """Both adapters keep a list that takes long."""

    JOBS: ClassVar[dict[str, tuple[str, ...]]] = {
        "torque": ("qstat", "-x", "-t"),
        "openpbs": ("qstat", "-t", "-f"),
    }
    ANSWERS: ClassVar[dict[str, tuple[tuple[tuple[str, ...], str], ...]]] = {
        "torque": (
            (("pbsnodes", "-x"), "pbsnodes-x-mix"),
            (("qstat", "-Q", "-f"), "qstat-queues"),
            (("qstat", "-B", "-f"), "qstat-server"),
        ),
        "openpbs": (
            (("pbsnodes", "-av"), "pbsnodes-mix"),
            (("qstat", "-Q", "-f"), "qstat-queues"),
            (("qstat", "-B", "-f"), "qstat-server"),
        ),
    }

    @pytest.mark.parametrize(
        ("kind", "name"), [("torque", "qstat-x-t-mix"), ("openpbs", "qstat-mix")]
    )
    def test_jobs_are_read_when_they_changed(self, kind: str, name: str, tmp_path: Path) -> None:
        clock = World(TOOK_S)
        runner = FakeRunner()
        for command, answer in self.ANSWERS[kind]:
            runner.answer(*command, by=recorded(answer, kind))

        def slow() -> Answer:
            clock.read()
            return recorded(name, kind)

        runner.answer(*self.JOBS[kind], by=slow)
        server: TorqueServer | OpenPbsServer
        if kind == "torque":
            server = TorqueServer(TorqueSettings(home=tmp_path), runner, clock=lambda: clock.now_s)
        else:
            settings = OpenPbsSettings(home=tmp_path)
            server = OpenPbsServer(settings, runner, clock=lambda: clock.now_s)
        first = server.read()
        clock.now_s += TOOK_S
        server.read()  # the queues are looked at from now on
        clock.now_s += TOOK_S
        assert clock.reads == 2
        runner.asked.clear()
        assert server.read().jobs == first.jobs
        assert clock.reads == 2
        assert "pbsnodes" in {command[0] for command in runner.asked}
        server.changed()
        server.read()
        assert clock.reads == 3


def test_after_a_change_of_ones_own_it_is_read_at_once() -> None:
    world = World(TOOK_S)
    assert (world.get(), world.get()) == (1, 1)
    world.kept.renew()
    assert (world.get(), world.get()) == (2, 2)


def test_a_change_while_it_is_read_is_not_in_it() -> None:
    world = World(TOOK_S)

    def read() -> int:
        world.kept.renew()
        return world.read()

    world.get()
    world.kept.renew()
    assert world.kept.get(read, QUEUES) == 2
    assert (world.get(), world.get()) == (3, 3)
