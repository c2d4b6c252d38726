"""The mom's home: the folder that `pbs_mom -d` is given, made anew in a sandbox.

A real pbs_mom looks at the mode of every folder above its home: one that anybody may
write to makes it exit with status 3 and no word. A job's user must be able to pass
through all of them, and Mesos makes a sandbox 0750.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, List, Sequence

from torque_mesos.mom import pelog
from torque_mesos.mom.settings import MomSettings

SANDBOX_MODE = 0o751

# Folder -> mode, as TORQUE's own installation makes them.
SKELETON = {
    "aux": 0o755,
    "checkpoint": 0o1777,
    "mom_logs": 0o755,
    "mom_priv": 0o751,
    "mom_priv/jobs": 0o751,
    "spool": 0o1777,
    "undelivered": 0o1777,
}

# OpenPBS' pbs_mom ends when anybody else may look into its checkpoint folder.
OPENPBS_SKELETON = {
    **SKELETON,
    "checkpoint": 0o700,
    "mom_priv/hooks": 0o755,
    "mom_priv/hooks/tmp": 0o755,
}

JOB_PATH = "/usr/local/bin:/usr/bin:/bin"


class HomeError(Exception):
    """A home that jobs could use cannot be made; the message says why."""


@dataclass(frozen=True)
class Home:
    """Where things are in a mom's home."""

    path: Path

    @property
    def log(self) -> Path:
        """What `pbs_mom -L` is given."""
        return self.path / "mom_logs" / "mom.log"

    @property
    def output(self) -> Path:
        """What pbs_mom writes to its standard output and error."""
        return self.path / "mom_logs" / "output"

    @property
    def hosts(self) -> Path:
        """Addresses and names of hosts, in the form of /etc/hosts (built-in server only)."""
        return self.path / "hosts"

    def jobs(self) -> List[str]:
        """The ids of the jobs that the mom has records of."""
        try:
            names = os.listdir(self.path / "mom_priv" / "jobs")
        except FileNotFoundError:
            return []
        return sorted(name[:-3] for name in names if name.endswith(".JB"))


def make_home(settings: MomSettings, sandbox: Path, delivery: Path) -> Home:
    """Make the home (in `sandbox`, unless the settings name one) and fill it.

    `delivery` is the folder with prologue/ and epilogue/ in it (see `pelog`), which may be
    absent. Raises HomeError.
    """
    path = Path(settings.home) if settings.home else sandbox / "torque"
    home = Home(path)
    try:
        if not settings.home:
            sandbox.chmod(SANDBOX_MODE)
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o755)
        skeleton = OPENPBS_SKELETON if settings.openpbs else SKELETON
        for name, mode in skeleton.items():
            folder = path / name
            folder.mkdir(exist_ok=True)
            folder.chmod(mode)
        _write(path / "server_name", settings.server_host + "\n")
        _write(path / "pbs_environment", f"PATH={JOB_PATH}\nLANG=C\n")
        starter = pelog.job_starter(settings, path, delivery)
        _write(path / "mom_priv" / "config", mom_config(settings, starter))
        if settings.hosts:
            lines = (f"{settings.hosts[name]} {name}\n" for name in sorted(settings.hosts))
            _write(home.hosts, "".join(lines))
        pelog.install(settings, path, delivery)
    except OSError as error:
        raise HomeError(f"cannot make the mom's home {path}: {error}") from error
    if os.geteuid() == 0:
        closed = closed_folders(path)
        if closed:
            raise HomeError(
                f"jobs cannot enter the mom's home {path}: no search permission for others on "
                + ", ".join(closed)
            )
    return home


def mom_config(settings: MomSettings, more: Sequence[str] = ()) -> str:
    """The text of mom_priv/config, with further lines of ours.

    The short times are for the speed of new nodes.
    """
    torque = [
        f"$pbsserver {settings.server_host}",
        "$status_update_time 5",
        "$check_poll_time 5",
    ]
    lines = [
        *([f"$prologalarm {pelog.ALARM_S}"] if settings.openpbs else torque),
        "$logevent 0x1ff",
        *(f"$usecp {value}" for value in settings.usecp),
        *more,
        *settings.config,
    ]
    return "\n".join(lines) + "\n"


def closed_folders(path: Path) -> List[str]:
    """The folders from / to `path` that others may not pass through, with their modes."""
    return _folders(path, lambda mode: not mode & stat.S_IXOTH)


def world_writable_folders(path: Path) -> List[str]:
    """The folders from / to `path` that anybody may write to, with their modes."""
    return _folders(path, lambda mode: bool(mode & stat.S_IWOTH))


def _folders(path: Path, condition: Callable[[int], bool]) -> List[str]:
    found = []
    path = path.resolve()
    for folder in (*reversed(path.parents), path):
        mode = folder.stat().st_mode
        if condition(mode):
            found.append(f"{folder} (mode {stat.S_IMODE(mode):04o})")
    return found


def _write(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o644)
