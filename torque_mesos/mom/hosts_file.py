"""Names of hosts where no name server knows them: a marked block at the end of /etc/hosts.

Both the framework's host and the agents keep one; each block has a mark of its own, and what
is outside of it is nobody's business but the administrator's. The file is replaced in one
step. Where it is mounted (in a container), that cannot be: it is then written in place.
Or a command of the site is called instead:

    HOOK keep MARK < lines        HOOK remove MARK < /dev/null

Both sides import this module, so it needs nothing but Python 3.9.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import ipaddress
import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, Iterator, List, Mapping, Optional, Tuple

HOOK_S = 30.0

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9][A-Za-z0-9_-]*)*")
_MARK = re.compile(r"[A-Za-z0-9_. -]+")

Names = Mapping[str, Tuple[str, ...]]
"""Addresses, each with its names; the first of them is what the address resolves to."""


class NamesError(Exception):
    """The names could not be made known here; the message says why."""


def with_block(text: str, mark: str, names: Names) -> str:
    """The text of a hosts file with `names` in the block of `mark`; none: without the block.

    Names that are in the file outside of any such block are left out: there the administrator
    has spoken. A block that was cut off ends where the next one begins, or with the file.
    """
    begin, end = _begin(mark), _end(mark)
    kept: List[str] = []
    inside = False
    for line in text.splitlines():
        if line == begin:
            inside = True
        elif inside and line == end:
            inside = False
        elif not inside or line.startswith("# torque-mesos "):
            inside = False
            kept.append(line)
    while kept and not kept[-1].strip():
        kept.pop()
    lines = block(names, known=_outside(kept))
    if lines:
        kept += [begin, *lines, end]
    return "\n".join(kept) + "\n" if kept else ""


def block(names: Names, known: Tuple[str, ...] = ()) -> List[str]:
    """The lines of names, but for those that are known. Raises NamesError for bad ones."""
    lines = []
    for address in sorted(names, key=_order):
        wanted = [check_name(name) for name in names[address] if name not in known]
        if wanted:
            lines.append(" ".join([address, *dict.fromkeys(wanted)]))
    return lines


def check_name(name: str) -> str:
    """A name that may stand in a hosts file. Raises NamesError."""
    if not _NAME.fullmatch(name) or len(name) > 253:
        raise NamesError(
            f"{name!r:.80} is no name of a host: right would be letters, digits, '-', '_' and dots,"
            " as in n1.cluster.test"
        )
    return name


@dataclass
class HostNames:
    """Keeps names known on this host. Without `hosts_file` and `hook` it does nothing.

    `mark` tells this block from those of others: letters, digits, `_`, `.`, `-` and blanks.
    """

    mark: str
    hosts_file: Optional[str] = None
    hook: Optional[str] = None
    _last: Optional[Dict[str, Tuple[str, ...]]] = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not _MARK.fullmatch(self.mark):
            raise NamesError(f"{self.mark!r:.80} cannot mark a block")

    @property
    def used(self) -> bool:
        """Whether there is anything to be kept."""
        return bool(self.hosts_file or self.hook)

    def keep(self, names: Names) -> None:
        """Make these names known here, and no others of ours. Raises NamesError."""
        wanted = {address: tuple(names[address]) for address in names}
        if not self.used or (wanted == self._last and self._untouched()):
            return
        self._do("keep", wanted)
        self._last = wanted

    def remove(self) -> None:
        """Take all of ours away. Raises NamesError."""
        if self.used:
            self._do("remove", {})
            self._last = None

    def _do(self, verb: str, names: Names) -> None:
        if self.hook:
            _call(self.hook, verb, self.mark, block(names))
        elif self.hosts_file:
            change(Path(self.hosts_file), self.mark, names)

    def _untouched(self) -> bool:
        """Whether the block is still there: somebody may have written the file anew."""
        if not self.hosts_file or self.hook or not self._last:
            return True
        try:
            return _end(self.mark) in Path(self.hosts_file).read_text(errors="replace")
        except OSError:
            return False


def change(path: Path, mark: str, names: Names) -> bool:
    """Put the block into the file, or take it away; whether that changed anything.

    Raises NamesError.
    """
    try:
        with _locked(path.parent):
            before = path.read_text(errors="surrogateescape")
            after = with_block(before, mark, names)
            if after == before or (not names and _begin(mark) not in before):
                return False
            _replace(path, after)
    except OSError as error:
        raise NamesError(f"{path} cannot be changed: {error}") from error
    return True


def _replace(path: Path, text: str) -> None:
    real = path.resolve()
    status = real.stat()
    partial = real.with_name(f".{real.name}.torque-mesos")
    data = text.encode(errors="surrogateescape")
    try:
        number = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(number, "wb") as file:
                file.write(data)
                file.flush()
                os.fchmod(file.fileno(), status.st_mode & 0o7777)
                os.fchown(file.fileno(), status.st_uid, status.st_gid)
                os.fsync(file.fileno())
            os.replace(partial, real)
        finally:
            with contextlib.suppress(FileNotFoundError):
                partial.unlink()
    except OSError as error:
        if error.errno not in (errno.EBUSY, errno.EXDEV, errno.EROFS):
            raise
        with real.open("r+b") as file:  # the file is a mount: nothing can take its place
            file.write(data)
            file.truncate()


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One of us at a time: framework and executor may be on one host."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(number, fcntl.LOCK_EX)
        yield
    finally:
        os.close(number)


def _call(hook: str, verb: str, mark: str, lines: List[str]) -> None:
    try:
        done = subprocess.run(
            [hook, verb, mark],
            input="".join(line + "\n" for line in lines),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=HOOK_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NamesError(f"{hook} {verb}: {error}") from error
    if done.returncode != 0:
        said = " ".join(done.stdout.split())[:200]
        raise NamesError(f"{hook} {verb}: exit {done.returncode}: {said}")


def _begin(mark: str) -> str:
    return f"# torque-mesos {mark}: begin (written by torque-mesos, and removed by it)"


def _end(mark: str) -> str:
    return f"# torque-mesos {mark}: end"


def _outside(lines: List[str]) -> Tuple[str, ...]:
    """The names in the file that no block of ours has."""
    found: List[str] = []
    inside = False
    for line in lines:
        if line.startswith("# torque-mesos "):
            inside = ": begin" in line
        elif not inside:
            found += line.partition("#")[0].split()[1:]
    return tuple(found)


def _order(address: str) -> int:
    try:
        return int(ipaddress.IPv4Address(address))
    except ValueError:
        raise NamesError(f"{address!r:.80} is no IPv4 address") from None
