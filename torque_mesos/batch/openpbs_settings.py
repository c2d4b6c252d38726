"""Where an OpenPBS is, and what may be done to it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from torque_mesos.model import frozen_map

CALLS_A_SECOND = 6.0  # 512 privileged ports, each away for 60 s: 8.5
BURST = 60


@dataclass(frozen=True, slots=True)
class OpenPbsSettings:
    """Where an OpenPBS is, and what may be done to it.

    `server_host` is given to the commands as PBS_SERVER, `conf_file` as PBS_CONF_FILE;
    None leaves both to /etc/pbs.conf. `home` is read where it can be, for the scheduler's
    settings and the accounting files. `node_fail_requeue_s`: the longest that a job may stay
    on a node that is down; the server's own may be shorter, and None leaves it as it is.
    `wake_socket`: where the hook that wakes us sends to; None: no hook is wished for.
    """

    bin_dir: Path = Path("/opt/pbs/bin")
    sbin_dir: Path = Path("/opt/pbs/sbin")
    home: Path = Path("/var/spool/pbs")
    server_host: str | None = None
    conf_file: Path | None = None
    command_timeout_s: float = 30.0
    environment: Mapping[str, str] = field(default_factory=frozen_map)
    mom_service_port: int = 15002
    create_queue: bool = False
    node_fail_requeue_s: int | None = 60
    calls_a_second: float = CALLS_A_SECOND
    wake_socket: Path | None = None

    @property
    def accounting_dir(self) -> Path:
        """Where the server tells of every job at once."""
        return self.home / "server_priv" / "accounting"

    def command_environment(self) -> dict[str, str]:
        """The environment for the server's commands, and no other."""
        path = [str(self.bin_dir), "/usr/local/sbin", "/usr/local/bin"]
        environment = {
            "PATH": os.pathsep.join([*path, "/usr/sbin", "/usr/bin", "/sbin", "/bin"]),
            "LANG": "C",
            "LC_ALL": "C",
            "TZ": "UTC",
        }
        if self.server_host:
            environment["PBS_SERVER"] = self.server_host
        if self.conf_file:
            environment["PBS_CONF_FILE"] = str(self.conf_file)
        return environment | dict(self.environment)
