from __future__ import annotations

import pytest

from tests.batch.daemons.site import DEADLINE_S
from tests.waiting import wait_for
from torque_mesos.batch.base import ServerUnreachable
from torque_mesos.batch.commands import Answer
from torque_mesos.batch.daemons import (
    DaemonFailed,
    DaemonState,
    torque_daemons,
)


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
    log = site.state / "daemons/pbs_server.log"
    wait_for(lambda: "I am pbs_server" in log.read_text(), DEADLINE_S, "its words are in the log")


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


def test_answers_tells_whether_the_server_answers(site):
    (server, _) = torque_daemons(site.settings, site.state, site.runner)
    server.answers()
    site.runner.answer("qstat", by=Answer(("qstat",), 111, "", "cannot connect to server"))
    with pytest.raises(ServerUnreachable):
        server.answers()
