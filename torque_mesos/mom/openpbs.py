"""OpenPBS' pbs_mom under the executor: what differs from TORQUE's.

- It is told its name, its server and its installation by a `pbs.conf` of its own.
- Ready is a mom whose HELLO the server has answered, two seconds after its start. (The
  server's own word for the node, which decides whether jobs go there, is read by the
  framework.)
- There is no momctl; SIGTERM ends it in milliseconds, and the server sees that at once.
- A checkpoint folder that others may enter makes it end.
- It runs a prologue and an epilogue on a job's first host only; what is to happen on the
  others is done by a hook of the server's (see docs/mpi.md).
"""

from __future__ import annotations

from pathlib import Path
from typing import Dict, List

from torque_mesos.mom import pelog
from torque_mesos.mom.home import Home
from torque_mesos.mom.process import Mom
from torque_mesos.mom.programs import MomError
from torque_mesos.mom.settings import MomSettings

CONF = "pbs.conf"


class OpenPbsMom(Mom):
    """OpenPBS' `pbs_mom` in the foreground, as a child of this process."""

    ready_mark = b";ReplyHello from server at "

    def start(self) -> None:
        """Start it. Raises MomError when it cannot be started."""
        program = Path(self._program("pbs_mom", self._settings.pbs_mom)[0])
        home = Home(self._short_home())
        conf = openpbs_conf(self._settings, home, program.resolve().parent.parent)
        (self.home.path / CONF).write_text(conf)
        super().start()

    def command(self) -> List[str]:
        """The command line. Raises MomError when there is no pbs_mom."""
        settings = self._settings
        return [
            *self._program("pbs_mom", settings.pbs_mom),
            "-N",
            *("-d", str(self._short_home())),
            *("-L", str(self.home.log)),
            *("-M", str(settings.service_port)),
            *("-R", str(settings.manager_port)),
            *("-S", str(settings.server_port)),
            *settings.mom_args,
        ]

    def _short_home(self) -> Path:
        try:
            return pelog.short(self.home.path)
        except OSError as error:
            raise MomError(f"no short name for {self.home.path}: {error}") from error

    def ask_to_stop(self) -> bool:
        """There is nothing that could be asked."""
        return False

    def ask_how_it_is(self) -> None:
        """Nor here: its server sees at once that the connection is lost."""

    def _environment(self) -> Dict[str, str]:
        return {**super()._environment(), "PBS_CONF_FILE": str(self.home.path / CONF)}


def openpbs_conf(settings: MomSettings, home: Home, installation: Path) -> str:
    """The text of the mom's pbs.conf. `installation` is PBS_EXEC, as in /opt/pbs."""
    values = {
        "PBS_EXEC": str(installation),
        "PBS_HOME": str(home.path),
        "PBS_SERVER": settings.server_host,
        "PBS_MOM_NODE_NAME": settings.node,
        "PBS_BATCH_SERVICE_PORT": str(settings.server_port),
        "PBS_MOM_SERVICE_PORT": str(settings.service_port),
        "PBS_MANAGER_SERVICE_PORT": str(settings.manager_port),
        "PBS_START_MOM": "1",
    }
    return "".join(f"{name}={value}\n" for name, value in values.items())


def mom_of(settings: MomSettings, home: Home, delivery: Path) -> Mom:
    """The mom that the settings ask for."""
    kind = OpenPbsMom if settings.openpbs else Mom
    return kind(settings, home, delivery)
