"""OpenPBS' `sched_config`: whether its scheduler looks at the resources that jobs ask for.

The scheduler looks only at the resources in the line `resources:` (and at boolean ones). A
job that asks for another one is put on any node.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

_LINE = re.compile(r'^[ \t]*resources:[ \t]*"?([^"\n]*)"?[^\n]*', re.MULTILINE)
_RESOURCE = re.compile(r"^Resource (\S+)$")
_NEEDED = ("ncpus", "host", "vnode")


@dataclass(frozen=True, slots=True)
class LookedAt:
    """The line `resources:` of the scheduler's settings, and what is not in it but should be."""

    path: Path
    line: str | None
    missing: tuple[str, ...]

    def mended(self) -> str:
        """The line with what is missing. A file without the line gets one at its end."""
        present = _LINE.search(self.line or "")
        named = [name.strip() for name in present[1].split(",")] if present else []
        return f'resources: "{", ".join([*filter(None, named), *self.missing])}"'


def looked_at(home: Path, resources: str) -> LookedAt | None:
    """What the scheduler looks at; None where its settings cannot be read.

    `resources`: what `qmgr -c "list resource"` printed.
    """
    path = home / "sched_priv" / "sched_config"
    try:
        text = path.read_text(errors="replace")
    except OSError:
        return None
    match = _LINE.search(text)
    known = {name.strip() for name in match[1].split(",")} if match else set()
    wanted = [*_NEEDED, *_custom(resources)]
    line = match[0].lstrip("\n") if match else None
    return LookedAt(path, line, tuple(name for name in wanted if name not in known))


def sched_problems(home: Path, resources: str) -> tuple[str, ...]:
    """What is wrong with the scheduler's settings; nothing where they cannot be read.

    `resources`: what `qmgr -c "list resource"` printed.
    """
    found = looked_at(home, resources)
    if found is None:
        return ()
    return tuple(
        f"resource {name} is not in the line `resources:` of {found.path}: the scheduler does not"
        " look at it; add it there and send pbs_sched a SIGHUP (or: torque-mesos setup-server)"
        for name in found.missing
    )


def replace_line(path: Path, old: str | None, new: str | None) -> None:
    """Put a line in the place of another, atomically; None: none.

    Raises OSError, also when the old line is not there.
    """
    status = path.stat()
    lines = path.read_text(errors="surrogateescape").splitlines()
    if old is None:
        lines.append(new or "")
    elif old not in lines:
        raise OSError(f"{path} has no line {old!r:.200}")
    else:
        place = lines.index(old)
        lines[place : place + 1] = [] if new is None else [new]
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text("\n".join(lines) + "\n", errors="surrogateescape")
    os.chmod(partial, status.st_mode & 0o7777)
    os.chown(partial, status.st_uid, status.st_gid)
    partial.replace(path)


def _custom(text: str) -> list[str]:
    """The resources of nodes (flag h) that the scheduler must be told of: not booleans."""
    found: list[str] = []
    name = kind = ""
    for line in [*text.splitlines(), "Resource ."]:
        if match := _RESOURCE.match(line.strip()):
            name, kind = match[1], ""
            continue
        key, _, value = line.strip().partition(" = ")
        if key == "type":
            kind = value
        elif key == "flag" and "h" in value and name and kind != "boolean":
            found.append(name)
    return found
