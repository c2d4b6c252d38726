"""Where Maui is, and what is read out of its program."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from torque_mesos.batch.maui import program
from torque_mesos.batch.maui.program import Tables

SIZES = {"MNode": 8 * 6000, "MJob": 8 * 4096, "MRes": 8 * 1024, "MAList": 512 * 256, "main": 9}


def elf(sizes: dict[str, int]) -> bytes:
    """A program that has nothing but a table of symbols, and their names."""
    names, symbols = b"\0", bytes(24)
    for name, size in sizes.items():
        symbols += struct.pack("<IBBHQQ", len(names), 0, 0, 0, 0, size)
        names += name.encode() + b"\0"
    head = 64
    sections = struct.pack("<IIQQQQIIQQ", 0, 2, 0, 0, head, len(symbols), 1, 0, 8, 24)
    sections += struct.pack("<IIQQQQIIQQ", 0, 3, 0, 0, head + len(symbols), len(names), 0, 0, 1, 0)
    at = head + len(symbols) + len(names)
    begin = b"\x7fELF\x02\x01".ljust(0x28, b"\0") + struct.pack("<Q", at)
    return begin.ljust(0x3A, b"\0") + struct.pack("<HHH", 64, 2, 0) + symbols + names + sections


def install(folder: Path, about: str) -> Path:
    (folder / "sbin").mkdir(parents=True)
    (folder / "bin").mkdir()
    (folder / "bin" / "showq").touch()
    daemon = folder / "sbin" / "maui"
    daemon.write_text(f"#!/bin/sh\necho '{about}' >&2\n")
    daemon.chmod(0o755)
    return folder


def test_its_tables_are_as_large_as_its_symbols_say(tmp_path):
    path = tmp_path / "maui"
    path.write_bytes(elf(SIZES))
    assert program.tables(path) == Tables(6000, 4096, 1024, 256)


@pytest.mark.parametrize(
    "data",
    [b"", b"#!/bin/sh\n", elf({"main": 1}), elf({**SIZES, "MNode": 0}), elf(SIZES)[:200]],
)
def test_a_program_that_does_not_tell_is_no_fault(tmp_path, data):
    path = tmp_path / "maui"
    path.write_bytes(data)
    assert program.tables(path) is None
    assert program.tables(tmp_path / "none") is None


def test_its_home_is_the_one_that_is_compiled_in(tmp_path):
    maui = install(tmp_path / "maui", "defaults:  server=:40559  homedir=/var/spool/maui")
    assert program.compiled_home(maui) == Path("/var/spool/maui")
    assert program.compiled_home(tmp_path / "none") is None
    assert program.compiled_home(install(tmp_path / "other", "Hello")) is None


def test_it_is_found_on_the_path(tmp_path, monkeypatch):
    monkeypatch.setattr(program, "FOLDERS", ())
    monkeypatch.setenv("PATH", str(tmp_path / "maui" / "sbin"))
    assert program.find() is None
    maui = install(tmp_path / "maui", "")
    assert program.find() == maui
    assert program.find(tmp_path) is None
    assert program.find(maui) == maui
