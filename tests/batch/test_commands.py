import os
import sys
import time
from pathlib import Path

import pytest

from tests.batch.recorded import recorded
from torque_mesos.batch.base import ServerUnreachable, UnreadableAnswer
from torque_mesos.batch.commands import Answer, CommandMissing, CommandRunner, check_reached
from torque_mesos.batch.journal import CommandJournal

PYTHON = sys.executable


def python(code: str, *arguments: str) -> list[str]:
    return [PYTHON, "-c", code, *arguments]


@pytest.fixture
def runner() -> CommandRunner:
    return CommandRunner({"PATH": "/usr/bin:/bin", "GREETING": "hello"})


def test_an_answer_has_both_outputs_and_the_exit_code(runner):
    code = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(7)"
    answer = runner.run(python(code), timeout_s=30)
    assert (answer.exit_code, answer.stdout, answer.stderr) == (7, "out\n", "err\n")
    assert answer.elapsed_s > 0


def test_arguments_reach_the_command_as_they_are(runner):
    words = ["$(id)", "a b", "; true", "*", '"', "\n"]
    answer = runner.run(python("import sys; print(sys.argv[1:])", *words), timeout_s=30)
    assert answer.stdout.strip() == repr(words)


def test_the_environment_is_what_was_given(runner):
    os.environ["NOT_GIVEN"] = "1"
    code = "import os; print(os.environ.get('GREETING'), os.environ.get('NOT_GIVEN'))"
    assert runner.run(python(code), timeout_s=30).stdout == "hello None\n"


def test_bytes_that_are_not_text_do_not_stop_the_reading(runner):
    code = "import os; os.write(1, b'a\\xe9b')"
    assert runner.run(python(code), timeout_s=30).stdout == "a\ufffdb"


def test_large_outputs_on_both_sides_come_whole(runner):
    code = "import os\nfor i in range(64): os.write(2, b'e' * 65536); os.write(1, b'o' * 65536)"
    answer = runner.run(python(code), timeout_s=60)
    assert (len(answer.stdout), len(answer.stderr)) == (2**22, 2**22)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except FileNotFoundError:
        return False


def test_a_command_that_hangs_is_ended_with_all_it_started(runner, tmp_path):
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen(['sleep', '600'])\n"
        "open(sys.argv[1], 'w').write(str(child.pid))\n"
        "time.sleep(600)"
    )
    started = time.monotonic()
    with pytest.raises(ServerUnreachable, match=r"did not end within 1\.5 s"):
        runner.run(python(code, str(tmp_path / "pid")), timeout_s=1.5)
    assert time.monotonic() - started < 60
    child = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 10
    while alive(child) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not alive(child)


def test_a_command_that_closes_its_outputs_and_stays_is_ended_too(runner):
    code = "import os, time; os.close(1); os.close(2); time.sleep(600)"
    with pytest.raises(ServerUnreachable):
        runner.run(python(code), timeout_s=1)


def test_a_command_that_prints_without_end_is_ended():
    runner = CommandRunner({}, output_limit=100_000)
    with pytest.raises(UnreadableAnswer, match="over 100000 bytes"):
        runner.run(python("while True: print('x' * 1000)"), timeout_s=60)


@pytest.mark.parametrize("argv", [["/nowhere/qstat"], ["/etc/passwd"], ["/bin/echo", "a\0b"]])
def test_a_command_that_cannot_be_started_is_named(runner, argv):
    with pytest.raises(CommandMissing, match="cannot be started"):
        runner.run(argv, timeout_s=30)


def test_what_was_run_is_in_the_journal_whatever_came_of_it(tmp_path):
    journal = CommandJournal(tmp_path)
    runner = CommandRunner({}, journal, output_limit=1000)
    runner.run(["/bin/echo", "hello"], timeout_s=30)
    with pytest.raises(CommandMissing):
        runner.run(["/nowhere/qstat"], timeout_s=30)
    with pytest.raises(ServerUnreachable):
        runner.run(["/bin/sleep", "60"], timeout_s=0.2)
    with pytest.raises(UnreadableAnswer):
        runner.run(python("print('x' * 2000)"), timeout_s=30)
    lines = journal.path.read_text().splitlines()
    assert len(lines) == 4
    assert '"stdout":"hello\\n"' in lines[0]
    assert '"exit_code":null' in lines[1]
    assert "did not end within 0.2 s" in lines[2]
    assert "over 1000 bytes" in lines[3]


@pytest.mark.parametrize(
    "name",
    [
        "qstat-server-down",
        "qstat-trqauthd-down",
        "qstat-server-unknown-host",
        "pbsnodes-server-down",
        "pbsnodes-trqauthd-down",
        "qmgr-server-down",
        "qmgr-trqauthd-down",
    ],
)
def test_a_server_that_does_not_answer_is_told_from_one_that_refuses(name):
    with pytest.raises(ServerUnreachable, match="exit "):
        check_reached(recorded(name))


@pytest.mark.parametrize(
    "name",
    ["pbsnodes-x-no-nodes", "pbsnodes-x-unknown", "qstat-x-unknown", "qmgr-create-exists"],
)
def test_a_refusal_is_an_answer(name):
    answer = recorded(name)
    assert check_reached(answer) is answer


def test_the_text_of_an_answer_is_one_short_line():
    answer = Answer(("/opt/x/bin/qmgr", "-c", "set x"), 2, "", "qmgr: Syntax error\nset x\n    ^\n")
    assert str(answer) == "qmgr -c set x: exit 2: qmgr: Syntax error set x ^"
