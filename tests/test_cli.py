from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
import types
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from tests.admin.published import POLICY, READING, published
from tests.conftest import ROOT
from torque_mesos import __version__
from torque_mesos.admin.board import StatusBoard, status_of
from torque_mesos.admin.server import AdminServer
from torque_mesos.cli.app import app
from torque_mesos.cli.show import picture
from torque_mesos.config import Settings, load
from torque_mesos.model import Job, JobState


@pytest.fixture(autouse=True)
def state_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("TORQUE_MESOS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TORQUE_MESOS_STATE_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def board(state_dir: Path) -> Iterator[StatusBoard]:
    board = StatusBoard(POLICY)
    board.publish(published(wall_s=time.time()))
    server = AdminServer(board, state_dir / "status.sock", host="127.0.0.1")
    server.start()
    yield board
    server.stop()


def call(*arguments: str, answer: str = "") -> tuple[int, str, str]:
    result = CliRunner().invoke(app, arguments, input=answer)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def test_version() -> None:
    assert call("--version") == (0, f"torque-mesos {__version__}\n", "")


def test_help_is_quick() -> None:
    """It imports neither the settings' library nor any server."""
    code = (
        "import sys; from torque_mesos.cli.app import app\n"
        "try: app(['--help'])\n"
        "except SystemExit: pass\n"
        "print([m for m in ('pydantic', 'starlette', 'uvicorn', 'pymesos', 'structlog')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert "teardown" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


def test_not_running_is_told() -> None:
    for arguments in (["status"], ["status", "--json"], ["explain"], ["explain", "1"]):
        code, out, told = call(*arguments)
        assert code == 3
        assert out == ""
        assert told.startswith("torque-mesos: not running here: ")


@pytest.mark.usefixtures("board")
def test_status() -> None:
    code, out, _ = call("status")
    assert code == 0
    words = " ".join(out.split())
    assert "Mesos: m:5050, framework f-1" in words
    assert "held: 1 of 4 nodes, 4 cpus, 4096 MB; floor: 1 slots" in words
    assert "queue batch: 2 waiting, 1 running" in words
    assert "queue long: 1 waiting, 0 running (not watched)" in words
    assert "n1 online 4 2 4 1.head" in words
    assert "n2 parked" in words
    assert "2.head ann@head batch it waits for slots" in words
    assert "! job 7: no state" in words


def test_status_as_json(board: StatusBoard) -> None:
    code, out, _ = call("status", "--json")
    assert code == 0
    current = board.read()
    assert current is not None
    assert json.loads(out) == json.loads(current.to_text())


def test_names_cannot_reach_the_terminal(board: StatusBoard) -> None:
    evil = Job("8.head", "\x1b[2J", "[red]\x1b]0;x\x07", "batch", JobState.QUEUED)
    reason = published().plan.jobs["2.head"]
    plan = replace(published().plan, jobs={"8.head": replace(reason, text="no\x1b[2Jpe")})
    reading = replace(READING, jobs=(evil,))
    snapshot = replace(published().snapshot, reading=reading)
    board.publish(published(snapshot=snapshot, plan=plan))
    for arguments in (["status"], ["explain"]):
        code, out, _ = call(*arguments)
        assert code == 0
        assert "\x1b" not in out
        assert "\x07" not in out
        assert "no?[2Jpe" in out
    assert "[red]?]0;x?" in call("status")[1]


def test_many_jobs_are_cut() -> None:
    reason = published().plan.jobs["2.head"]
    jobs = tuple(Job(f"{n}.head", "j", "a@h", "batch", JobState.QUEUED) for n in range(30))
    snapshot = replace(published().snapshot, reading=replace(READING, jobs=jobs))
    plan = replace(published().plan, jobs={job.job_id: reason for job in jobs})
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(picture(status_of(published(snapshot=snapshot, plan=plan), POLICY), 1.7e9))
    assert "... and 10 more; see: torque-mesos explain" in console.export_text()


@pytest.mark.usefixtures("board")
def test_explain() -> None:
    assert call("explain")[:2] == (
        0,
        "2.head: it waits for slots\n"
        "3[1].head: slots are free for it\n"
        "3[2].head: its queue is not served\n",
    )
    assert call("explain", "2")[:2] == (0, "2.head: it waits for slots\n")
    assert call("explain", "1.head")[:2] == (0, "1.head: it runs on n1\n")
    code, out, _ = call("explain", "3[]", "--json")
    assert code == 0
    assert [job["why"]["code"] for job in json.loads(out)["jobs"]] == [
        "runs-soon",
        "queue-not-watched",
    ]


def test_explain_of_an_unknown_job(board: StatusBoard) -> None:
    assert call("explain", "77") == (4, "", "torque-mesos: no job 77 waits or runs here\n")
    snapshot = replace(published().snapshot, reading=None)
    board.publish(published(snapshot=snapshot, server_error="no answer"))
    assert "cannot be read now" in call("explain", "2")[2]
    assert "cannot be read now" in call("explain")[1]


def test_explain_when_none_waits(board: StatusBoard) -> None:
    snapshot = replace(published().snapshot, reading=replace(READING, jobs=()))
    board.publish(published(snapshot=snapshot))
    assert call("explain")[:2] == (0, "no job waits\n")


def test_check_config(state_dir: Path) -> None:
    file = state_dir / "my.toml"
    file.write_text(
        'min_slots_held = 2\n[mesos]\nhostname = "h"\nmaster = "127.0.0.1"\n'
        '[executor]\nmom_config = ["$logevent \\"255\\""]\n'
        'environment = {A = "x\\u007f"}\n'
        '[pools.gpu]\nqueues = "gpu"\nattributes = {kind = "gpu*"}\nbudget_per_day = 9.5\n'
        "per_cpu_hour = 1\nsafe_allocation = {cpus = 8}\n"
        'schedules = [{days = "sat,sun", begin = "07:30", end = "09:00", slots = 4}]\n'
    )
    code, out, _ = call("check-config", str(file))
    assert code == 0
    assert out.startswith(f"# from {file}\n")
    again = state_dir / "again.toml"
    again.write_text(out)
    # What it prints is a file with the same settings, and nothing left to be found out.
    assert load(again, {}).effective() == load(file, dict(os.environ)).effective()


def test_check_config_tells_all_that_is_wrong(state_dir: Path) -> None:
    file = state_dir / "my.toml"
    file.write_text("queus = 1\ngrace_s = -1\n")
    code, out, told = call("check-config", str(file))
    assert (code, out) == (2, "")
    assert len(told.splitlines()) == 2
    for command in (["run", "m:1"], ["status"], ["explain"], ["teardown", "m:1"]):
        assert call(*command, "--config", str(file))[0] == 2


def test_check_config_reads_the_secret(state_dir: Path) -> None:
    secret = state_dir / "secret"
    file = state_dir / "my.toml"
    file.write_text(f'[mesos]\nprincipal = "torque"\nsecret_file = "{secret}"\n')
    code, _, told = call("check-config", str(file))
    assert code == 2
    assert "No such file" in told
    secret.write_text("other S3CRET\n")
    secret.chmod(0o600)
    code, _, told = call("check-config", str(file))
    assert code == 2
    assert "is of 'other'" in told
    secret.write_text("torque S3CRET\n")
    code, out, _ = call("check-config", str(file))
    assert code == 0
    assert "S3CRET" not in out


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Settings]]:
    """The framework's service, replaced by one that only notes how it is called."""
    calls: list[tuple[str, Settings]] = []

    def noting(what: str, code: int) -> object:
        def called(settings: Settings) -> int:
            calls.append((what, settings))
            return code

        return called

    for module, what, code in (("service", "run", 6), ("teardown", "teardown", 0)):
        fake = types.ModuleType(f"torque_mesos.framework.{module}")
        fake.__dict__[what] = noting(what, code)
        monkeypatch.setitem(sys.modules, fake.__name__, fake)
    return calls


def test_run_gives_the_master_and_the_exit_code(service: list[tuple[str, Settings]]) -> None:
    assert call("run", "zk://a:1/m")[0] == 6
    ((what, settings),) = service
    assert what == "run"
    assert settings.mesos.master == "zk://a:1/m"


def test_run_needs_a_master(service: list[tuple[str, Settings]]) -> None:
    code, _, told = call("run")
    assert code == 2
    assert "mesos.master" in told
    assert call("run", "ftp://x")[0] == 2
    assert service == []


def test_teardown_asks(service: list[tuple[str, Settings]]) -> None:
    assert call("teardown", "m:5050", answer="n\n")[0] == 1
    assert call("teardown", "m:5050", answer="")[0] == 1
    assert service == []
    assert call("teardown", "m:5050", answer="y\n")[0] == 0
    assert call("teardown", "m:5050", "--yes")[0] == 0
    assert [what for what, _ in service] == ["teardown", "teardown"]


# --- scheduler/ ------------------------------------------------------------------
