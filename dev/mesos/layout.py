"""Where the daemons of a development cluster listen, and how each is started."""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

MASTER = "master"
FIRST_HOST = 10
# Below the ports that the kernel hands out by itself.
PORTS = range(10_000, 32_000, 2)
# Agents and executors get this and no more: no proxies, no virtual environment.
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
}
# An agent is lost after 9 s of silence; Mesos' own default is 75 s.
MASTER_FLAGS = {"agent_ping_timeout": "3secs", "max_agent_ping_timeouts": "3"}
AGENT_FLAGS = {
    "launcher": "posix",
    "isolation": "posix/cpu,posix/mem",
    "systemd_enable_support": "false",
    "registration_backoff_factor": "100ms",
    "executor_reregistration_timeout": "15secs",
    "executor_shutdown_grace_period": "5secs",
}


class NoAddress(Exception):
    """There is no free address or port as was asked for."""


@dataclass(frozen=True, slots=True)
class Daemon:
    """A master or an agent: where it listens, and the arguments of `mesosd`."""

    name: str
    address: str
    port: int
    arguments: tuple[str, ...]

    @property
    def environment(self) -> dict[str, str]:
        """All variables that it is given."""
        return {
            **ENVIRONMENT,
            "HOME": os.path.expanduser("~"),
            "LIBPROCESS_IP": self.address,
            "LIBPROCESS_PORT": str(self.port),
        }


def master(folder: Path, address: str, port: int, more: Mapping[str, str]) -> Daemon:
    """The master at `address`:`port`, its registry in `folder`; `more` flags win."""
    flags = {"work_dir": str(folder), "hostname": address, **MASTER_FLAGS, **more}
    return Daemon(MASTER, address, port, (MASTER, *_options(flags)))


def agent(
    name: str,
    folder: Path,
    address: str,
    port: int,
    build: Path,
    more: Mapping[str, str],
    master: str,
) -> Daemon:
    """An agent of the master at `master` ("HOST:PORT"); `more` flags win."""
    flags = {
        **AGENT_FLAGS,
        "hostname": name,
        "work_dir": str(folder / "work"),
        "runtime_dir": str(folder / "run"),
        "fetcher_cache_dir": str(folder / "fetch"),
        "launcher_dir": str(build),
        "switch_user": "true" if os.geteuid() == 0 else "false",
        **more,
    }
    return Daemon(name, address, port, ("agent", master, *_options(flags)))


def free_addresses(port: int) -> tuple[str, int]:
    """A /24 of the loopback network ("127.33.7") and a port for a master, both unused.

    Raises:
        NoAddress: `port`, if it is not 0, is in use.
    """
    chance = random.SystemRandom()
    for _ in range(200):
        block = f"127.{chance.randrange(1, 255)}.{chance.randrange(1, 255)}"
        candidate = port or chance.choice(PORTS)
        if not _is_free("127.0.0.1", candidate):
            if port:
                raise NoAddress(f"port {port} of 127.0.0.1 is in use")
        elif _is_free(f"{block}.{FIRST_HOST}", candidate + 1):
            return block, candidate
    raise NoAddress("no free port for a Mesos master")


def _options(flags: Mapping[str, str]) -> list[str]:
    return [f"--{name}={value}" for name, value in flags.items()]


def _is_free(address: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True
