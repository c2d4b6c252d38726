"""Who runs the tests, and who submits jobs in them."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest


def need_root(why: str) -> None:
    """The test is skipped for everybody but root. `why`: "to be two users"."""
    if os.geteuid() != 0:
        pytest.skip(f"needs root, {why}")


def ordinary_account() -> pwd.struct_passwd | None:
    """Who submits jobs in tests: ourselves, or for root somebody with a shell and a home."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    for entry in pwd.getpwall():
        shell = entry.pw_shell.endswith("sh")
        if 1000 <= entry.pw_uid < 60000 and shell and Path(entry.pw_dir).is_dir():
            return entry
    return None


def need_account() -> pwd.struct_passwd:
    """`ordinary_account`; the test is skipped where there is none."""
    account = ordinary_account()
    if account is None:
        pytest.skip("there is no ordinary account here that could submit jobs")
    return account
