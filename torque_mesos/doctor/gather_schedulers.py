"""Gathering what is known of the batch scheduler of this host."""

from __future__ import annotations

from pathlib import Path

from torque_mesos.batch import processes
from torque_mesos.batch.base import BatchError
from torque_mesos.batch.commands import CommandRunner
from torque_mesos.batch.maui import cfg, program
from torque_mesos.batch.maui.client import KeyDiffers, MauiCommands
from torque_mesos.batch.sched_config import values
from torque_mesos.batch.torque_settings import TorqueSettings
from torque_mesos.doctor.facts import Maui, PbsSched


def maui(batch: TorqueSettings) -> Maui | None:
    """What is known of Maui, where it schedules this TORQUE."""
    if batch.maui_config is None:
        return None
    text = _text(batch.maui_config)
    error, other_key = "", False
    deferred: tuple[str, ...] = ()
    folder = batch.maui_dir
    if folder is not None:
        commands = MauiCommands(folder / "bin", CommandRunner(batch.command_environment()))
        try:
            commands.answers()
        except BatchError as failure:
            error, other_key = str(failure), isinstance(failure, KeyDiffers)
        deferred = () if error else _deferred(commands)
    return Maui(
        config=str(batch.maui_config),
        running=processes.find("maui", None) is not None,
        error=error,
        other_key=other_key,
        tables=None if folder is None else program.tables(folder / "sbin" / "maui"),
        values=None if text is None else cfg.values(text),
        deferred=deferred,
    )


def pbs_sched(batch: TorqueSettings) -> PbsSched | None:
    """What is known of pbs_sched, where it schedules this TORQUE."""
    if batch.scheduler != "pbs_sched" or batch.maui_config is not None:
        return None
    path = batch.home / "sched_priv" / "sched_config"
    text = _text(path)
    return PbsSched(str(path), None if text is None else values(text))


def _deferred(commands: MauiCommands) -> tuple[str, ...]:
    try:
        return commands.deferred() or ()
    except BatchError:  # only its administrators may ask
        return ()


def _text(path: Path) -> str | None:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return None
