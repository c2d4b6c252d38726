import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.batch.recorded import FakeRunner
from torque_mesos.batch import processes
from torque_mesos.batch.base import NewNode, ServerUnreachable
from torque_mesos.batch.builtin.install import install
from torque_mesos.batch.commands import Answer, CommandRunner
from torque_mesos.batch.daemons import (
    BatchDaemons,
    DaemonFailed,
    DaemonState,
    RestartRule,
)
from torque_mesos.batch.torque import TorqueServer
from torque_mesos.batch.torque_settings import TorqueSettings

DEADLINE_S = 20.0
NAMES = ("trqauthd", "pbs_server", "pbs_sched")

# A daemon that says how it was started, goes to its home as TORQUE's do, and stays.
DAEMON = """#!{python}
import json, os, sys, time
home = {home!r}
said = dict(argv=sys.argv[1:], stdin=sys.stdin.read(), debug=os.environ.get("PBSDEBUG"),
            session=os.getsid(0) == os.getpid(), pid=os.getpid())
os.chdir(home)
open({said!r}, "a").write(json.dumps(said) + "\\n")
print("I am {name}", flush=True)
if os.path.exists({said!r} + ".die"):
    print("no room", flush=True)
    sys.exit(5)
while True:
    time.sleep(1)
"""


class Site:
    """A home, an sbin folder of small daemons, and what they said."""

    def __init__(self, folder: Path, names=NAMES) -> None:
        self.folder = folder
        self.home = folder / "home"
        (self.home / "server_priv").mkdir(parents=True)
        self.state = folder / "state"
        self.settings = TorqueSettings(bin_dir=folder / "bin", sbin_dir=folder, home=self.home)
        self.runner = FakeRunner()
        self.runner.answer("qstat", by=Answer(("qstat",), 0, "Server\n", ""))
        self.runner.answer("qterm", by=self.quit_server)
        self.now_s = 1000.0
        for name in names:
            script = DAEMON.format(
                python=sys.executable,
                home=str(self.home),
                said=str(folder / f"{name}.said"),
                name=name,
            )
            (folder / name).write_text(script)
            (folder / name).chmod(0o755)

    def daemons(self, **more) -> BatchDaemons:
        return BatchDaemons(
            self.settings, self.state, self.runner, clock=lambda: self.now_s, **more
        )

    def said(self, name: str) -> list[dict]:
        path = self.folder / f"{name}.said"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def await_said(self, name: str, count: int = 1) -> dict:
        eventually(lambda: len(self.said(name)) >= count)
        return self.said(name)[count - 1]

    def quit_server(self) -> Answer:
        for said in self.said("pbs_server"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(said["pid"], signal.SIGTERM)
        return Answer(("qterm",), 0, "", "")


def eventually(condition):
    deadline = time.monotonic() + DEADLINE_S
    while not (result := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return result


def gone(pid: int) -> bool:
    return processes.identify(pid) is None


@pytest.fixture
def site(tmp_path):
    site = Site(tmp_path, names=("pbs_server", "pbs_sched"))
    yield site
    end_all(site)


@pytest.fixture
def torque_site(tmp_path):
    site = Site(tmp_path)
    yield site
    end_all(site)


def end_all(site: Site) -> None:
    remembered = map(processes.read_pid_file, (site.state / "daemons").glob("*.pid"))
    pids = {identity.pid for identity in remembered if identity and identity.process()}
    pids |= {said["pid"] for name in NAMES for said in site.said(name)}
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def by_name(statuses):
    return {status.name: status for status in statuses}


def test_they_are_started_in_the_foreground_each_in_a_session_of_its_own(site):
    daemons = site.daemons()
    daemons.start()
    server, sched = site.await_said("pbs_server"), site.await_said("pbs_sched")
    assert server["argv"] == ["-F", "-d", str(site.home), "-t", "create"]
    assert server["stdin"] == "y\n"
    assert sched["argv"] == ["-d", str(site.home)]
    assert sched["debug"] == "1"
    assert server["session"]
    assert sched["session"]
    assert [status.state for status in daemons.check()] == [DaemonState.RUNNING] * 2
    eventually(lambda: "I am pbs_server" in (site.state / "daemons/pbs_server.log").read_text())


def test_the_authentication_daemon_comes_first_where_there_is_one(torque_site, monkeypatch):
    monkeypatch.setattr("torque_mesos.batch.processes.find", lambda name, home: None)
    daemons = torque_site.daemons()
    daemons.start()
    assert torque_site.await_said("trqauthd")["argv"] == ["-F"]
    assert [status.name for status in daemons.check()] == ["trqauthd", "pbs_server", "pbs_sched"]


@pytest.mark.parametrize("database", ["serverdb", "server.sqlite"])
def test_a_database_that_exists_is_used(site, database):
    (site.home / "server_priv" / database).write_text("")
    site.daemons().start()
    server = site.await_said("pbs_server")
    assert server["argv"] == ["-F", "-d", str(site.home), "-a", "false"]
    assert server["stdin"] == ""


def test_a_server_that_comes_back_schedules_only_when_it_knows_its_limits(torque_site, monkeypatch):
    site = torque_site
    monkeypatch.setattr("torque_mesos.batch.processes.find", lambda name, home: None)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    site.runner.answer("setpriv", by=Answer(("qsub",), 190, "", "cannot locate feasible nodes"))
    daemons = site.daemons()
    daemons.start()
    assert not any(command[0] in ("setpriv", "qmgr") for command in site.runner.asked)
    (site.home / "server_priv" / "serverdb").write_text("")
    os.kill(site.await_said("pbs_server")["pid"], signal.SIGKILL)
    eventually(lambda: by_name(daemons.check())["pbs_server"].state is DaemonState.WAITING)
    site.runner.answer("qstat", by=ServerUnreachable("not yet"))
    site.now_s += 60
    daemons.check()
    daemons.check()
    assert "qmgr" not in [command[0] for command in site.runner.asked]
    site.runner.answer("qstat", by=Answer(("qstat",), 0, "Server\n", ""))
    daemons.check()
    asked = [command for command in site.runner.asked if command[0] in ("setpriv", "qmgr")]
    assert asked[0][0] == "setpriv"
    assert asked[0][-2:] == ("-l", "nodes=1000000000")
    assert asked[1:] == [("qmgr", "-c", "set server scheduling=true")]
    daemons.check()
    assert len([command for command in site.runner.asked if command[0] == "qmgr"]) == 1


def test_a_server_that_was_held_when_the_framework_ended_is_released_by_the_next(site):
    (site.home / "server_priv" / "serverdb").write_text("")
    site.runner.answer("qmgr", by=ServerUnreachable("gone"))
    with pytest.raises(ServerUnreachable):
        site.daemons().start()
    site.runner.answer("qmgr", by=Answer(("qmgr",), 0, "", ""))
    site.daemons().start()
    assert ("qmgr", "-c", "set server scheduling=true") in site.runner.asked
    site.await_said("pbs_server")
    assert len(site.said("pbs_server")) == 1


@pytest.mark.parametrize("folder", ["queues", "jobs", "arrays"])
def test_a_home_that_lost_its_database_is_never_given_a_new_one(site, folder):
    (site.home / "server_priv" / folder).mkdir()
    (site.home / "server_priv" / folder / "0.head").write_text("")
    with pytest.raises(DaemonFailed, match=f"{folder} but no serverdb"):
        site.daemons().start()
    assert site.said("pbs_server") == []


def test_the_empty_folders_of_a_new_installation_are_no_jobs(site):
    (site.home / "server_priv" / "jobs" / "0").mkdir(parents=True)
    (site.home / "server_priv" / "arrays" / "9").mkdir(parents=True)
    site.daemons().start()
    site.await_said("pbs_server")


def test_a_server_that_does_not_stay_is_told_with_the_end_of_its_log(site):
    site.runner.answer("qstat", by=ServerUnreachable("no answer"))
    (site.folder / "pbs_server.said.die").write_text("")
    with pytest.raises(DaemonFailed, match=r"pbs_server ended with exit code 5; .*no room"):
        site.daemons().start()


def test_a_server_that_does_not_answer_in_time_is_told(site):
    site.runner.answer("qstat", by=ServerUnreachable("no answer"))
    with pytest.raises(ServerUnreachable, match="no answer"):
        site.daemons().start(timeout_s=0.2)


def test_a_daemon_that_is_not_installed_is_told(site):
    (site.folder / "pbs_server").unlink()
    with pytest.raises(DaemonFailed, match="cannot be started"):
        site.daemons().start()


def test_after_a_restart_of_the_framework_they_are_found_again(site):
    site.daemons().start()
    pids = [site.await_said(name)["pid"] for name in ("pbs_server", "pbs_sched")]
    again = site.daemons()
    again.start()
    statuses = again.check()
    assert [status.pid for status in statuses] == pids
    assert [status.state for status in statuses] == [DaemonState.RUNNING] * 2
    assert len(site.said("pbs_server")) == 1


def test_they_outlive_the_process_that_started_them(site):
    child = os.fork()
    if child == 0:
        status = 1
        try:
            site.daemons().start()
            site.await_said("pbs_server")
            status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    pid = site.await_said("pbs_server")["pid"]
    daemons = site.daemons()
    daemons.start()
    assert by_name(daemons.check())["pbs_server"].pid == pid
    daemons.teardown()
    assert gone(pid)


def test_somebody_elses_daemon_is_used_and_survives_teardown(site):
    other = subprocess.Popen([str(site.folder / "pbs_server")], stdin=subprocess.DEVNULL)
    site.await_said("pbs_server")
    daemons = site.daemons()
    daemons.start()
    status = by_name(daemons.check())["pbs_server"]
    assert (status.state, status.pid) == (DaemonState.FOUND, other.pid)
    assert len(site.said("pbs_server")) == 1
    daemons.teardown()
    assert other.poll() is None
    other.kill()
    other.wait()


def test_a_daemon_of_another_home_is_not_ours(site, tmp_path):
    elsewhere = Site(tmp_path / "elsewhere", names=("pbs_server",))
    try:
        other = subprocess.Popen([str(elsewhere.folder / "pbs_server")], stdin=subprocess.DEVNULL)
        elsewhere.await_said("pbs_server")
        daemons = site.daemons()
        daemons.start()
        assert by_name(daemons.check())["pbs_server"].pid != other.pid
    finally:
        other.kill()
        other.wait()


def test_a_pid_file_of_another_process_is_not_believed(site):
    folder = site.state / "daemons"
    folder.mkdir(parents=True)
    mine = processes.identify(os.getpid())
    assert mine is not None
    stale = processes.Identity(mine.pid, mine.start_ticks - 1, mine.boot)
    processes.write_pid_file(folder / "pbs_server.pid", stale)
    (folder / "pbs_sched.pid").write_text("{nonsense")
    daemons = site.daemons()
    daemons.start()
    assert os.getpid() not in [status.pid for status in daemons.check()]
    assert site.await_said("pbs_server")
    assert site.await_said("pbs_sched")


def test_one_that_ends_is_started_again_after_a_while(site):
    daemons = site.daemons(rule=RestartRule(first_wait_s=2.0))
    daemons.start()
    os.kill(site.await_said("pbs_sched")["pid"], signal.SIGKILL)
    eventually(lambda: by_name(daemons.check())["pbs_sched"].state is DaemonState.WAITING)
    site.now_s += 1.9
    assert by_name(daemons.check())["pbs_sched"].state is DaemonState.WAITING
    site.now_s += 0.2
    status = by_name(daemons.check())["pbs_sched"]
    assert (status.state, status.restarts) == (DaemonState.RUNNING, 1)
    site.await_said("pbs_sched", 2)
    assert by_name(daemons.check())["pbs_server"].restarts == 0


def test_a_server_that_is_started_again_keeps_its_database(site):
    daemons = site.daemons()
    daemons.start()
    (site.home / "server_priv" / "serverdb").write_text("")
    os.kill(site.await_said("pbs_server")["pid"], signal.SIGKILL)
    eventually(lambda: by_name(daemons.check())["pbs_server"].state is DaemonState.WAITING)
    site.now_s += 60
    daemons.check()
    assert "create" not in site.await_said("pbs_server", 2)["argv"]


def test_one_that_ends_again_and_again_is_left(site):
    daemons = site.daemons(rule=RestartRule(first_wait_s=1.0, longest_wait_s=4.0, most=4))
    daemons.start()
    site.await_said("pbs_sched")
    (site.folder / "pbs_sched.said.die").write_text("")
    os.kill(site.said("pbs_sched")[0]["pid"], signal.SIGKILL)

    def left() -> bool:
        site.now_s += 0.5
        return by_name(daemons.check())["pbs_sched"].state is DaemonState.FAILED

    eventually(left)
    status = by_name(daemons.check())["pbs_sched"]
    assert status.restarts == 3
    assert "exit code 5" in status.detail
    site.now_s += 10_000
    assert by_name(daemons.check())["pbs_sched"].state is DaemonState.FAILED
    (site.folder / "pbs_sched.said.die").unlink()
    daemons.start()  # asked again by a person
    assert by_name(daemons.check())["pbs_sched"].state is DaemonState.RUNNING


@pytest.mark.parametrize(
    ("ends", "wait_s"), [(1, 1.0), (2, 2.0), (5, 16.0), (7, 60.0), (900, 60.0)]
)
def test_the_wait_grows_up_to_its_longest(ends, wait_s):
    assert RestartRule().wait_s(ends) == wait_s


def test_a_daemon_that_ran_long_enough_begins_anew(site):
    daemons = site.daemons(rule=RestartRule(first_wait_s=1.0, settled_s=100.0, most=3))
    daemons.start()
    for count in range(1, 6):
        pid = site.await_said("pbs_sched", count)["pid"]
        site.now_s += 150
        daemons.check()
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: by_name(daemons.check())["pbs_sched"].state is not DaemonState.RUNNING)
        site.now_s += 1.1
        assert by_name(daemons.check())["pbs_sched"].state is DaemonState.RUNNING


def test_a_log_does_not_grow_without_end(site):
    daemons = site.daemons()
    daemons.start()
    log = site.state / "daemons/pbs_sched.log"
    eventually(lambda: "I am pbs_sched" in log.read_text())
    with log.open("ab") as file:
        file.write(b"x" * (processes.LOG_KEPT + 1))
    daemons.check()
    assert log.stat().st_size == 0
    assert log.with_name("pbs_sched.log.1").stat().st_size > processes.LOG_KEPT


def test_teardown_ends_all_that_was_started_here(site):
    daemons = site.daemons()
    daemons.start()
    pids = [site.await_said(name)["pid"] for name in ("pbs_server", "pbs_sched")]
    daemons.teardown()
    assert all(gone(pid) for pid in pids)
    assert ("qterm", "-t", "quick") in site.runner.asked
    assert list((site.state / "daemons").glob("*.pid")) == []
    daemons.teardown()


def test_teardown_ends_a_server_that_does_not_listen(site):
    site.runner.answer("qterm", by=ServerUnreachable("no answer"))
    daemons = site.daemons()
    daemons.start()
    pid = site.await_said("pbs_server")["pid"]
    os.kill(pid, signal.SIGSTOP)
    daemons.teardown(timeout_s=0.2)
    assert gone(pid)


def test_answers_tells_whether_the_server_answers(site):
    daemons = site.daemons()
    daemons.answers()
    site.runner.answer("qstat", by=Answer(("qstat",), 111, "", "cannot connect to server"))
    with pytest.raises(ServerUnreachable):
        daemons.answers()


@pytest.mark.system
def test_a_built_in_server_that_is_killed_comes_back_with_all_it_knew(tmp_path):
    home = tmp_path / "pbs"
    ports = {"server_port": 24011, "mom_service_port": 24012, "mom_manager_port": 24013}
    laid = install(home, server_name="localhost", delay_scale=0.1, **ports)
    settings = TorqueSettings(
        bin_dir=laid.bin_dir, sbin_dir=laid.sbin_dir, home=home, create_queue=True
    )
    runner = CommandRunner(settings.command_environment())
    server = TorqueServer(settings, runner)
    daemons = BatchDaemons(settings, tmp_path, runner, rule=RestartRule(first_wait_s=0.05))
    try:
        daemons.start()
        server.prepare(["kept"], 1000)
        server.create_nodes([NewNode("localhost", 7, note="torque-mesos: capacity")])
        before = server.read()
        os.kill(by_name(daemons.check())["pbs_server"].pid, signal.SIGKILL)
        eventually(lambda: by_name(daemons.check())["pbs_server"].restarts == 1)

        def allowed_to_schedule() -> bool:
            daemons.check()
            return not (tmp_path / "daemons" / "pbs_server.held").exists()

        eventually(allowed_to_schedule)
        after = server.read()
        assert after.queues == before.queues
        assert [(node.name, node.np, node.note) for node in after.nodes] == [
            ("localhost", 7, "torque-mesos: capacity")
        ]
        said = runner.run([str(laid.bin_dir / "qstat"), "-B", "-f"], timeout_s=30).stdout
        assert "scheduling = True" in said
        assert "resources_available.nodect = 1000" in said
    finally:
        daemons.teardown()
