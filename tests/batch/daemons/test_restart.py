from __future__ import annotations

import os
import signal

import pytest

from tests.batch.daemons.site import DEADLINE_S, status_of, wait_for_end
from tests.waiting import wait_for
from torque_mesos.batch import processes
from torque_mesos.batch.base import NewNode, ServerUnreachable
from torque_mesos.batch.builtin.install import install
from torque_mesos.batch.commands import Answer, CommandRunner
from torque_mesos.batch.daemons import (
    BatchDaemons,
    DaemonState,
    RestartRule,
    torque_daemons,
)
from torque_mesos.batch.torque import TorqueServer
from torque_mesos.batch.torque_settings import TorqueSettings


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
    wait_for_end(daemons, "pbs_server")
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


def test_one_that_ends_is_started_again_after_a_while(site):
    daemons = site.daemons(rule=RestartRule(first_wait_s=2.0))
    daemons.start()
    os.kill(site.await_said("pbs_sched")["pid"], signal.SIGKILL)
    wait_for_end(daemons, "pbs_sched")
    site.now_s += 1.9
    assert status_of(daemons, "pbs_sched").state is DaemonState.WAITING
    site.now_s += 0.2
    status = status_of(daemons, "pbs_sched")
    assert (status.state, status.restarts) == (DaemonState.RUNNING, 1)
    site.await_said("pbs_sched", 2)
    assert status_of(daemons, "pbs_server").restarts == 0


def test_a_server_that_is_started_again_keeps_its_database(site):
    daemons = site.daemons()
    daemons.start()
    (site.home / "server_priv" / "serverdb").write_text("")
    os.kill(site.await_said("pbs_server")["pid"], signal.SIGKILL)
    wait_for_end(daemons, "pbs_server")
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
        return status_of(daemons, "pbs_sched").state is DaemonState.FAILED

    wait_for(left, DEADLINE_S, "pbs_sched is left")
    status = status_of(daemons, "pbs_sched")
    assert status.restarts == 3
    assert "exit code 5" in status.detail
    site.now_s += 10_000
    assert status_of(daemons, "pbs_sched").state is DaemonState.FAILED
    (site.folder / "pbs_sched.said.die").unlink()
    daemons.start()  # asked again by a person
    assert status_of(daemons, "pbs_sched").state is DaemonState.RUNNING


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
        wait_for_end(daemons, "pbs_sched")
        site.now_s += 1.1
        assert status_of(daemons, "pbs_sched").state is DaemonState.RUNNING


def test_a_log_does_not_grow_without_end(site):
    daemons = site.daemons()
    daemons.start()
    log = site.state / "daemons/pbs_sched.log"
    wait_for(lambda: "I am pbs_sched" in log.read_text(), DEADLINE_S, "its words are in the log")
    with log.open("ab") as file:
        file.write(b"x" * (processes.LOG_KEPT + 1))
    daemons.check()
    assert log.stat().st_size == 0
    assert log.with_name("pbs_sched.log.1").stat().st_size > processes.LOG_KEPT


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
    kinds = torque_daemons(settings, tmp_path, runner)
    daemons = BatchDaemons(kinds, tmp_path, rule=RestartRule(first_wait_s=0.05))
    try:
        daemons.start()
        server.prepare(["kept"], 1000)
        server.create_nodes([NewNode("localhost", 7, note="torque-mesos: capacity")])
        before = server.read()
        os.kill(status_of(daemons, "pbs_server").pid, signal.SIGKILL)
        wait_for(lambda: status_of(daemons, "pbs_server").restarts == 1, DEADLINE_S, "a restart")

        def allowed_to_schedule() -> bool:
            daemons.check()
            return not (tmp_path / "daemons" / "pbs_server.held").exists()

        wait_for(allowed_to_schedule, DEADLINE_S, "the server may schedule")
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
