"""Daemons as processes: started so that they outlive us, and found again.

A process is known by its id and the time it was started together, so that an id which
the kernel gave to another process is never taken for it.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

LOG_KEPT = 2**20
_NAMESPACES = ("pid", "mnt", "net")


@dataclass(frozen=True, slots=True)
class Identity:
    """One process: its id, and its start in clock ticks since the boot that is named.

    (Not in seconds since 1970: that would change when the machine's clock is set.)
    """

    pid: int
    start_ticks: int
    boot: str

    def process(self) -> psutil.Process | None:
        """The process if it is still there (a zombie is not)."""
        if identify(self.pid) != self:
            return None
        try:
            return psutil.Process(self.pid)
        except psutil.NoSuchProcess:
            return None


def identify(pid: int) -> Identity | None:
    """The identity of a process that is there now and is no zombie."""
    try:
        # The name, in brackets, may hold anything; the state is the first field after it.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else Identity(pid, int(fields[19]), boot)


def write_pid_file(path: Path, identity: Identity) -> None:
    """Remember a process, whole or not at all."""
    new = path.with_suffix(".new")
    new.write_text(json.dumps(dataclasses.asdict(identity)) + "\n")
    new.replace(path)


def read_pid_file(path: Path) -> Identity | None:
    """The process that `path` remembers; None if it remembers none (or nonsense)."""
    try:
        said = json.loads(path.read_text())
        return Identity(int(said["pid"]), int(said["start_ticks"]), str(said["boot"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def start_detached(
    argv: Sequence[str], environment: Mapping[str, str], log: Path, stdin: bytes = b""
) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own; what it prints is added to `log`.

    `stdin` is all that it can read (at most a few hundred bytes).

    Raises:
        OSError: it cannot be started.
    """
    read_end, write_end = os.pipe()
    try:
        os.write(write_end, stdin)
        with log.open("ab") as output:
            return subprocess.Popen(
                list(argv),
                stdin=read_end,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                cwd="/",
                start_new_session=True,
            )
    finally:
        os.close(read_end)
        os.close(write_end)


def find(program: str, home: Path | None) -> Identity | None:
    """A process of this host that runs `program`, working in or below `home` if given.

    (TORQUE's daemons work in their home.) Processes of other namespaces, that is of
    containers on this host, are none of this host. A process whose working folder may
    not be seen is judged by its `-d` argument.
    """
    here = _namespaces(os.getpid())
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
            if not _runs(words, program) or _namespaces(process.pid) != here:
                continue
            found = home is None or _works_in(process, words, home)
            if found and (identity := identify(process.pid)):
                return identity
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return None


def _runs(words: Sequence[str], program: str) -> bool:
    """Whether a command line is of `program` itself, or of Python running it."""
    names = [os.path.basename(word) for word in words[:4]]
    if names[:1] == [program]:
        return True
    return bool(names) and names[0].startswith("python") and program in names[1:]


def _works_in(process: psutil.Process, words: Sequence[str], home: Path) -> bool:
    home = home.resolve()
    if "-d" in words[:-1] and Path(words[words.index("-d") + 1]).resolve() == home:
        return True
    try:
        folder = Path(process.cwd())
    except psutil.AccessDenied:
        return False
    return folder == home or home in folder.parents


def _namespaces(pid: int) -> tuple[str, ...]:
    """The namespaces of a process, as far as they may be seen."""
    try:
        return tuple(os.readlink(f"/proc/{pid}/ns/{kind}") for kind in _NAMESPACES)
    except OSError as error:
        raise psutil.AccessDenied(pid) from error


def bound_log(log: Path) -> None:
    """Move what a log holds to `LOG.1` if it is over `LOG_KEPT` bytes.

    It is copied and cut, for whoever writes it has it open (and appends to it).
    """
    try:
        if log.stat().st_size > LOG_KEPT:
            shutil.copyfile(log, log.with_name(log.name + ".1"))
            os.truncate(log, 0)
    except FileNotFoundError:
        return


def end_of(log: Path, characters: int = 600) -> str:
    """The end of a log, for a message."""
    try:
        with log.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - characters))
            return file.read().decode(errors="replace").strip()
    except OSError:
        return ""
