"""Maui among the daemons: a small one stands in for it, and its commands answer as recorded."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.batch.daemons.site import DEADLINE_S, Site, end_all, gone, status_of, wait_for_end
from tests.batch.recorded import recorded
from tests.waiting import wait_for
from torque_mesos.batch.base import ServerUnreachable
from torque_mesos.batch.commands import Answer
from torque_mesos.batch.daemons import BatchDaemons, DaemonFailed, DaemonState, RestartRule
from torque_mesos.batch.maui import cfg

NOTHING_DEFERRED = Answer(("diagnose",), 0, "Diagnosing blocked jobs (policylevel SOFT)\n", "")
ALL_WELL = Answer(("diagnose",), 0, "diagnosing node table (5120 slots)\n", "")
SHORT = recorded("diagnose-n-short", "maui")


class MauiSite(Site):
    """A site with `maui` in the place of pbs_sched."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, ("pbs_server", "pbs_sched"))
        self.make_daemon("maui", folder / "maui" / "sbin")
        self.config = folder / "spool" / "maui.cfg"
        self.settings = replace(
            self.settings,
            scheduler="maui",
            maui_dir=folder / "maui",
            maui_config=self.config,
        )
        self.runner.answer("showq", by=recorded("showq", "maui"))
        self.runner.answer("diagnose", "-q", by=NOTHING_DEFERRED)
        self.runner.answer("diagnose", "-n", by=ALL_WELL)
        self.runner.answer("schedctl", by=self.quit_maui)

    def quit_maui(self) -> Answer:
        os.kill(self.said("maui")[-1]["pid"], signal.SIGTERM)
        return Answer(("schedctl",), 0, "scheduler will be shutdown immediately\n", "")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[MauiSite]:
    made = MauiSite(tmp_path)
    yield made
    end_all(made)


def started(site: MauiSite, **more) -> BatchDaemons:
    daemons = site.daemons(**more)
    daemons.start()
    site.await_said("maui")
    return daemons


def test_it_is_started_after_the_server_in_the_place_of_pbs_sched(site):
    daemons = started(site)
    assert [status.name for status in daemons.check()] == ["pbs_server", "maui"]
    assert site.said("maui")[0]["argv"] == ["-d"]
    assert site.said("pbs_sched") == []
    asked = [command[0] for command in site.runner.asked]
    assert asked.index("qstat") < asked.index("showq")


def test_its_settings_are_there_before_it_starts_and_a_sites_own_are_kept(site):
    site.config.parent.mkdir()
    site.config.write_text("QUEUETIMEWEIGHT 10\nDEFERTIME 01:00:00\n")
    daemons = started(site)
    values = cfg.values(site.config.read_text())
    assert values["DEFERTIME"] == "0"
    assert values["QUEUETIMEWEIGHT"] == "10"
    assert (site.config.parent / "log").is_dir()
    assert site.settings.command_environment()["MAUIHOMEDIR"] == str(site.config.parent)
    daemons.teardown()
    assert site.config.read_text() == "QUEUETIMEWEIGHT 10\nDEFERTIME 01:00:00\n"
    assert ("schedctl", "-k") in site.runner.asked
    assert gone(site.said("maui")[0]["pid"])


def test_a_maui_that_others_run_is_used_with_its_own_settings(site, monkeypatch):
    from torque_mesos.batch import processes

    own = processes.identify(os.getpid())
    monkeypatch.setattr(processes, "find", lambda name, home: own if name == "maui" else None)
    daemons = site.daemons()
    daemons.start()
    site.await_said("pbs_server")
    assert status_of(daemons, "maui").state is DaemonState.FOUND
    daemons.teardown()
    assert not site.config.exists()
    assert ("schedctl", "-k") not in site.runner.asked


def test_what_an_earlier_one_has_deferred_is_released_once(site):
    site.runner.answer("diagnose", "-q", by=recorded("diagnose-q-defer", "maui"))
    daemons = started(site)
    daemons.check()
    released = [command[2] for command in site.runner.asked if command[0] == "releasehold"]
    assert len(released) == 11
    assert r"11\[2\]" in released
    assert "3" not in released  # somebody holds it


def test_one_that_lets_nobody_ask_is_used_all_the_same(site):
    refused = Answer(("diagnose",), 1, "", "ERROR:    user 'root' is not authorized\n")
    site.runner.answer("diagnose", by=refused)
    daemons = started(site)
    assert status_of(daemons, "maui").state is DaemonState.RUNNING


def test_what_is_deferred_is_released_when_it_knows_of_jobs_at_last(site):
    site.runner.answer("diagnose", "-q", by=recorded("diagnose-q-none", "maui"))
    daemons = started(site)
    daemons.check()
    site.runner.answer("diagnose", "-q", by=recorded("diagnose-q-defer", "maui"))
    site.now_s += 20
    daemons.check()
    assert ("releasehold", "-a", "10") in site.runner.asked


def test_one_that_is_killed_comes_back_and_releases_again(site):
    daemons = started(site, rule=RestartRule(first_wait_s=1.0))
    site.runner.answer("diagnose", "-q", by=recorded("diagnose-q-defer", "maui"))
    os.kill(site.said("maui")[0]["pid"], signal.SIGSEGV)
    wait_for_end(daemons, "maui")
    site.now_s += 1.1
    assert status_of(daemons, "maui").restarts == 1
    site.await_said("maui", 2)
    daemons.check()
    assert ("releasehold", "-a", "10") in site.runner.asked


def test_one_that_ends_at_once_is_told_with_what_it_said(site):
    (site.folder / "maui.said.die").write_text("")
    site.runner.answer("showq", by=recorded("showq-away", "maui"))
    with pytest.raises(DaemonFailed, match=r"maui ended with exit code 5.*no room"):
        site.daemons().start()


def test_one_that_is_not_installed_is_told(site):
    site.settings = replace(site.settings, maui_dir=None)
    with pytest.raises(DaemonFailed, match=r"set batch\.maui_dir"):
        site.daemons().start()


def test_a_node_that_has_grown_since_it_was_seen_makes_it_start_anew_but_once(site):
    daemons = started(site)
    daemons.check()
    site.runner.answer("diagnose", "-n", by=SHORT)
    site.now_s += 10
    assert status_of(daemons, "maui").restarts == 0  # it does not look so often
    site.now_s += 10
    assert status_of(daemons, "maui").restarts == 1
    site.await_said("maui", 2)
    for _ in range(5):  # that has not helped: what is wrong is something else
        site.now_s += 20
        daemons.check()
    assert status_of(daemons, "maui").restarts == 1


def test_the_capacity_record_alone_is_no_reason(site):
    daemons = started(site)
    text = SHORT.stdout.replace("n1       ", "localhost")
    site.runner.answer("diagnose", "-n", by=replace(SHORT, stdout=text))
    site.now_s += 20
    daemons.check()
    assert status_of(daemons, "maui").restarts == 0


def test_one_that_hangs_is_started_anew(site):
    daemons = started(site)
    site.runner.answer("diagnose", "-n", by=ServerUnreachable("diagnose did not end within 30 s"))
    site.runner.answer("schedctl", by=ServerUnreachable("no answer"))
    first = site.said("maui")[0]["pid"]
    for restarts in (0, 0, 1):
        site.now_s += 20
        daemons.check()
        assert status_of(daemons, "maui").restarts == restarts
    wait_for(lambda: gone(first), DEADLINE_S, "the first one has ended")


def test_another_scheduler_than_before_takes_the_place_of_ours(site):
    site.settings = replace(site.settings, scheduler="pbs_sched", maui_config=None)
    site.daemons().start()
    sched = site.await_said("pbs_sched")["pid"]
    site.settings = replace(site.settings, scheduler="maui", maui_config=site.config)
    started(site)
    assert gone(sched)


def test_none_starts_none(site):
    site.settings = replace(site.settings, scheduler="none", maui_config=None)
    daemons = site.daemons()
    daemons.start()
    assert [status.name for status in daemons.check()] == ["pbs_server"]
