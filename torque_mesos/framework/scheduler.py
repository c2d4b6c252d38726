"""Which batch scheduler starts TORQUE's jobs: the settings name it, or what is found here."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from torque_mesos.batch import processes
from torque_mesos.batch.maui import program
from torque_mesos.config import Settings

_UNKNOWN_HOME = Path("/usr/local/maui")  # what Maui's configure takes if nobody says otherwise


@dataclass(frozen=True, slots=True)
class Scheduler:
    """A batch scheduler. The paths are None where they are not of Maui, or not known."""

    name: Literal["pbs_sched", "maui", "none"]
    maui_dir: Path | None = None
    maui_config: Path | None = None


def scheduler_of(settings: Settings) -> Scheduler:
    """The batch scheduler of a TORQUE, or of the built-in server.

    `auto` never takes another one than the one that runs: a server's jobs are not given to
    another scheduler because one was installed.
    """
    batch = settings.batch
    name = batch.scheduler
    if name == "auto":
        name = _found(settings)
    if name == "pbs_sched":
        return Scheduler("pbs_sched")
    if name == "none":
        return Scheduler("none", maui_config=batch.maui_config)
    folder = program.find(batch.maui_dir)
    config = batch.maui_config or _home(folder) / "maui.cfg"
    return Scheduler("maui", folder, config)


def _found(settings: Settings) -> Literal["pbs_sched", "maui"]:
    batch = settings.batch
    if batch.kind != "torque":
        return "pbs_sched"
    if batch.maui_config is not None or processes.find("maui", None) is not None:
        return "maui"
    if processes.find("pbs_sched", settings.pbs_home) is not None:
        return "pbs_sched"
    return "maui" if program.find(batch.maui_dir) is not None else "pbs_sched"


def _home(folder: Path | None) -> Path:
    return (_compiled_home(folder) if folder is not None else None) or _UNKNOWN_HOME


@functools.cache
def _compiled_home(folder: Path) -> Path | None:
    return program.compiled_home(folder)
