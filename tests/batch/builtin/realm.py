"""A MUNGE key with a munged of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tests.waiting import wait_for

PROGRAM = shutil.which("munged") or "/usr/sbin/munged"


class Realm:
    """A folder with a key and its munged."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "socket"
        key = folder / "key"
        key.write_bytes(os.urandom(64))
        key.chmod(0o600)
        self.process = subprocess.Popen(
            [PROGRAM, "--foreground", "--force", f"--socket={self.socket}", f"--key-file={key}"]
            + [f"--{name}-file={folder / name}" for name in ("pid", "log", "seed")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for(self.socket.exists, 60, "munged listens")

    @property
    def auth(self) -> str:
        return f"munge:{self.socket}"
