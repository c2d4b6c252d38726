"""What commands ask for: settings, and what the running framework tells."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from torque_mesos.cli.ending import Exit, complain, fail

if TYPE_CHECKING:
    from torque_mesos.admin.status import Status
    from torque_mesos.config import Settings
    from torque_mesos.framework.journal import Written

_SETTLES_S = 2.0


def settings_of(config: Path | None, overrides: dict[str, Any] | None = None) -> Settings:
    """The settings of a file, or of the usual ones; ends the command where they are wrong."""
    from torque_mesos.config import ConfigError, load

    try:
        return load(config, overrides=overrides)
    except ConfigError as error:
        for problem in error.problems:
            complain(str(problem))
        raise typer.Exit(Exit.WRONG_SETTINGS) from None


def with_master(config: Path | None, master: str | None) -> Settings:
    """The same, with a master; `master` is that of the command line."""
    settings = settings_of(config, {"mesos.master": master} if master else None)
    if settings.mesos.master is None:
        fail(Exit.WRONG_SETTINGS, "no Mesos master: give it as MASTER, or set mesos.master")
    return settings


def readings(socket: Path, again: bool, interval_s: float) -> Iterator[Status]:
    """The status, once or again and again until interrupted."""
    from torque_mesos.admin.client import read_status

    with _told():
        while True:
            yield read_status(socket)
            if not again:
                return
            sys.stdout.flush()
            time.sleep(interval_s)


def settled_turn(socket: Path) -> Written:
    """The last turn; of a busy framework, one whose deeds are done, if one comes soon."""
    from torque_mesos.admin.client import read_turn
    from torque_mesos.cli.plan import settled
    from torque_mesos.framework.codec import CodecError
    from torque_mesos.framework.journal import read_line

    until_s = time.monotonic() + _SETTLES_S
    with _told():
        while True:
            try:
                turn = read_line(read_turn(socket))
            except CodecError as error:
                fail(Exit.FAILED, f"{socket}: a turn that this version cannot read: {error}")
            if settled(turn) or time.monotonic() >= until_s:
                return turn
            time.sleep(0.1)


@contextmanager
def _told() -> Iterator[None]:
    """Turn what may go wrong with asking into a sentence and an exit code."""
    from torque_mesos.admin.client import BadAnswer, NoAccess, NotRunning

    try:
        yield
    except NotRunning as error:
        fail(Exit.NOT_RUNNING, f"not running here: {error}")
    except (NoAccess, BadAnswer) as error:
        fail(Exit.FAILED, str(error))
