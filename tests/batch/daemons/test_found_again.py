from __future__ import annotations

import os
import subprocess

from tests.batch.daemons.site import Site, gone, status_of
from torque_mesos.batch import processes
from torque_mesos.batch.daemons import DaemonState


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
    assert status_of(daemons, "pbs_server").pid == pid
    daemons.teardown()
    assert gone(pid)


def test_somebody_elses_daemon_is_used_and_survives_teardown(site):
    other = subprocess.Popen([str(site.folder / "pbs_server")], stdin=subprocess.DEVNULL)
    site.await_said("pbs_server")
    daemons = site.daemons()
    daemons.start()
    status = status_of(daemons, "pbs_server")
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
        assert status_of(daemons, "pbs_server").pid != other.pid
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
