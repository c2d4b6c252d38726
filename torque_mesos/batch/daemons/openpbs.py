"""OpenPBS' daemons: pbs_comm, pbs_server with its data service, pbs_sched.

pbs_server starts its data service (a PostgreSQL) itself, and ends it when it is ended by
`qterm`. One that was killed leaves it running, and the next one uses it. Where the data
service is lost, pbs_server goes on until its next write and panics then, with the command of
the user who asked for that; so it is started anew as soon as that is seen.

`-N` keeps each of them in the foreground (pbs_server: a script that becomes pbs_server.bin).
"""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path

import psutil

from torque_mesos.batch.base import BatchError
from torque_mesos.batch.commands import Runner
from torque_mesos.batch.daemons.daemon import Command, Daemon
from torque_mesos.batch.daemons.openpbs_home import OpenPbsHome
from torque_mesos.batch.openpbs_commands import accepted
from torque_mesos.batch.openpbs_settings import OpenPbsSettings

COMM, SERVER, SCHED = "pbs_comm", "pbs_server", "pbs_sched"
COMM_PORT = 17001

_CONNECT_S = 5.0
_LOOK_S = 5.0
_LOST_LOOKS = 2


def openpbs_daemons(settings: OpenPbsSettings, state_dir: Path, runner: Runner) -> list[Daemon]:
    """The daemons of an OpenPBS in the order they are started."""
    home = OpenPbsHome(settings, state_dir / "daemons", runner)
    sched = Command((str(settings.sbin_dir / SCHED), "-N"), home.environment())
    return [
        PbsComm(settings, home),
        OpenPbsServerDaemon(settings, home, runner),
        Daemon(SCHED, sched, settings.home),
    ]


class PbsComm(Daemon):
    """pbs_comm, through which the server and the moms speak. It is the first that needs a home."""

    def __init__(self, settings: OpenPbsSettings, home: OpenPbsHome) -> None:
        command = Command((str(settings.sbin_dir / COMM), "-N"), home.environment())
        super().__init__(COMM, command, settings.home)
        self._place = home

    def command(self) -> Command:
        """See `Daemon.command`. Where there is no home, and no database, they are made."""
        self._place.ensure()
        return super().command()

    def answers(self) -> None:
        """See `Daemon.answers`."""
        try:
            socket.create_connection((self._place.host, COMM_PORT), _CONNECT_S).close()
        except OSError as error:
            raise BatchError(f"pbs_comm does not listen at {COMM_PORT}: {error}") from error

    def clear(self) -> None:
        """See `Daemon.clear`."""
        self._place.clear()


class OpenPbsServerDaemon(Daemon):
    """pbs_server and its data service."""

    def __init__(self, settings: OpenPbsSettings, home: OpenPbsHome, runner: Runner) -> None:
        command = Command((str(settings.sbin_dir / SERVER), "-N"), home.environment())
        super().__init__(SERVER, command, settings.home, program="pbs_server.bin")
        self._settings = settings
        self._place = home
        self._runner = runner
        self._look_at_s = 0.0
        self._lost = 0

    def answers(self) -> None:
        """See `Daemon.answers`."""
        qstat = str(self._settings.bin_dir / "qstat")
        timeout_s = self._settings.command_timeout_s
        accepted(self._runner.run([qstat, "-B"], timeout_s=timeout_s))

    def outdated(self, now_s: float) -> str:
        """See `Daemon.outdated`: whether its data service is gone."""
        if now_s < self._look_at_s:
            return ""
        self._look_at_s = now_s + _LOOK_S
        self._lost = 0 if self._place.data_service_runs() else self._lost + 1
        return "its data service has ended" if self._lost >= _LOST_LOOKS else ""

    def ask_to_end(self, process: psutil.Process, timeout_s: float) -> None:
        """Jobs go on; the data service ends with the server."""
        if self._lost:  # it would panic, and so it will do without being asked
            super().ask_to_end(process, timeout_s)
            return
        with contextlib.suppress(BatchError):
            qterm = [str(self._settings.bin_dir / "qterm"), "-t", "quick"]
            self._runner.run(qterm, timeout_s=timeout_s)
