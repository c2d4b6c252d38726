"""Gathering what is on the disk: folders, accounts, room."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from torque_mesos.batch.openpbs_settings import OpenPbsSettings
from torque_mesos.batch.torque_settings import TorqueSettings
from torque_mesos.config import Settings
from torque_mesos.doctor.elsewhere import MesosAgent, work_dir
from torque_mesos.doctor.facts import Disk, Folder, Side, User

_TORQUE_SERVER = {
    "spool": (0o1777, True),
    "undelivered": (0o1777, True),
    "checkpoint": (0o1777, False),
    "server_priv": (0o750, False),
    "server_logs": (0o755, False),
    "mom_priv": (0o751, False),
    "aux": (0o755, False),
}
_OPENPBS_SERVER = {
    "spool": (0o1777, True),
    "undelivered": (0o1777, True),
    "server_priv": (0o750, False),
    "sched_priv": (0o750, False),
}


def server_folders(batch: TorqueSettings | OpenPbsSettings) -> tuple[Folder, ...]:
    """The folders of the server, with the modes that it wants."""
    wanted = _OPENPBS_SERVER if isinstance(batch, OpenPbsSettings) else _TORQUE_SERVER
    return tuple(
        _folder(batch.home / name, mode, exactly=exactly)
        for name, (mode, exactly) in wanted.items()
    )


def agent_folders(settings: Settings, agent: MesosAgent | None) -> tuple[Folder, ...]:
    """The mom's home, or where the agent makes sandboxes."""
    if settings.executor.mom_home is not None:
        return (_folder(settings.executor.mom_home, 0o755, above=True),)
    sandboxes = None if agent is None else work_dir(agent)
    if sandboxes is None:
        return ()
    return (_folder(Path(sandboxes), 0o755, above=True, sandbox=True),)


def _folder(
    path: Path, wanted: int, *, exactly: bool = False, above: bool = False, sandbox: bool = False
) -> Folder:
    from torque_mesos.mom.home import world_writable_folders

    try:
        status = path.stat()
        mode: int | None = status.st_mode & 0o7777
        uid: int | None = status.st_uid
        chain = tuple(world_writable_folders(path)) if above else ()
    except OSError:
        mode, uid, chain = None, None, ()
    return Folder(str(path), mode, uid, wanted, exactly, chain, sandbox)


def there(path: Path) -> str | None:
    """The path, if something is there."""
    try:
        return str(path) if path.exists() else None
    except OSError:
        return None


def user(name: str) -> User:
    """An account of this host."""
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return User(name, None)
    return User(name, entry.pw_uid, entry.pw_gid, Path(entry.pw_dir).is_dir())


def disks(
    settings: Settings, batch: TorqueSettings | OpenPbsSettings, side: Side
) -> tuple[Disk, ...]:
    """The file systems that fill up."""
    wanted = [settings.state_dir, batch.home] if side == "server" else [settings.executor.scratch]
    found: dict[int, Disk] = {}
    for path in wanted:
        there = next((p for p in (path, *path.parents) if p.exists()), Path("/"))
        room = os.statvfs(there)
        files = room.f_favail if room.f_files else None
        size = room.f_frsize / 2**20
        seen = Disk(str(there), room.f_bavail * size, room.f_blocks * size, files)
        found.setdefault(there.stat().st_dev, seen)
    return tuple(found.values())
