"""The demo itself, as `make demo` runs it."""

from __future__ import annotations

import os
import pwd
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dev.demo.account import NotHere, submitter
from tests.conftest import ROOT
from tests.dev.mesos.test_cluster import in_folder
from tests.waiting import wait_for

FOLDER = re.compile(r"Everything is below (\S+);")


class Demo:
    """A demo that runs, and what it has printed so far."""

    def __init__(self) -> None:
        self.text = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "dev.demo"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.text += line

    def end(self) -> int:
        """Its exit code, once all it printed is here."""
        code = self.process.wait(120)
        self._reader.join(5)
        return code

    def folder(self) -> Path:
        found = FOLDER.search(self.text)
        assert found is not None, self.text
        return Path(found[1])


@pytest.fixture
def start(mesos_build: Path) -> Iterator[Callable[[], Demo]]:
    assert mesos_build
    try:
        submitter(os.geteuid(), os.environ, pwd.getpwall())
    except NotHere as error:
        pytest.skip(str(error))
    demos: list[Demo] = []

    def run() -> Demo:
        demos.append(Demo())
        return demos[-1]

    yield run
    for demo in demos:
        if demo.process.poll() is None:
            demo.process.terminate()
            demo.process.wait()
        assert demo.process.stdout is not None
        demo.process.stdout.close()


@pytest.mark.system
class TestDemo:
    def test_it_shows_all_and_leaves_nothing(self, start: Callable[[], Demo]) -> None:
        demo = start()
        assert demo.end() == 0, demo.text
        for said in (
            "Three agents, an empty queue; nothing is held of Mesos.",
            "can never run",
            "5 times 5 is 25",
            "7 jobs' outputs were checked. All resources are back at Mesos.",
        ):
            assert said in demo.text
        assert not demo.folder().exists()
        assert in_folder(demo.folder()) == []

    @pytest.mark.parametrize(
        ("number", "again_s"),
        [(signal.SIGINT, []), (signal.SIGTERM, []), (signal.SIGINT, [0.05, 0.1, 0.15, 0.3])],
        ids=["SIGINT", "SIGTERM", "impatient"],
    )
    def test_it_can_be_interrupted_while_a_job_runs(
        self, start: Callable[[], Demo], number: int, again_s: list[float]
    ) -> None:
        demo = start()
        wait_for(lambda: "1 runs" in demo.text or demo.process.poll() is not None, 60, "a job runs")
        assert in_folder(demo.folder()) != []
        demo.process.send_signal(number)
        for pause_s in again_s:
            time.sleep(pause_s)
            demo.process.send_signal(number)
        assert demo.end() == 130, demo.text
        assert "nothing is left running" in demo.text
        assert not demo.folder().exists()
        assert in_folder(demo.folder()) == []
