"""Whose jobs the demo submits, and where everything goes."""

from __future__ import annotations

import os
import pwd
import stat
from pathlib import Path

import pytest

from dev.demo import account as module
from dev.demo.account import NotHere, fresh_folder, submitter


def entry(name: str, uid: int, home: Path | str) -> pwd.struct_passwd:
    return pwd.struct_passwd((name, "x", uid, uid, "", str(home), "/bin/sh"))


ROOT = entry("root", 0, "/root")
NOBODY = entry("nobody", 65534, "/")
DAEMON = entry("daemon", 1, "/usr/sbin")


@pytest.fixture
def homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every folder here seems to belong to the uid that it is named after."""
    real = Path.stat

    def owned(self: Path, **more: bool) -> os.stat_result:
        found = real(self, **more)
        if self.parent != tmp_path:
            return found
        return os.stat_result((*found[:4], int(self.name), *found[5:]))

    monkeypatch.setattr(Path, "stat", owned)
    for uid in (1000, 1001, 1002):
        (tmp_path / str(uid)).mkdir()
    return tmp_path


def test_an_ordinary_user_submits_himself(tmp_path: Path) -> None:
    entries = [ROOT, entry("ann", 1000, tmp_path), entry("ben", 1001, tmp_path)]
    assert submitter(1001, {"SUDO_USER": "ann"}, entries).name == "ben"


def test_root_submits_as_who_called_sudo(homes: Path) -> None:
    entries = [ROOT, entry("ann", 1000, homes / "1000"), entry("ben", 1001, homes / "1001")]
    assert submitter(0, {"SUDO_USER": "ben"}, entries).name == "ben"
    assert submitter(0, {}, entries).name == "ann"


def test_root_never_submits_as_root_or_a_daemon(homes: Path) -> None:
    entries = [ROOT, DAEMON, NOBODY, entry("ben", 1001, homes / "1001")]
    assert submitter(0, {"SUDO_USER": "root"}, entries).name == "ben"
    assert submitter(0, {"SUDO_USER": "who left"}, entries).name == "ben"
    with pytest.raises(NotHere, match="useradd --create-home demo"):
        submitter(0, {"SUDO_USER": "root"}, [ROOT, DAEMON, NOBODY])


def test_an_account_needs_a_home_of_its_own(homes: Path) -> None:
    no_home = entry("ann", 1000, homes / "missing")
    others_home = entry("ben", 1001, homes / "1002")
    with pytest.raises(NotHere):
        submitter(0, {}, [ROOT, no_home, others_home])


def test_a_user_id_without_a_name_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotHere, match="4711"):
        submitter(4711, {}, [ROOT])


def test_roots_folder_can_be_entered_by_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed, opened = tmp_path / "closed", tmp_path / "open"
    opened.mkdir()
    monkeypatch.setattr(module, "ROOT_FOLDERS", (str(closed), str(opened)))
    monkeypatch.setattr(module, "_all_can_enter", lambda folder: folder == opened)
    folder = fresh_folder(0)
    assert folder.parent == opened
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755


def test_a_closed_folder_above_is_noticed(tmp_path: Path) -> None:
    inner = tmp_path / "outer" / "inner"
    inner.mkdir(parents=True)
    for path in (inner, inner.parent):
        path.chmod(0o700)
        assert not module._all_can_enter(inner)
        path.chmod(0o755)
    assert module._all_can_enter(Path("/usr/bin"))
