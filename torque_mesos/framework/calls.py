"""How the batch server is called: by its library where there is one, and by its commands."""

from __future__ import annotations

from dataclasses import dataclass

from torque_mesos.batch.commands import CommandRunner, Runner
from torque_mesos.batch.journal import CommandJournal
from torque_mesos.batch.library.runner import LibraryRunner, find_library
from torque_mesos.batch.openpbs_commands import PacedRunner
from torque_mesos.batch.openpbs_settings import BURST, OpenPbsSettings
from torque_mesos.batch.torque_settings import TorqueSettings
from torque_mesos.config import Settings


@dataclass(frozen=True, slots=True)
class Calls:
    """`runner` serves the adapter. `wished`: whether the library must be used."""

    runner: Runner
    library: LibraryRunner | None = None
    wished: bool = False

    @property
    def problem(self) -> str | None:
        """Why the library is not used, where the settings ask for it."""
        if not self.wished:
            return None
        if self.library is None:
            return "the batch server's library is not found, its commands are used"
        if self.library.reason is not None:
            return f"the batch server's commands are used, not its library: {self.library.reason}"
        return None

    def close(self) -> None:
        """End the process that has the library."""
        if self.library is not None:
            self.library.close()


def calls_of(
    settings: Settings, batch: TorqueSettings | OpenPbsSettings, journal: CommandJournal
) -> Calls:
    """As the settings have it. Nothing is started before the first call."""
    environment = batch.command_environment()
    commands = paced(batch, CommandRunner(environment, journal))
    way, kind = settings.batch.calls, settings.batch.kind
    if way == "commands" or kind == "builtin":
        return Calls(commands)
    found = find_library(batch.bin_dir, kind)
    if found is None:
        return Calls(commands, wished=way == "library")
    library = LibraryRunner(kind, found, environment, commands, journal=journal)
    return Calls(library, library, wished=way == "library")


def paced(batch: TorqueSettings | OpenPbsSettings, runner: Runner) -> Runner:
    """Commands, not more often than the server bears."""
    if isinstance(batch, OpenPbsSettings):
        return PacedRunner(runner, batch.calls_a_second, BURST)
    return runner
