"""When the library is used, and when it is told that it is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from torque_mesos.batch.commands import CommandRunner
from torque_mesos.batch.journal import CommandJournal
from torque_mesos.batch.library.runner import LibraryRunner
from torque_mesos.batch.openpbs_commands import PacedRunner
from torque_mesos.config import ConfigError, Settings, load
from torque_mesos.framework.calls import Calls, calls_of
from torque_mesos.framework.site import batch_settings


def settings(folder: Path, way: str, kind: str = "torque") -> Settings:
    path = folder / "torque-mesos.toml"
    path.write_text(
        f'state_dir = "{folder}"\n[batch]\nkind = "{kind}"\nmode = "existing"\n'
        f'bin_dir = "{folder}/bin"\ncalls = "{way}"\n'
    )
    return load(path, {})


def calls(folder: Path, way: str, kind: str = "torque") -> Calls:
    found = settings(folder, way, kind)
    batch = batch_settings(found)
    return calls_of(found, batch, CommandJournal(folder))


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    (tmp_path / "lib").mkdir()
    for name in ("libtorque.so", "libpbs.so"):
        (tmp_path / "lib" / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("kind", "commands"), [("torque", CommandRunner), ("openpbs", PacedRunner)]
)
def test_a_library_that_is_there_is_used(installed: Path, kind: str, commands: type) -> None:
    assert isinstance(calls(installed, "auto", kind).runner, LibraryRunner)
    assert isinstance(calls(installed, "commands", kind).runner, commands)


def test_without_one_commands_are_used(tmp_path: Path) -> None:
    found = calls(tmp_path, "auto")
    assert isinstance(found.runner, CommandRunner)
    assert found.problem is None
    assert "not found" in (calls(tmp_path, "library").problem or "")


def test_who_asks_for_it_is_told_when_it_fails(installed: Path) -> None:
    with_library = calls(installed, "library")
    assert with_library.problem is None
    words = (str(installed / "bin" / "qstat"), "-Q", "-f")
    (installed / "bin").mkdir()
    Path(words[0]).write_text("#!/bin/sh\n")
    Path(words[0]).chmod(0o755)
    with_library.runner.run(words, timeout_s=60)  # the file is no library
    assert "not its library" in (with_library.problem or "")
    with_library.close()


def test_the_builtin_server_has_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has no library"):
        settings(tmp_path, "library", "builtin")
