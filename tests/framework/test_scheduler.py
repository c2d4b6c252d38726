"""Which batch scheduler it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.batch.maui.test_program import install
from torque_mesos.batch.maui import program
from torque_mesos.batch.processes import Identity
from torque_mesos.config import ConfigError, Settings, load
from torque_mesos.framework.scheduler import Scheduler, scheduler_of


@pytest.fixture
def settings(tmp_path: Path) -> Callable[[str], Settings]:
    def made(batch: str) -> Settings:
        path = tmp_path / "torque-mesos.toml"
        path.write_text(f'state_dir = "{tmp_path}"\n[batch]\n{batch}\n')
        return load(path, {})

    return made


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> set[str]:
    """The names of daemons that run; nothing is installed but below `tmp_path`."""
    names: set[str] = set()

    def find(name: str, home: Path | None) -> Identity | None:
        return Identity(1, 1, "boot") if name in names else None

    monkeypatch.setattr("torque_mesos.batch.processes.find", find)
    monkeypatch.setattr(program, "FOLDERS", (tmp_path / "maui",))
    monkeypatch.setenv("PATH", str(tmp_path))
    return names


ABOUT = "defaults:  server=:40559  homedir=/var/spool/maui"


def test_auto_is_maui_where_it_is_installed_and_else_pbs_sched(settings, running, tmp_path):
    assert scheduler_of(settings("")) == Scheduler("pbs_sched")
    folder = install(tmp_path / "maui", ABOUT)
    found = Scheduler("maui", folder, Path("/var/spool/maui/maui.cfg"))
    assert scheduler_of(settings("")) == found
    assert scheduler_of(settings('kind = "builtin"')) == Scheduler("pbs_sched")


def test_auto_never_changes_the_scheduler_of_a_server_that_has_one(settings, running, tmp_path):
    folder = install(tmp_path / "maui", ABOUT)
    running.add("pbs_sched")
    assert scheduler_of(settings("")).name == "pbs_sched"
    running.add("maui")
    assert scheduler_of(settings("")).maui_dir == folder


def test_what_the_settings_name_counts(settings, running, tmp_path):
    folder = install(tmp_path / "maui", ABOUT)
    assert scheduler_of(settings('scheduler = "pbs_sched"')) == Scheduler("pbs_sched")
    elsewhere = 'scheduler = "none"\nmaui_config = "/m/any.cfg"'
    assert scheduler_of(settings(elsewhere)) == Scheduler("none", maui_config=Path("/m/any.cfg"))
    own = scheduler_of(settings('scheduler = "maui"\nmaui_config = "/m/maui.cfg"'))
    assert own == Scheduler("maui", folder, Path("/m/maui.cfg"))
    assert scheduler_of(settings('scheduler = "maui"\nmaui_dir = "/nowhere"')).maui_dir is None


@pytest.mark.parametrize(
    ("batch", "key"),
    [
        ('kind = "builtin"\nscheduler = "maui"', "batch.scheduler"),
        ('scheduler = "pbs_sched"\nmaui_config = "/m/maui.cfg"', "batch.maui_config"),
        ('scheduler = "maui"\nmaui_config = "/m/other.cfg"', "batch.maui_config"),
    ],
)
def test_what_does_not_fit_is_refused(settings, batch, key):
    with pytest.raises(ConfigError, match=key):
        settings(batch)
