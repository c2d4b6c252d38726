"""OpenPBS' `sched_config`: whether its scheduler looks at the resources that jobs ask for.

The scheduler looks only at the resources in the line `resources:` (and at boolean ones). A
job that asks for another one is put on any node.
"""

from __future__ import annotations

import re
from pathlib import Path

_LINE = re.compile(r'^\s*resources:\s*"?([^"\n]*)"?', re.MULTILINE)
_RESOURCE = re.compile(r"^Resource (\S+)$")
_NEEDED = ("ncpus", "host", "vnode")


def sched_problems(home: Path, resources: str) -> tuple[str, ...]:
    """What is wrong with the scheduler's settings; nothing where they cannot be read.

    `resources`: what `qmgr -c "list resource"` printed.
    """
    path = home / "sched_priv" / "sched_config"
    try:
        text = path.read_text(errors="replace")
    except OSError:
        return ()
    match = _LINE.search(text)
    looked_at = {name.strip() for name in match[1].split(",")} if match else set()
    wanted = [*_NEEDED, *_custom(resources)]
    missing = [name for name in wanted if name not in looked_at]
    return tuple(
        f"resource {name} is not in the line `resources:` of {path}: the scheduler does not"
        " look at it; add it there and send pbs_sched a SIGHUP"
        for name in missing
    )


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
