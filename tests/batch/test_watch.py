import os
import threading
import time
from pathlib import Path

import pytest

from torque_mesos.batch.watch import QueueWatcher

DEADLINE_S = 60.0


class Heard:
    """Counts what a watcher tells; waits for it."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self._condition = threading.Condition()

    def __call__(self) -> None:
        with self._condition:
            self.times.append(time.monotonic())
            self._condition.notify_all()

    def wait_for(self, count: int) -> None:
        with self._condition:
            assert self._condition.wait_for(lambda: len(self.times) >= count, DEADLINE_S)

    @property
    def count(self) -> int:
        return len(self.times)


def eventually(condition) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def line(letter: str, job: str = "0.head") -> str:
    return f"11/20/2026 17:55:11;{letter};{job};queue=batch\n"


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def watch(heard):
    watchers = []

    def start(folder: Path) -> QueueWatcher:
        watcher = QueueWatcher(folder, heard, retry_s=0.02)
        watcher.start()
        watchers.append(watcher)
        return watcher

    yield start
    for watcher in watchers:
        watcher.stop()


@pytest.mark.parametrize("letter", "QSEDAR")
def test_a_record_of_a_job_is_told(tmp_path, heard, watch, letter):
    append(tmp_path / "20261120", line("Q"))
    watcher = watch(tmp_path)
    eventually(lambda: watcher.problem is None)
    append(tmp_path / "20261120", line(letter))
    heard.wait_for(1)


def test_what_changes_nothing_is_not_told(tmp_path, heard, watch):
    watcher = watch(tmp_path)
    eventually(lambda: watcher.problem is None)
    append(tmp_path / "20261120", line("C") + line("B"))
    append(tmp_path / "other", line("Q"))
    append(tmp_path / "20261120.gz", line("Q"))
    append(tmp_path / "20261121", line("Q"))  # the end of the wait
    heard.wait_for(1)
    assert heard.count == 1


def test_what_was_there_before_is_not_told(tmp_path, heard, watch):
    append(tmp_path / "20261120", line("Q") * 5)
    watcher = watch(tmp_path)
    eventually(lambda: watcher.problem is None)
    append(tmp_path / "20261120", line("C"))
    append(tmp_path / "20261121", line("Q"))
    heard.wait_for(1)
    assert heard.count == 1


def test_midnight(tmp_path, heard, watch):
    append(tmp_path / "20261120", line("Q"))
    watcher = watch(tmp_path)
    eventually(lambda: watcher.problem is None)
    append(tmp_path / "20261121", line("Q"))
    heard.wait_for(1)
    append(tmp_path / "20261120", line("E"))
    heard.wait_for(2)


def test_half_a_line_waits_for_its_other_half(tmp_path, heard, watch):
    watcher = watch(tmp_path)
    eventually(lambda: watcher.problem is None)
    whole = line("Q")
    append(tmp_path / "20261120", whole[:21])
    append(tmp_path / "20261120", whole[21:])
    heard.wait_for(1)


def test_a_strange_line_is_told(tmp_path, heard, watch):
    watcher = watch(tmp_path)
    eventually(lambda: watcher.problem is None)
    append(tmp_path / "20261120", "what is this\n")
    heard.wait_for(1)


def test_a_file_that_is_written_anew_is_read_from_its_start(tmp_path, heard, watch):
    append(tmp_path / "20261120", line("Q") * 10)
    watcher = watch(tmp_path)
    eventually(lambda: watcher.problem is None)
    (tmp_path / "new").write_text(line("Q"))
    (tmp_path / "new").rename(tmp_path / "20261120")
    heard.wait_for(1)


def test_a_folder_that_comes_later_is_found(tmp_path, heard, watch):
    folder = tmp_path / "server_priv" / "accounting"
    watcher = watch(folder)
    eventually(lambda: "No such file" in (watcher.problem or ""))
    folder.mkdir(parents=True)
    eventually(lambda: watcher.problem is None)
    heard.wait_for(1)  # something may have been missed
    append(folder / "20261120", line("Q"))
    heard.wait_for(2)


def test_a_folder_that_is_replaced_is_found_again(tmp_path, heard, watch):
    folder = tmp_path / "accounting"
    folder.mkdir()
    watcher = watch(folder)
    eventually(lambda: watcher.problem is None)
    folder.rename(tmp_path / "old")
    folder.mkdir()
    heard.wait_for(1)
    eventually(lambda: watcher.problem is None)
    append(folder / "20261120", line("Q"))
    heard.wait_for(2)


def test_a_folder_that_may_not_be_read_is_said(tmp_path, watch):
    folder = tmp_path / "accounting"
    folder.mkdir(mode=0o000)
    child = os.fork()
    if child == 0:  # root may read everything: it must be somebody else who tries
        status = 1
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
            watcher = watch(folder)
            eventually(lambda: "Permission denied" in (watcher.problem or ""))
            status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_file_in_the_folders_place_is_said(tmp_path, watch):
    (tmp_path / "accounting").write_text("")
    watcher = watch(tmp_path / "accounting")
    eventually(lambda: "Not a directory" in (watcher.problem or ""))


def test_lines_that_cannot_be_read_are_told_all_the_same(tmp_path, heard, watch):
    (tmp_path / "target").mkdir()
    watcher = watch(tmp_path)
    eventually(lambda: watcher.problem is None)
    (tmp_path / "20261120").mkdir()  # cannot be opened as a file, even by root
    heard.wait_for(1)


def test_very_many_lines_are_told_once_or_more_but_at_the_end(tmp_path, heard, watch):
    watcher = watch(tmp_path)
    eventually(lambda: watcher.problem is None)
    for _ in range(50):
        append(tmp_path / "20261120", line("Q") * 500)
    written = time.monotonic()
    append(tmp_path / "20261120", line("Q"))
    eventually(lambda: heard.times and heard.times[-1] >= written)
    assert heard.count <= 52


def test_it_stops_at_once_whether_it_watches_or_waits(tmp_path, heard):
    for folder in (tmp_path, tmp_path / "none"):
        watcher = QueueWatcher(folder, heard, retry_s=600)
        watcher.start()
        started = time.monotonic()
        watcher.stop()
        watcher.stop()
        assert time.monotonic() - started < 60
        assert watcher.problem == "the watch has ended"
    assert not any(thread.name == "queue-watcher" for thread in threading.enumerate())


def test_it_tells_of_every_line_by_itself(tmp_path, heard):
    watcher = QueueWatcher(tmp_path, heard, retry_s=600)
    watcher.start()
    try:
        eventually(lambda: watcher.problem is None)
        for number in range(1, 51):
            append(tmp_path / "20261120", line("Q"))
            heard.wait_for(number)
    finally:
        watcher.stop()
