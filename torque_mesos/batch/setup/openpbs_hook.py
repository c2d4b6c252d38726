"""The hook that wakes us, as a part of what OpenPBS is set up with.

Only root on the server's own host may see or change hooks, managers may not.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from torque_mesos.batch.base import Refused
from torque_mesos.batch.commands import Answer
from torque_mesos.batch.openpbs_commands import accepted
from torque_mesos.batch.setup.wish import Change
from torque_mesos.batch.wake_hook import ATTRIBUTES, HOOK, TARGET, body

REASON = "else new jobs, ends of jobs and changes of nodes are noticed a little later"
_BARRED = "unauthorized to access hooks data"
_MISSING = ("hook not found", "does not exist")
_CONTENT = "application/x-python default"

Qmgr = Callable[[str], Answer]


@dataclass(frozen=True, slots=True)
class HookThere:
    """What of the hook is there. `text`: its content, None without a hook.

    `barred`: this account may not see hooks, so that nothing is known.
    """

    text: str | None
    attributes: str = ""
    barred: bool = False

    @property
    def shown(self) -> str | None:
        """A text that changes when the hook does."""
        if self.text is None:
            return None
        return hashlib.sha256(f"{self.attributes}\0{self.text}".encode()).hexdigest()[:16]


def hook_there(qmgr: Qmgr) -> HookThere:
    """Look. Raises Refused."""
    listed = qmgr(f"list {TARGET}")
    if listed.exit_code != 0:
        if any(text in listed.stderr for text in _MISSING):
            return HookThere(None)
        if _BARRED in listed.stderr:
            return HookThere(None, barred=True)
    accepted(listed)
    text = accepted(qmgr(f"export {TARGET} {_CONTENT}")).stdout
    return HookThere(text, " ".join(listed.stdout.split()))


def hook_wishes(socket: Path, there: HookThere) -> list[Change]:
    """The hook, where it is missing or has another socket. Raises Refused."""
    if there.barred or (there.text or "").strip() == body(socket).strip():
        return []
    return [Change("make", TARGET, "", None, ATTRIBUTES, REASON)]


def make_hook(qmgr: Qmgr, socket: Path, there: HookThere) -> None:
    """Make the hook, or give one that is there our text. Raises Refused or OSError."""
    text = body(socket)
    if there.text is None:
        accepted(qmgr(f"create {TARGET} {ATTRIBUTES}"))
    with tempfile.NamedTemporaryFile("w", prefix=f"{HOOK}.", suffix=".py") as file:
        file.write(text)
        file.flush()
        try:
            accepted(qmgr(f"import {TARGET} {_CONTENT} {file.name}"))
        except Refused:
            if there.text is None:
                qmgr(f"delete {TARGET}")
            raise
