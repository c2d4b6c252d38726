"""`maui.cfg` as an elastic cluster needs it: a site's own lines stay, a marked block is added.

Of two lines with SERVERHOST Maui and its commands take the first. So a line that the block
takes the place of is made a comment, which begins with `DISABLED`, and is made a line again
by `without_block`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

BEGIN = "# torque-mesos: begin. Written anew at each start of torque-mesos; change other lines."
END = "# torque-mesos: end"
DISABLED = "#torque-mesos# "
BACKUP = "maui.cfg.before-torque-mesos"
DEFAULT_PORT = 42559

_BLOCK = re.compile(rf"^{re.escape(BEGIN)}\n.*?^{re.escape(END)}\n", re.DOTALL | re.MULTILINE)
_NAME = re.compile(r"([A-Z0-9]+)(?:\[[^\]]*\])?[\s=]")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A line of the block: `must` takes the place of a site's own line, others only fill a gap.

    `name` may have an index, as in `RMCFG[base]`; `instead` are further names that fill the gap.
    """

    name: str
    value: str
    reason: str
    must: bool = False
    instead: tuple[str, ...] = ()


def parameters(server_host: str, account: str) -> tuple[Parameter, ...]:
    """What Maui needs here. `account`: who it runs as; it may give all of Maui's commands."""
    return (
        Parameter("SERVERHOST", server_host, "it starts nowhere else", must=True),
        Parameter("SERVERPORT", str(DEFAULT_PORT), "where its commands ask"),
        Parameter("SERVERMODE", "NORMAL", "it starts jobs"),
        Parameter("ADMIN1", account, "the first one is the account it runs as"),
        Parameter(
            "RMCFG[base]", "TYPE=PBS", "the pbs_server of this host", instead=("RMTYPE", "RMNAME")
        ),
        Parameter(
            "RMPOLLINTERVAL",
            "00:00:05",
            "a new node, and more slots of one, are no event for it; it is also told",
            must=True,
        ),
        Parameter(
            "DEFERTIME",
            "0",
            "else a job that needs more than what is up is put aside for an hour",
            must=True,
        ),
        Parameter(
            "NODEPURGETIME",
            "00:00:20",
            "else a node whose record is deleted is chosen for jobs for ever",
        ),
        Parameter(
            "JOBNODEMATCHPOLICY",
            "EXACTNODE",
            "else nodes=2 may be two slots of one host, which nobody counts on",
        ),
        Parameter("ENABLEMULTIREQJOBS", "TRUE", "else nodes=1:ppn=3+1:ppn=1 never runs"),
        Parameter("NODEACCESSPOLICY", "SHARED", "jobs share hosts, as slots do"),
        Parameter("NODEALLOCATIONPOLICY", "MINRESOURCE", "small hosts first"),
        Parameter("BACKFILLPOLICY", "FIRSTFIT", "small jobs use what a reservation leaves"),
        Parameter("RESERVATIONPOLICY", "CURRENTHIGHEST", "the first job in order gets its turn"),
        Parameter("LOGFILE", "maui.log", "in log/"),
        Parameter("LOGFILEMAXSIZE", "10000000", "then it is rolled"),
        Parameter("LOGLEVEL", "1", "3 writes hundreds of lines in a minute"),
    )


def with_block(text: str, wanted: Sequence[Parameter]) -> str:
    """`text` with the block that is wanted, in the place of an older one."""
    own = without_block(text)
    there = {found.group(1) for line in own.splitlines() if (found := _NAME.match(line))}
    must = {_base(item.name) for item in wanted if item.must}
    kept = [
        f"{DISABLED}{line}" if (found := _NAME.match(line)) and found.group(1) in must else line
        for line in own.splitlines(keepends=True)
    ]
    lines = [BEGIN]
    for item in wanted:
        if item.must or not {_base(item.name), *item.instead} & there:
            lines += [f"# {item.reason}", f"{item.name} {item.value}"]
    gap = "" if not kept or kept[-1].endswith("\n") else "\n"
    return "".join(kept) + gap + "\n".join([*lines, END]) + "\n"


def without_block(text: str) -> str:
    """A site's own lines, as they were (but for a line end at the end, which there is then)."""
    lines = _BLOCK.sub("", text).splitlines(keepends=True)
    return "".join(line.removeprefix(DISABLED) for line in lines)


def write(path: Path, wanted: Sequence[Parameter]) -> bool:
    """Bring a `maui.cfg` to what is wanted; whether that changed it.

    What was there without a block is kept beside it, once, as `BACKUP`.

    Raises:
        OSError: it cannot be read or written.
    """
    old = path.read_text(errors="surrogateescape") if path.exists() else None
    new = with_block(old or "", wanted)
    if new == old:
        return False
    backup = path.with_name(BACKUP)
    if old is not None and BEGIN not in old and not backup.exists():
        _replace(backup, old)
    _replace(path, new)
    return True


def restore(path: Path) -> None:
    """Take the block out again; a file that is nothing but the block goes. Raises OSError."""
    if not path.exists():
        return
    old = path.read_text(errors="surrogateescape")
    if BEGIN not in old:
        return
    if own := without_block(old):
        _replace(path, own)
    else:
        path.unlink()


def values(text: str) -> dict[str, str]:
    """What holds of each parameter without an index: its first line."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        words = line.partition("#")[0].replace("=", " ").split(None, 1)
        if line[:1].isupper() and len(words) == 2:
            found.setdefault(words[0], words[1].strip())
    return found


def _base(name: str) -> str:
    return name.partition("[")[0]


def _replace(path: Path, text: str) -> None:
    """Write a file whole or not at all. Maui's commands read it as whoever calls them."""
    new = path.with_name(f"{path.name}.new")
    new.write_text(text, errors="surrogateescape")
    new.chmod(0o644)
    os.replace(new, path)
