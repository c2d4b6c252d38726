"""`maui.cfg`: a site's own lines and the marked block."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torque_mesos.batch.maui import cfg

WANTED = cfg.parameters("head.example", "root")
OWN = """# of this site
SERVERHOST            vm
SERVERPORT            40559
RMCFG[VM]             TYPE=PBS
DEFERTIME[0]          01:00:00
QUEUETIMEWEIGHT       10
  RMPOLLINTERVAL      00:10:00
"""

lines = st.lists(
    st.one_of(
        st.sampled_from(OWN.splitlines()),
        st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=30),
    )
).map(lambda some: "".join(f"{line}\n" for line in some))


def test_a_file_that_is_not_there_becomes_one_that_maui_runs_with():
    values = cfg.values(cfg.with_block("", WANTED))
    assert values["SERVERHOST"] == "head.example"
    assert values["ADMIN1"] == "root"
    assert values["RMCFG[base]"] == "TYPE PBS"
    assert values["DEFERTIME"] == "0"
    assert values["JOBNODEMATCHPOLICY"] == "EXACTNODE"
    assert values["NODEPURGETIME"] == "00:00:20"
    assert values["SERVERPORT"] == "42559"


def test_what_must_be_takes_the_place_of_a_sites_line_and_the_rest_only_fills_gaps():
    text = cfg.with_block(OWN, WANTED)
    values = cfg.values(text)
    assert values["SERVERHOST"] == "head.example"
    assert values["DEFERTIME"] == "0"
    assert "DEFERTIME[0]" not in values
    assert values["SERVERPORT"] == "40559"
    assert values["QUEUETIMEWEIGHT"] == "10"
    assert text.count("RMCFG") == 1
    assert f"{cfg.DISABLED}SERVERHOST            vm\n" in text


def test_an_older_way_to_name_the_resource_manager_fills_the_gap():
    assert "RMCFG" not in cfg.with_block("RMTYPE[0] PBS\n", WANTED)


@given(lines)
def test_a_sites_lines_come_back_as_they_were(own):
    once = cfg.with_block(own, WANTED)
    assert cfg.without_block(once) == own
    assert cfg.with_block(once, WANTED) == once


def test_a_last_line_without_its_end_stays_one_of_its_own():
    assert cfg.values(cfg.with_block("QUEUETIMEWEIGHT 10", WANTED))["QUEUETIMEWEIGHT"] == "10"


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_a_sites_file_is_kept_beside_it_and_comes_back(tmp_path, mode):
    path = tmp_path / "maui.cfg"
    path.write_text(OWN)
    path.chmod(mode)
    assert cfg.write(path, WANTED)
    assert not cfg.write(path, WANTED)
    assert path.stat().st_mode & 0o777 == 0o644  # users' commands read it
    assert (tmp_path / cfg.BACKUP).read_text() == OWN
    cfg.restore(path)
    assert path.read_text() == OWN


def test_the_first_backup_is_never_overwritten(tmp_path):
    path = tmp_path / "maui.cfg"
    for own in ("QUEUETIMEWEIGHT 1\n", "QUEUETIMEWEIGHT 2\n"):
        path.write_text(own)
        cfg.write(path, WANTED)
    assert (tmp_path / cfg.BACKUP).read_text() == "QUEUETIMEWEIGHT 1\n"
    assert "QUEUETIMEWEIGHT 2" in path.read_text()


def test_a_file_that_was_made_here_goes_again_and_no_other(tmp_path):
    path = tmp_path / "maui.cfg"
    cfg.restore(path)
    cfg.write(path, WANTED)
    assert not (tmp_path / cfg.BACKUP).exists()
    cfg.restore(path)
    assert not path.exists()
    path.write_text(OWN)
    cfg.restore(path)
    assert path.read_text() == OWN


def test_bytes_that_are_no_utf8_stay(tmp_path):
    path = tmp_path / "maui.cfg"
    path.write_bytes(b"# M\xfcller\n")
    cfg.write(path, WANTED)
    assert path.read_bytes().startswith(b"# M\xfcller\n")
