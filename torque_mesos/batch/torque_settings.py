"""Where a TORQUE is, and what may be done to it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from torque_mesos.batch.maui.client import environment as maui_environment
from torque_mesos.model import frozen_map

# A name that resolves on every host, without a name server. An address will not do: with
# one in its nodes file pbs_server does not start again. Nothing listens at its port.
CAPACITY_RECORD = "localhost"


@dataclass(frozen=True, slots=True)
class TorqueSettings:
    """Where a TORQUE is, and what may be done to it.

    `server_host` is given to the commands as PBS_DEFAULT; None leaves it to
    `home/server_name`. The mom ports are for records that name none. `capacity_record` must
    resolve where the server runs, and no mom may have that name.
    `scheduler`: what orders the jobs; of `pbs_sched` the order is read from its settings in
    `home`, of any other one nothing is known, unless it is Maui: `maui_config` is its maui.cfg
    (in its home) and `maui_dir` where it is installed; None where that is not on this host.
    """

    bin_dir: Path = Path("/usr/local/bin")
    sbin_dir: Path = Path("/usr/local/sbin")
    home: Path = Path("/var/spool/torque")
    server_host: str | None = None
    command_timeout_s: float = 30.0
    delete_timeout_s: float = 180.0
    environment: Mapping[str, str] = field(default_factory=frozen_map)
    mom_service_port: int = 15002
    mom_manager_port: int = 15003
    capacity_record: str = CAPACITY_RECORD
    create_queue: bool = False
    scheduler: Literal["pbs_sched", "maui", "none"] = "pbs_sched"
    maui_config: Path | None = None
    maui_dir: Path | None = None

    @property
    def accounting_dir(self) -> Path:
        """Where the server tells of every job at once."""
        return self.home / "server_priv" / "accounting"

    def command_environment(self) -> dict[str, str]:
        """The environment for the server's commands and daemons, and no other."""
        path = [str(self.bin_dir), str(self.sbin_dir), "/usr/local/sbin", "/usr/local/bin"]
        environment = {
            "PATH": os.pathsep.join([*path, "/usr/sbin", "/usr/bin", "/sbin", "/bin"]),
            "LANG": "C",
            "LC_ALL": "C",
        }
        if "TZ" in os.environ:
            environment["TZ"] = os.environ["TZ"]  # accounting files are named by local date
        if self.server_host:
            environment["PBS_DEFAULT"] = self.server_host
        if self.maui_config is not None and self.scheduler == "maui":
            environment |= maui_environment(self.maui_config)
        return environment | dict(self.environment)
