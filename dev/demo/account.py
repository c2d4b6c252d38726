"""Whose jobs the demo submits, and a folder that this account's jobs can enter."""

from __future__ import annotations

import os
import pwd
import stat
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

FIRST_UID, NOBODY = 1000, 65534
ROOT_FOLDERS = ("/var/lib", "/srv", "/opt", "/var/tmp")


class NotHere(Exception):
    """The demo cannot run as things are; the text says what to do about it."""


@dataclass(frozen=True, slots=True)
class Account:
    """An ordinary user."""

    name: str
    uid: int
    gid: int
    home: Path

    @property
    def groups(self) -> list[int]:
        """All its groups."""
        return os.getgrouplist(self.name, self.gid)

    @property
    def environment(self) -> dict[str, str]:
        """What a fresh login would set."""
        return {
            "HOME": str(self.home),
            "USER": self.name,
            "LOGNAME": self.name,
            "SHELL": "/bin/sh",
            "LANG": "C.UTF-8",
        }


def submitter(
    uid: int, environ: Mapping[str, str], entries: Iterable[pwd.struct_passwd]
) -> Account:
    """Who submits the demo's jobs when user `uid` runs it: that user, but never root.

    For root it is $SUDO_USER, or else the ordinary account with the lowest uid.

    Raises:
        NotHere: root has no ordinary account to submit as.
    """
    known = {entry.pw_name: _account(entry) for entry in entries}
    if uid != 0:
        found = [account for account in known.values() if account.uid == uid]
        if not found:
            raise NotHere(f"The user id {uid} has no name on this machine; jobs need one.")
        return found[0]
    invoker = known.get(environ.get("SUDO_USER", ""))
    if invoker is not None and invoker.uid != 0:
        return invoker
    ordinary = [account for account in known.values() if _is_ordinary(account)]
    if ordinary:
        return min(ordinary, key=lambda account: account.uid)
    raise NotHere(
        "The batch server refuses root's jobs, and this machine has no ordinary account\n"
        "(user id 1000 or more, with a home folder of its own). Make one, then try again:\n\n"
        "    useradd --create-home demo\n"
    )


def _account(entry: pwd.struct_passwd) -> Account:
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, Path(entry.pw_dir))


def _is_ordinary(account: Account) -> bool:
    if not FIRST_UID <= account.uid < NOBODY:
        return False
    try:
        return account.home.is_dir() and account.home.stat().st_uid == account.uid
    except OSError:
        return False


def fresh_folder(uid: int) -> Path:
    """A new folder for the demo. As root: one that every account can enter.

    Raises:
        NotHere: there is no place for one.
    """
    if uid != 0:
        return Path(tempfile.mkdtemp(prefix="torque-mesos-demo."))
    for parent in ROOT_FOLDERS:
        if _all_can_enter(Path(parent)):
            folder = Path(tempfile.mkdtemp(prefix="torque-mesos-demo.", dir=parent))
            folder.chmod(0o755)
            return folder
    raise NotHere(f"None of {', '.join(ROOT_FOLDERS)} can be entered by ordinary accounts.")


def _all_can_enter(folder: Path) -> bool:
    return folder.is_dir() and all(
        path.stat().st_mode & stat.S_IXOTH for path in (folder.resolve(), *folder.resolve().parents)
    )
