"""The helper crashes, hangs and talks nonsense; commands go on."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.batch.recorded import FakeRunner
from torque_mesos.batch.base import ServerUnreachable
from torque_mesos.batch.commands import Answer
from torque_mesos.batch.journal import NAME, CommandJournal
from torque_mesos.batch.library.runner import LibraryRunner, find_library

JOBS = ("/t/bin/qstat", "-x", "-t")
BEGIN = "import json, os, sys, time\nfor line in sys.stdin:\n    asked = json.loads(line)\n"
GOOD = """
    out = (asked["argv"][0] + " %d" % os.getpid()).encode()
    head = json.dumps({"exit_code": 0, "stdout": len(out), "stderr": 0}).encode()
    sys.stdout.buffer.write(head + b"\\n" + out)
    sys.stdout.buffer.flush()
"""

Make = Callable[..., LibraryRunner]


class Clock:
    """The time, and some more."""

    ahead_s = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead_s


@pytest.fixture
def commands() -> FakeRunner:
    fake = FakeRunner()
    fake.answer("qstat", by=Answer(("x",), 0, "by command", ""))
    return fake


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def runner(commands: FakeRunner, clock: Clock, tmp_path: Path) -> Iterator[Make]:
    made: list[LibraryRunner] = []

    def make(body: str, *, begin: str = BEGIN) -> LibraryRunner:
        made.append(
            LibraryRunner(
                "torque",
                Path("/t/lib/libtorque.so"),
                {"PATH": os.environ["PATH"]},
                commands,
                journal=CommandJournal(tmp_path),
                clock=clock,
                program=(sys.executable, "-I", "-c", begin + body),
            )
        )
        return made[-1]

    yield make
    for each in made:
        each.close()


def ask(runner: LibraryRunner, timeout_s: float = 60.0) -> str:
    return runner.run(JOBS, timeout_s=timeout_s).stdout


def pid(runner: LibraryRunner) -> int:
    return int(ask(runner).split()[1])


def test_one_helper_answers_all(runner: Make, commands: FakeRunner, tmp_path: Path) -> None:
    asked = runner(GOOD)
    assert pid(asked) == pid(asked)
    assert commands.asked == []
    lines = [json.loads(line) for line in (tmp_path / NAME).read_text().splitlines()]
    assert [line["argv"][:2] for line in lines] == [["(library)", JOBS[0]]] * 2


def test_what_it_does_not_understand_is_run(runner: Make, commands: FakeRunner) -> None:
    runner(GOOD).run(("/t/bin/qrerun", "-f", "1.head"), timeout_s=60)
    assert commands.asked == [("qrerun", "-f", "1.head")]


def test_what_the_helper_passes_on_is_run(runner: Make) -> None:
    asked = runner("    print(json.dumps({'pass': 'no server'}), flush=True)\n")
    assert ask(asked) == "by command"
    assert asked.reason == "no server"


def test_a_killed_helper_is_started_again(runner: Make) -> None:
    asked = runner(GOOD)
    first = pid(asked)
    os.kill(first, signal.SIGKILL)
    told = {ask(asked) for _ in range(3)}  # the first may still meet the dying one
    assert all(text == "by command" or str(first) not in text for text in told)


@pytest.mark.parametrize(
    "body",
    [
        "    os.kill(os.getpid(), 11)\n",
        "    sys.exit(3)\n",
        "    print('nonsense', flush=True)\n",
        "    print('[]', flush=True)\n",
        "    print('{}', flush=True)\n",
        '    print(\'{"exit_code": "x", "stdout": 1, "stderr": 1}\', flush=True)\n',
    ],
)
def test_a_helper_that_fails_rests_and_commands_go_on(
    runner: Make, clock: Clock, commands: FakeRunner, body: str
) -> None:
    asked = runner(body)
    for wait_s in (1.0, 2.0, 4.0):
        assert ask(asked) == "by command"
        assert asked.reason is not None
        rested = asked._health.rests_until_s - clock()
        assert wait_s - 60 < rested <= wait_s
        clock.ahead_s += wait_s
    assert len(commands.asked) == 3


def test_the_rest_has_a_bound_and_ends_with_a_success(runner: Make, clock: Clock) -> None:
    asked = runner(GOOD)
    for _ in range(20):
        asked._health.failed(clock())
    assert ask(asked) == "by command"
    clock.ahead_s += 60.0
    assert ask(asked).startswith("/t/bin/qstat")
    assert asked._health.failures == 0
    assert asked.reason is None


def test_a_helper_that_hangs_is_ended_in_time(runner: Make, clock: Clock) -> None:
    asked = runner("    time.sleep(3600)\n")
    with pytest.raises(ServerUnreachable, match="did not end within"):
        ask(asked, timeout_s=0.2)
    assert asked._process is None
    assert ask(asked) == "by command"


def test_one_that_stops_within_an_answer_is_ended_too(runner: Make) -> None:
    half = '{"exit_code": 0, "stdout": 9, "stderr": 0}\\nhalf'
    asked = runner(f"    sys.stdout.write('{half}'); sys.stdout.flush(); time.sleep(3600)\n")
    with pytest.raises(ServerUnreachable):
        ask(asked, timeout_s=0.2)


def test_a_helper_that_cannot_be_started(commands: FakeRunner) -> None:
    asked = LibraryRunner("torque", Path("/x"), {}, commands, program=("/no/such/program",))
    assert ask(asked) == "by command"


def test_a_library_that_cannot_be_loaded(commands: FakeRunner, tmp_path: Path) -> None:
    (tmp_path / "libtorque.so").write_bytes(b"no library")
    asked = LibraryRunner("torque", tmp_path / "libtorque.so", {}, commands)
    assert ask(asked) == "by command"
    assert "ended" in (asked.reason or "")


def test_where_the_library_is_looked_for(tmp_path: Path) -> None:
    assert find_library(tmp_path / "bin", "torque") is None
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "libpbs.so").touch()
    assert find_library(tmp_path / "bin", "torque") is None
    assert find_library(tmp_path / "bin", "openpbs") == tmp_path / "lib" / "libpbs.so"
