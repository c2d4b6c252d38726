"""The scripts of a mom's, ours and a site's, and the words that they must bear."""

from __future__ import annotations

import getpass
import os
from pathlib import Path

import pytest

from torque_mesos.mom import pelog

USER = getpass.getuser()
SCRIPTS = tuple(pelog.SCRIPTS)
MAY_ABORT = ("prologue", "prologue.user")
ONLY_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can do that")
HOSTILE = (
    "a b",
    "a\nb",
    "'\"",
    "-rf",
    "--",
    "$(touch /tmp/owned)",
    "`touch /tmp/owned`",
    "; touch /tmp/owned",
    "*",
    "\\",
    "%s%n",
    "x" * 255,
    "",
    "ö\udcff".encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape"),
)


def site_script(path: Path, text: str, mode: int = 0o755) -> None:
    """Put a script of the site's there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(mode)
    for folder in (path.parent, path.parent.parent):
        folder.chmod(0o755)
