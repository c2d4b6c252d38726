"""Where a Maui is, and what is compiled into it: its home, and the sizes of its tables."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

FOLDERS = (Path("/usr/local/maui"), Path("/opt/maui"), Path("/usr/local"), Path("/usr"))
_HOME = re.compile(r"\bhomedir=(/\S+)")
_ASK_S = 10.0
_POINTER = 8  # of a table of pointers, on a machine of 64 bits
# Its lists of words: MAList[8][MAX_MATTR][MAX_MNAME], MAX_MNAME being 64.
_LIST = 8 * 64
_SYMTAB = 2
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")


@dataclass(frozen=True, slots=True)
class Tables:
    """For how many there is room."""

    nodes: int
    jobs: int
    reservations: int
    properties: int


def find(folder: Path | None = None) -> Path | None:
    """Where Maui is installed (`sbin/maui` and `bin/showq` below it); None where it is not."""
    if folder is not None:
        return folder if is_maui(folder) else None
    if (program := shutil.which("maui")) and is_maui(found := Path(program).resolve().parents[1]):
        return found
    return next((item for item in FOLDERS if is_maui(item)), None)


def is_maui(folder: Path) -> bool:
    """Whether a folder has its daemon and its commands."""
    return (folder / "sbin" / "maui").is_file() and (folder / "bin" / "showq").exists()


def compiled_home(folder: Path) -> Path | None:
    """The home that is compiled in (`--about` tells); None where that cannot be learned."""
    try:
        done = subprocess.run(
            [str(folder / "sbin" / "maui"), "--about"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_ASK_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = _HOME.search(done.stdout + done.stderr)
    return Path(found.group(1)) if found else None


def tables(program: Path) -> Tables | None:
    """The sizes of Maui's tables, from its symbols; None where it was stripped of them."""
    try:
        sizes = _sizes(program.read_bytes())
    except (OSError, struct.error, ValueError, IndexError):
        return None
    if not all(sizes.get(name) for name in ("MNode", "MJob", "MRes", "MAList")):
        return None
    return Tables(
        nodes=sizes["MNode"] // _POINTER,
        jobs=sizes["MJob"] // _POINTER,
        reservations=sizes["MRes"] // _POINTER,
        properties=sizes["MAList"] // _LIST,
    )


def _sizes(data: bytes) -> Mapping[str, int]:
    """The sizes of a program's variables by name (ELF of 64 bits, little-endian)."""
    if data[:6] != b"\x7fELF\x02\x01":
        raise ValueError("not such a program")
    (offset,) = struct.unpack_from("<Q", data, 0x28)
    size, count = struct.unpack_from("<HH", data, 0x3A)
    sections = [_SECTION.unpack_from(data, offset + number * size) for number in range(count)]
    return dict(_symbols(data, sections))


def _symbols(data: bytes, sections: list[tuple[int, ...]]) -> Iterator[tuple[str, int]]:
    for section in sections:
        if section[1] != _SYMTAB:
            continue
        start, length, names = section[4], section[5], sections[section[6]][4]
        for at in range(start, start + length, _SYMBOL.size):
            name, _, _, _, _, size = _SYMBOL.unpack_from(data, at)
            end = data.index(b"\0", names + name)
            if size:
                yield data[names + name : end].decode(errors="replace"), size
