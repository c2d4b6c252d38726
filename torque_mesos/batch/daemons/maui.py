"""Maui: started with the settings it needs, and started anew when its knowledge is outdated.

What it learns of a node when it first sees it, it keeps: where np rises later, its queues
have no more slots there than before, and a job that needs more waits for ever. (It sees all
parked records with their greatest np; but a Maui that was started anew sees nodes that run
with fewer.) Ending and starting takes it 1 to 2 s, and no job notices.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import socket

import psutil
import structlog

from torque_mesos.batch.base import BatchError
from torque_mesos.batch.commands import Runner
from torque_mesos.batch.daemons.daemon import Command, Daemon
from torque_mesos.batch.daemons.states import DaemonFailed
from torque_mesos.batch.maui import cfg
from torque_mesos.batch.maui.client import MauiCommands, ShortNode
from torque_mesos.batch.torque_settings import TorqueSettings

MAUI = "maui"

_LOOK_S = 15.0
_SILENT_LOOKS = 3
_FOLDERS = {"log": 0o755, "spool": 0o1777, "stats": 0o755, "tools": 0o755, "traces": 0o755}
_log = structlog.get_logger(__name__)


class MauiDaemon(Daemon):
    """Maui, in the foreground (`-d`): in the background it exits with 0 even if it fails."""

    def __init__(self, settings: TorqueSettings, runner: Runner) -> None:
        folder = settings.maui_dir
        program = "" if folder is None else str(folder / "sbin" / MAUI)
        super().__init__(MAUI, Command((program, "-d"), settings.command_environment()))
        self._settings = settings
        self._commands = None if folder is None else MauiCommands(folder / "bin", runner)
        self._tried = False
        self._released = False
        self._look_at_s = 0.0
        self._silent = 0
        self._cured: frozenset[ShortNode] = frozenset()
        self._hopeless: frozenset[ShortNode] = frozenset()

    def command(self) -> Command:
        """See `Daemon.command`. Its settings are written first."""
        if self._settings.maui_dir is None or self._settings.maui_config is None:
            raise DaemonFailed("Maui is not installed on this host: set batch.maui_dir")
        config = self._settings.maui_config
        account = pwd.getpwuid(os.geteuid()).pw_name
        try:
            for name, mode in _FOLDERS.items():
                folder = config.parent / name
                if not folder.exists():
                    folder.mkdir(parents=True)
                    folder.chmod(mode)
            if cfg.write(config, cfg.parameters(socket.gethostname(), account)):
                _log.info("Maui's settings are written", path=str(config))
        except OSError as error:
            raise DaemonFailed(f"{config} cannot be written: {error}") from error
        self._tried = self._released = False
        self._silent, self._look_at_s = 0, 0.0
        return super().command()

    def answers(self) -> None:
        """See `Daemon.answers`."""
        self._asked().answers()

    def settle(self) -> None:
        """Release what an earlier Maui has deferred: this one would hold it for ever."""
        if self._tried:
            return
        self._tried = True
        try:
            self._release()
        except BatchError as error:  # a Maui of others may let only its own administrators ask
            _log.warning("Maui does not tell what it has deferred", error=str(error))

    def outdated(self, now_s: float) -> str:
        """See `Daemon.outdated`. It looks only now and then."""
        if now_s < self._look_at_s:
            return ""
        first = self._look_at_s == 0.0
        self._look_at_s = now_s + _LOOK_S
        try:
            self._release()
            short = self._short_nodes()
        except BatchError as error:
            self._silent += 1
            if self._silent < _SILENT_LOOKS:
                raise
            return f"it does not answer: {error}"
        self._silent = 0
        if first:  # what a start has not cured, another one will not
            self._hopeless |= short & self._cured
        self._cured = short - self._hopeless
        if not self._cured:
            return ""
        node = min(self._cured)
        return f"it gives jobs only {node.for_queues} of the {node.slots} slots of {node.name}"

    def ask_to_end(self, process: psutil.Process, timeout_s: float) -> None:
        """It writes down what it knows (reservations, priorities, holds) for the next one."""
        try:
            self._asked().stop()
        except BatchError:
            super().ask_to_end(process, timeout_s)

    def clear(self) -> None:
        """See `Daemon.clear`: its settings are the site's own again."""
        if self._settings.maui_config is not None:
            with contextlib.suppress(FileNotFoundError):
                cfg.restore(self._settings.maui_config)

    def _release(self) -> None:
        if self._released:
            return
        commands = self._asked()
        deferred = commands.deferred()
        for job_id in deferred or ():
            commands.release(job_id)
        if deferred:
            still = set(commands.deferred() or ()) & set(deferred)
            _log.warning("jobs that Maui had deferred", released=deferred, still=sorted(still))
        self._released = deferred is not None

    def _short_nodes(self) -> frozenset[ShortNode]:
        capacity = self._settings.capacity_record
        return frozenset(n for n in self._asked().short_nodes() if n.name != capacity)

    def _asked(self) -> MauiCommands:
        if self._commands is None:
            raise BatchError("Maui's commands are not installed on this host")
        return self._commands
