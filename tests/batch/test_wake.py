"""OpenPBS' hook that wakes us, and who listens to it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.waiting import wait_for
from torque_mesos.batch.base import Refused
from torque_mesos.batch.setup.record import SetupRecord
from torque_mesos.batch.setup.wish import Change
from torque_mesos.batch.wake import HookWatcher
from torque_mesos.batch.wake_hook import SOCKET_NAME, TARGET, body


def run_hook(path: Path) -> None:
    exec(compile(body(path), "<hook>", "exec"), {})  # as the server does


@pytest.fixture
def heard() -> threading.Event:
    return threading.Event()


@pytest.fixture
def record(tmp_path: Path) -> SetupRecord:
    return SetupRecord(tmp_path)


@pytest.fixture
def watcher(tmp_path: Path, heard: threading.Event, record: SetupRecord) -> Iterator[HookWatcher]:
    found = HookWatcher(tmp_path / SOCKET_NAME, heard.set, record)
    yield found
    found.stop()


def test_the_hook_wakes_who_listens(
    watcher: HookWatcher, heard: threading.Event, tmp_path: Path
) -> None:
    watcher.start()
    assert watcher.problem is not None
    assert "setup-server" in watcher.problem
    run_hook(tmp_path / SOCKET_NAME)
    assert heard.wait(60)
    assert watcher.problem is None  # somebody made the hook
    heard.clear()
    run_hook(tmp_path / SOCKET_NAME)
    assert heard.wait(60)


def test_a_hook_that_was_made_is_known_before_it_is_heard(
    watcher: HookWatcher, record: SetupRecord
) -> None:
    watcher.start()
    record.intend(Change("make", TARGET, "", None, "x", "why"), 1.0)
    assert watcher.problem is None
    record.forget(record.entries()[0])
    assert watcher.problem is not None


def test_nobody_who_listens_harms_nothing(tmp_path: Path) -> None:
    run_hook(tmp_path / "no folder" / "here")
    (tmp_path / "file").write_text("")
    run_hook(tmp_path / "file")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as dead:
        dead.bind(str(tmp_path / "dead"))
    run_hook(tmp_path / "dead")


def test_a_listener_that_hangs_holds_nobody_up(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as hung:
        hung.bind(str(tmp_path / "hung"))
        for _ in range(2000):  # far above net.unix.max_dgram_qlen
            run_hook(tmp_path / "hung")


def test_a_path_in_the_hook_is_text_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a'\"\\\n{x}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        run_hook(path)
        assert listener.recv(16) == b"x"
    with pytest.raises(Refused, match="too long"):
        body(tmp_path / ("x" * 108))


def test_many_events_are_told_as_few(
    watcher: HookWatcher, heard: threading.Event, tmp_path: Path
) -> None:
    watcher.start()
    for _ in range(50):
        run_hook(tmp_path / SOCKET_NAME)
    assert heard.wait(60)


def test_the_socket_of_a_service_that_was_killed_is_taken_over(
    watcher: HookWatcher, heard: threading.Event, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as dead:
        dead.bind(str(tmp_path / SOCKET_NAME))
    watcher.start()
    assert (tmp_path / SOCKET_NAME).stat().st_mode & 0o777 == 0o600
    run_hook(tmp_path / SOCKET_NAME)
    assert heard.wait(60)
    watcher.stop()
    watcher.stop()
    assert not (tmp_path / SOCKET_NAME).exists()
    assert watcher.problem == "the watch has ended"


def test_a_socket_that_cannot_be_made_is_a_problem(tmp_path: Path, record: SetupRecord) -> None:
    found = HookWatcher(tmp_path / "no folder" / "s", lambda: None, record)
    found.start()
    assert "cannot be listened at" in (found.problem or "")
    found.stop()


def test_it_ends_without_a_word(watcher: HookWatcher, heard: threading.Event) -> None:
    watcher.start()
    watcher.stop()
    assert not heard.is_set()
    wait_for(lambda: "hook-watcher" not in {each.name for each in threading.enumerate()}, 60, "end")
