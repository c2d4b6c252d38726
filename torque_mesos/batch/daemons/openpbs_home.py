"""An OpenPBS' home: its `pbs.conf`, and its database, which is made where there is none.

`pbs_habitat`, which OpenPBS comes with, makes both folders and database, and exits with 0
also where its server did not come up; what it leaves then looks like a database. So its text
is read, and a file says that it was begun until it is known to have ended well.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
from pathlib import Path

import structlog

from torque_mesos.batch.commands import Runner
from torque_mesos.batch.daemons.states import DaemonFailed
from torque_mesos.batch.openpbs_settings import OpenPbsSettings

CONF = Path("/etc/pbs.conf")
MARK = '# Made by torque-mesos, which starts these daemons (batch.mode = "managed").'

_POSTGRES = ("/usr/lib/postgresql", "/usr")  # .../15/bin; /usr/pgsql-15/bin
_VERSION = re.compile(r"(?:pgsql-)?(\d+(?:\.\d+)?)\Z")
_HABITAT_S = 180.0
_FAILED = ("Error", "could not connect", "does not exist", "invalid")
_RETRIED = "cannot connect to server"
_RETRIES = 3  # pbs_habitat asks a server that comes up slowly so often again
_log = structlog.get_logger(__name__)


class OpenPbsHome:
    """The home of the OpenPBS of this host. `folder`: where it is noted what was begun."""

    def __init__(self, settings: OpenPbsSettings, folder: Path, runner: Runner) -> None:
        self._settings = settings
        self._conf = settings.conf_file or CONF
        self._begun = folder / "openpbs.begun"
        self._runner = runner
        self.host = settings.server_host or socket.gethostname()

    def environment(self) -> dict[str, str]:
        """The environment of the daemons, which need PostgreSQL's programs and the local time."""
        environment = self._settings.command_environment()
        environment.pop("TZ", None)
        if "TZ" in os.environ:
            environment["TZ"] = os.environ["TZ"]
        if (programs := postgres_programs()) is not None:
            environment["PATH"] = f"{programs}{os.pathsep}{environment['PATH']}"
        return environment

    def ensure(self) -> None:
        """See that there is a `pbs.conf`, and a home with a database. What is there stays.

        Raises:
            DaemonFailed: it cannot be made, or something else is there.
        """
        try:
            if not self._conf.exists():
                self._conf.write_text(self._conf_text())
                self._conf.chmod(0o644)
                _log.info("OpenPBS' settings are written", path=str(self._conf))
        except OSError as error:
            raise DaemonFailed(f"{self._conf} cannot be written: {error}") from error
        if self._begun.exists():
            raise DaemonFailed(
                f"{self._settings.home} has a database that was begun and not finished (see"
                f" server_logs there); if nothing in it is needed, remove {self._settings.home}"
                f" and {self._begun}"
            )
        if self._needs_database():
            self._make_database()

    def data_service_runs(self) -> bool:
        """Whether the server's PostgreSQL runs; true where that is not of this host."""
        if "PBS_DATA_SERVICE_HOST" in self._text(self._conf):
            return True
        words = self._text(self._settings.home / "datastore" / "postmaster.pid").split()
        return bool(words) and words[0].isdigit() and Path("/proc", words[0]).exists()

    def clear(self) -> None:
        """Take a `pbs.conf` away that was made here. Raises OSError."""
        if self._text(self._conf).startswith(MARK):
            self._conf.unlink()

    def _conf_text(self) -> str:
        return (
            f"{MARK}\nPBS_EXEC={self._settings.sbin_dir.parent}\nPBS_HOME={self._settings.home}\n"
            f"PBS_SERVER={self.host}\nPBS_START_SERVER=1\nPBS_START_SCHED=1\n"
            "PBS_START_COMM=1\nPBS_START_MOM=0\n"
        )

    def _needs_database(self) -> bool:
        home = self._settings.home
        said = re.search(r"^PBS_HOME=(\S+)", self._text(self._conf), re.MULTILINE)
        if said is None or Path(said.group(1)) != home:
            raise DaemonFailed(
                f"{self._conf} says PBS_HOME={said.group(1) if said else ''}, the settings"
                f" batch.home = {str(home)!r}"
            )
        try:
            if any((home / "datastore").iterdir()):
                return False
        except FileNotFoundError:
            pass  # none yet
        except OSError as error:
            raise DaemonFailed(f"{home}/datastore cannot be looked at: {error}") from error
        if any(path.is_file() for path in (home / "server_priv" / "jobs").glob("*")):
            raise DaemonFailed(
                f"{home}/server_priv has jobs, but {home}/datastore has no database: a new one"
                " would lose them; put it back, or empty that folder"
            )
        return True

    def _make_database(self) -> None:
        habitat = self._settings.sbin_dir.parent / "libexec" / "pbs_habitat"
        command = [f"{key}={value}" for key, value in self.environment().items()]
        self._begun.parent.mkdir(parents=True, exist_ok=True)
        self._begun.touch()
        _log.info("OpenPBS' database is made", home=str(self._settings.home))
        answer = self._runner.run(["env", "-i", *command, str(habitat)], timeout_s=_HABITAT_S)
        lines = (answer.stdout + answer.stderr).splitlines()
        wrong = [line for line in lines if any(word in line for word in _FAILED)]
        refused = [line for line in lines if _RETRIED in line]
        wrong += refused if len(refused) > _RETRIES else []
        if answer.exit_code != 0 or wrong:
            if not (self._settings.home / "datastore").exists():
                self._begun.unlink()  # it did not get so far: it may be tried again
            said = " ".join(wrong or lines)[-400:]
            raise DaemonFailed(f"OpenPBS' database cannot be made: {said or 'no text'}")
        self._begun.unlink()

    def _text(self, path: Path) -> str:
        try:
            return path.read_text(errors="replace")
        except OSError:
            return ""


def postgres_programs() -> Path | None:
    """The folder of PostgreSQL's server programs, of the newest version; None: not found."""
    if shutil.which("postgres") is not None:
        return None  # PATH has it
    found = []
    for folder in map(Path, _POSTGRES):
        for path in sorted(folder.glob("*")) if folder.is_dir() else []:
            version = _VERSION.match(path.name)
            if version and (path / "bin" / "postgres").is_file():
                found.append((float(version.group(1)), path / "bin"))
    return max(found)[1] if found else None
