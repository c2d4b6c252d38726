"""OpenPBS' daemons: small ones stand in for them, as for pbs_habitat and its PostgreSQL."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.batch.daemons.site import Site, end_all, gone, status_of, wait_for_end
from torque_mesos.batch.base import BatchError
from torque_mesos.batch.commands import Answer
from torque_mesos.batch.daemons import BatchDaemons, DaemonFailed, RestartRule, openpbs_daemons
from torque_mesos.batch.daemons.openpbs import PbsComm
from torque_mesos.batch.daemons.openpbs_home import MARK, OpenPbsHome, postgres_programs
from torque_mesos.batch.openpbs_settings import OpenPbsSettings

NAMES = ("pbs_comm", "pbs_server", "pbs_sched")


class OpenPbsSite(Site):
    """An OpenPBS that is installed, without a home."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, ())
        for name in NAMES:
            self.make_daemon(name, folder / "sbin")
        self.pbs_home = folder / "pbs"
        self.openpbs = OpenPbsSettings(
            bin_dir=folder / "bin",
            sbin_dir=folder / "sbin",
            home=self.pbs_home,
            server_host="localhost",
            conf_file=folder / "pbs.conf",
        )
        self.runner.answer("env", by=self.make_home)
        self.home_text = "*** End of /opt/pbs/libexec/pbs_habitat\n"

    def daemons(self, **more) -> BatchDaemons:
        kinds = openpbs_daemons(self.openpbs, self.state, self.runner)
        return BatchDaemons(kinds, self.state, clock=lambda: self.now_s, **more)

    def make_home(self) -> Answer:
        """`pbs_habitat`, whose exit code is 0 even if it failed."""
        store = self.pbs_home / "datastore"
        store.mkdir(parents=True)
        (store / "PG_VERSION").write_text("15\n")
        (store / "postmaster.pid").write_text(f"{os.getpid()}\n{store}\n")
        return Answer(("env",), 0, self.home_text, "")

    def made(self) -> int:
        return sum("pbs_habitat" in command[-1] for command in self.runner.asked)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenPbsSite]:
    made = OpenPbsSite(tmp_path)
    monkeypatch.setattr(PbsComm, "answers", lambda self: None)
    monkeypatch.setattr("torque_mesos.batch.processes.find", lambda name, home: None)
    yield made
    end_all(made, NAMES)


def started(site: OpenPbsSite, **more) -> BatchDaemons:
    daemons = site.daemons(**more)
    daemons.start()
    for name in NAMES:
        site.await_said(name)
    return daemons


def test_they_are_started_in_the_foreground_in_the_order_of_their_need(site):
    daemons = started(site)
    assert [status.name for status in daemons.check()] == list(NAMES)
    assert [site.said(name)[0]["argv"] for name in NAMES] == [["-N"]] * 3
    assert all(site.said(name)[0]["session"] for name in NAMES)
    pids = [site.said(name)[0]["pid"] for name in NAMES]
    assert pids == sorted(pids)


def test_a_home_that_is_not_there_is_made_once(site):
    daemons = started(site)
    assert site.made() == 1
    conf = site.openpbs.conf_file.read_text()
    assert f"PBS_HOME={site.pbs_home}\n" in conf
    assert "PBS_SERVER=localhost\n" in conf
    os.kill(site.said("pbs_comm")[0]["pid"], signal.SIGKILL)
    wait_for_end(daemons, "pbs_comm")
    site.now_s += 60
    daemons.check()
    site.await_said("pbs_comm", 2)
    assert site.made() == 1


def test_a_home_and_settings_that_are_there_are_used_as_they_are(site):
    site.make_home()
    own = f"PBS_EXEC=/opt/pbs\nPBS_HOME={site.pbs_home}\nPBS_SERVER=localhost\n"
    site.openpbs.conf_file.write_text(own)
    daemons = started(site)
    daemons.teardown(timeout_s=1.0)
    assert site.made() == 0
    assert site.openpbs.conf_file.read_text() == own
    assert ("qterm", "-t", "quick") in site.runner.asked
    assert all(gone(site.said(name)[0]["pid"]) for name in NAMES)


def test_settings_that_were_made_here_go_at_teardown_and_the_home_stays(site):
    started(site).teardown(timeout_s=1.0)
    assert not site.openpbs.conf_file.exists()
    assert (site.pbs_home / "datastore").exists()


def test_jobs_without_their_database_are_not_given_a_new_one(site):
    jobs = site.pbs_home / "server_priv" / "jobs"
    jobs.mkdir(parents=True)
    (jobs / "7.head.JB").write_text("")
    with pytest.raises(DaemonFailed, match="a new one would lose them"):
        site.daemons().start()
    assert site.made() == 0


def test_another_home_than_pbs_conf_names_is_told(site):
    site.openpbs.conf_file.write_text("PBS_HOME=/var/spool/other\n")
    with pytest.raises(DaemonFailed, match=r"PBS_HOME=/var/spool/other.*batch\.home"):
        site.daemons().start()


def test_a_database_that_was_not_finished_is_not_taken_for_one(site):
    refused = "qmgr: cannot connect to server\n" * 5
    site.home_text = f"{refused}qterm: could not connect to server  (15010)\n*** End\n"
    with pytest.raises(DaemonFailed, match="cannot be made: qterm: could not connect"):
        site.daemons().start()
    with pytest.raises(DaemonFailed, match="begun and not finished"):
        site.daemons().start()
    assert site.made() == 1
    assert site.said("pbs_comm") == []


def test_a_server_that_comes_up_slowly_while_its_database_is_made_is_no_failure(site):
    site.home_text = "qmgr: cannot connect to server\n" * 3 + "*** End of pbs_habitat\n"
    started(site)
    assert site.made() == 1


def test_one_that_got_nowhere_may_be_tried_again(site):
    site.runner.answer("env", by=Answer(("env",), 1, "User postgres does not exist\n", ""))
    for _ in range(2):
        with pytest.raises(DaemonFailed, match="postgres does not exist"):
            site.daemons().start()


def test_a_server_without_its_data_service_is_started_anew(site):
    daemons = started(site, rule=RestartRule(first_wait_s=1.0))
    daemons.check()
    (site.pbs_home / "datastore" / "postmaster.pid").unlink()
    site.now_s += 6
    assert status_of(daemons, "pbs_server").restarts == 0  # it may be on its way
    (site.pbs_home / "datastore" / "postmaster.pid").write_text(f"{2**22 + 1}\n")
    site.now_s += 6
    assert status_of(daemons, "pbs_server").restarts == 1
    site.await_said("pbs_server", 2)
    assert ("qterm", "-t", "quick") not in site.runner.asked


def test_a_data_service_of_another_host_is_not_looked_for(site):
    site.openpbs.conf_file.write_text("PBS_DATA_SERVICE_HOST=db\n")
    assert OpenPbsHome(site.openpbs, site.state, site.runner).data_service_runs()


def test_pbs_comm_answers_when_it_listens(tmp_path, monkeypatch):
    settings = replace(OpenPbsSettings(), home=tmp_path, server_host="localhost")
    comm = PbsComm(settings, OpenPbsHome(settings, tmp_path, None))
    with socket.create_server(("localhost", 0)) as listener:
        port = listener.getsockname()[1]
        monkeypatch.setattr("torque_mesos.batch.daemons.openpbs.COMM_PORT", port)
        comm.answers()
    with pytest.raises(BatchError, match="does not listen"):
        comm.answers()


def test_postgresqls_programs_are_those_of_the_newest_version(tmp_path, monkeypatch):
    place = "torque_mesos.batch.daemons.openpbs_home._POSTGRES"
    monkeypatch.setattr(place, (str(tmp_path / "debian"), str(tmp_path)))
    monkeypatch.setenv("PATH", "/nowhere")
    assert postgres_programs() is None
    for name in ("debian/9.6", "debian/15", "pgsql-13", "pgsql-old"):
        (tmp_path / name / "bin").mkdir(parents=True)
        (tmp_path / name / "bin" / "postgres").touch()
    assert postgres_programs() == tmp_path / "debian" / "15" / "bin"


def test_the_daemons_have_the_local_time_and_the_commands_do_not(site, monkeypatch):
    monkeypatch.delenv("TZ", raising=False)
    home = OpenPbsHome(site.openpbs, site.state, site.runner)
    assert "TZ" not in home.environment()
    assert site.openpbs.command_environment()["TZ"] == "UTC"
    assert MARK.startswith("#")
