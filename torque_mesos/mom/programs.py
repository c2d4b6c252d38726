"""Where the batch server's programs are on an agent."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import List, Optional

from torque_mesos.mom.settings import MomSettings

BUILTIN_FOLDER = "builtin"
"""Where a bundle has the built-in server's pbs_mom and momctl: in its `sbin`."""

USUAL_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/opt/torque/sbin", "/usr/local/torque/sbin")
OPENPBS_FOLDERS = ("/opt/pbs/sbin", "/usr/local/pbs/sbin", "/usr/pbs/sbin")


class MomError(Exception):
    """The mom cannot be started; the message says why."""


def find_program(
    settings: MomSettings, delivery: Path, name: str, path: Optional[str]
) -> List[str]:
    """The first words of the command line that runs `name`, which is at `path` if that is set.

    `delivery` is the folder with the built-in server's mom in it. Raises MomError.
    """
    if path:
        return [path]
    if settings.builtin:
        program = delivery / BUILTIN_FOLDER / "sbin" / name
        if not program.exists():
            raise MomError(f"no {program}: the executor came without the built-in server")
        return [sys.executable, "-I", "-S", "-B", str(program)]
    folders = [*os.environ.get("PATH", "").split(":"), *USUAL_FOLDERS]
    if settings.openpbs:  # TORQUE's, which may be there too, has the same name
        folders = [*OPENPBS_FOLDERS, *folders]
    if settings.pbs_mom:
        folders.insert(0, os.path.dirname(settings.pbs_mom))
    for folder in folders:
        candidate = os.path.join(folder, name)
        if os.access(candidate, os.X_OK):
            return [candidate]
    raise MomError(f"no {name} in " + ":".join(folders))
