"""Starting TORQUE's daemons in the foreground, without loss of jobs.

A pbs_server that comes back knows nothing of `resources_available.nodect` until somebody
runs qsub: in its first scheduling cycle pbs_sched then deletes every queued job that has
more nodes than there are records for it. So it is started without scheduling, made to
look at nodect by a qsub that it refuses, and only then allowed to schedule.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from torque_mesos.batch.base import BatchError
from torque_mesos.batch.commands import Runner, check_reached
from torque_mesos.batch.torque_settings import TorqueSettings

# In the order they are started; they are ended in the other.
TRQAUTHD, SERVER, SCHED = "trqauthd", "pbs_server", "pbs_sched"

_DATABASES = ("serverdb", "server.sqlite")  # TORQUE's, and the built-in server's
_TOO_MANY_NODES = 1_000_000_000
_NOBODY = "65534"
_INFEASIBLE = 190  # qsub's exit code for a job that no node could hold
_log = structlog.get_logger(__name__)


class DaemonFailed(BatchError):
    """A daemon cannot be started or does not stay; the end of its log is quoted."""


@dataclass(frozen=True, slots=True)
class Start:
    """What starts a daemon in the foreground; `environment` is added to the commands' own."""

    argv: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    stdin: bytes = b""


class ServerStart:
    """How the daemons of one server are started, and how it is let schedule.

    `held_file` is there from before a server's start without scheduling until it may schedule.
    """

    def __init__(self, settings: TorqueSettings, held_file: Path, runner: Runner) -> None:
        self._settings = settings
        self._held_file = held_file
        self._runner = runner
        self._authenticates = (settings.sbin_dir / TRQAUTHD).exists()

    @property
    def names(self) -> tuple[str, ...]:
        """The daemons that there are, in the order they are started."""
        return (TRQAUTHD, SERVER, SCHED) if self._authenticates else (SERVER, SCHED)

    def of(self, name: str) -> Start:
        """What starts a daemon. The server, if it has jobs, is held from then on.

        Raises:
            DaemonFailed: a start of the server would destroy its jobs.
        """
        argv = [str(self._settings.sbin_dir / name)]
        home = str(self._settings.home)
        if name == TRQAUTHD:
            return Start([*argv, "-F"])
        if name == SCHED:
            return Start([*argv, "-d", home], {"PBSDEBUG": "1"})  # this alone keeps it in front
        argv += ["-F", "-d", home]
        if self._needs_database():
            return Start([*argv, "-t", "create"], stdin=b"y\n")  # it asks before it makes one
        self._held_file.touch()
        return Start([*argv, "-a", "false"])

    @property
    def held(self) -> bool:
        """Whether the server was started without scheduling, and may not schedule yet."""
        return self._held_file.exists()

    def release(self) -> None:
        """Let a server that was started without scheduling schedule.

        Raises:
            BatchError: it does not answer; it is to be tried again.
        """
        qsub = [str(self._settings.bin_dir / "qsub"), "-l", f"nodes={_TOO_MANY_NODES}"]
        timeout_s = self._settings.command_timeout_s
        if os.geteuid() == 0 and self._authenticates:
            # Not as root: a manager's requests are not held against the limits.
            nobody = ["setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups"]
            answer = self._runner.run([*nobody, *qsub], timeout_s=timeout_s)
            if answer.exit_code != _INFEASIBLE:
                _log.warning("the server was to refuse a job for its size", answer=str(answer))
        self._ask("qmgr", "-c", "set server scheduling=true")
        self._held_file.unlink(missing_ok=True)

    def answers(self) -> None:
        """Return if the server answers.

        Raises:
            BatchError: it does not.
        """
        self._ask("qstat", "-B")

    def _ask(self, command: str, *arguments: str) -> None:
        argv = [str(self._settings.bin_dir / command), *arguments]
        answer = self._runner.run(argv, timeout_s=self._settings.command_timeout_s)
        if check_reached(answer).exit_code != 0:
            raise BatchError(str(answer))

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
