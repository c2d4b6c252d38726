"""TORQUE's daemons, and those of the built-in server: trqauthd, pbs_server, the scheduler.

A pbs_server that comes back knows nothing of `resources_available.nodect` until somebody
runs qsub: in its first scheduling cycle pbs_sched then deletes every queued job that has
more nodes than there are records for it. So it is started without scheduling, made to
look at nodect by a qsub that it refuses, and only then allowed to schedule.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import psutil
import structlog

from torque_mesos.batch.base import BatchError
from torque_mesos.batch.commands import Runner, check_reached
from torque_mesos.batch.daemons.daemon import Command, Daemon
from torque_mesos.batch.daemons.maui import MauiDaemon
from torque_mesos.batch.daemons.states import DaemonFailed
from torque_mesos.batch.torque_settings import TorqueSettings

TRQAUTHD, SERVER, SCHED = "trqauthd", "pbs_server", "pbs_sched"

_DATABASES = ("serverdb", "server.sqlite")  # TORQUE's, and the built-in server's
_TOO_MANY_NODES = 1_000_000_000
_NOBODY = "65534"
_INFEASIBLE = 190  # qsub's exit code for a job that no node could hold
_log = structlog.get_logger(__name__)


def torque_daemons(settings: TorqueSettings, state_dir: Path, runner: Runner) -> list[Daemon]:
    """The daemons of a TORQUE in the order they are started. (The built-in has no trqauthd.)"""
    environment = settings.command_environment()
    found: list[Daemon] = []
    authd = settings.sbin_dir / TRQAUTHD
    if authd.exists():
        # It serves the whole host, whatever its home.
        found.append(Daemon(TRQAUTHD, Command((str(authd), "-F"), environment)))
    held = state_dir / "daemons" / f"{SERVER}.held"
    found.append(TorqueServerDaemon(settings, held, runner, refuses=bool(found)))
    if settings.scheduler == "maui":
        found.append(MauiDaemon(settings, runner))
    elif settings.scheduler == "pbs_sched":
        sched = (str(settings.sbin_dir / SCHED), "-d", str(settings.home))
        in_front = {**environment, "PBSDEBUG": "1"}  # this alone keeps it there
        found.append(Daemon(SCHED, Command(sched, in_front), settings.home))
    return found


class TorqueServerDaemon(Daemon):
    """pbs_server. `held`: a file that is there from its start until it may schedule.

    `refuses`: whether it refuses jobs that are too large for its nodes, as TORQUE does.
    """

    def __init__(
        self, settings: TorqueSettings, held: Path, runner: Runner, *, refuses: bool
    ) -> None:
        super().__init__(SERVER, home=settings.home)
        self._settings = settings
        self._held = held
        self._runner = runner
        self._refuses = refuses

    def command(self) -> Command:
        """See `Daemon.command`. Only where there is none it makes a database."""
        environment = self._settings.command_environment()
        argv = (str(self._settings.sbin_dir / SERVER), "-F", "-d", str(self._settings.home))
        if self._needs_database():
            # It asks before it makes one.
            return Command((*argv, "-t", "create"), environment, b"y\n")
        self._held.touch()
        return Command((*argv, "-a", "false"), environment)

    def answers(self) -> None:
        """See `Daemon.answers`."""
        command = str(self._settings.bin_dir / "qstat")
        answer = self._runner.run([command, "-B"], timeout_s=self._settings.command_timeout_s)
        if check_reached(answer).exit_code != 0:
            raise BatchError(str(answer))

    def settle(self) -> None:
        """Let a server that was started without scheduling schedule."""
        if not self._held.exists():
            return
        self.answers()
        qsub = [str(self._settings.bin_dir / "qsub"), "-l", f"nodes={_TOO_MANY_NODES}"]
        timeout_s = self._settings.command_timeout_s
        if os.geteuid() == 0 and self._refuses:
            # Not as root: a manager's requests are not held against the limits.
            nobody = ["setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups"]
            answer = self._runner.run([*nobody, *qsub], timeout_s=timeout_s)
            if answer.exit_code != _INFEASIBLE:
                _log.warning("the server was to refuse a job for its size", answer=str(answer))
        command = [str(self._settings.bin_dir / "qmgr"), "-c", "set server scheduling=true"]
        answer = check_reached(self._runner.run(command, timeout_s=timeout_s))
        if answer.exit_code != 0:
            raise BatchError(str(answer))
        self._held.unlink(missing_ok=True)

    def ask_to_end(self, process: psutil.Process, timeout_s: float) -> None:  # noqa: ARG002
        """Running jobs go on; the server finds them again at its next start."""
        with contextlib.suppress(BatchError):
            command = str(self._settings.bin_dir / "qterm")
            self._runner.run([command, "-t", "quick"], timeout_s=timeout_s)

    def _needs_database(self) -> bool:
        """Whether the server's home has no database, and nothing that belongs to one."""
        private = self._settings.home / "server_priv"
        if any((private / name).exists() for name in _DATABASES):
            return False
        for folder in ("queues", "jobs", "arrays"):
            # (An installation makes folders 0 to 9 in some of them.)
            if any(path.is_file() for path in (private / folder).rglob("*")):
                raise DaemonFailed(
                    f"{private} has {folder} but no serverdb: a new database would destroy "
                    "them; put serverdb back, or empty the folder"
                )
        return True
