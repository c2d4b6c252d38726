"""What a link is told: where the master is, and what the framework is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from torque_mesos.mesos.credentials import Credentials

DEFAULT_PORT = 5050
WEEK_S = 7 * 24 * 3600.0


@dataclass(frozen=True, slots=True)
class MasterUri:
    """Either the master's own address, or the ZooKeeper path that tells the leading one."""

    address: str | None = None
    zookeeper: str | None = None

    @classmethod
    def parse(cls, text: str) -> MasterUri:
        """Read `host`, `host:port`, `http://host:port/` or `zk://host:port,host:port/path`.

        Raises ValueError, which quotes what cannot be read.
        """
        scheme, separator, rest = text.strip().partition("://")
        if not separator:
            return cls(address=address(text.strip()))
        if scheme in {"zk", "zoo"}:
            hosts, slash, path = rest.partition("/")
            if "@" in hosts:
                raise ValueError(f"a ZooKeeper login is not supported: {text!r}")
            if not hosts or not slash or not path.strip("/"):
                raise ValueError(f"not of the form zk://HOST:PORT,.../PATH: {text!r}")
            return cls(zookeeper=f"{hosts}/{path.rstrip('/')}")
        if scheme != "http":
            raise ValueError(f"a master is spoken to by http, not {scheme!r}: {text!r}")
        return cls(address=address(text.strip()))


def address(text: str) -> str:
    """`host:port` of a master, from that, from `host`, or from a URL such as a redirect's.

    Raises ValueError, which quotes what cannot be read.
    """
    parts = urlsplit(text if "//" in text else "//" + text)
    try:
        port = parts.port or DEFAULT_PORT
    except ValueError as error:
        raise ValueError(f"not the address of a master: {text!r} ({error})") from None
    host = parts.hostname
    if not host or ":" in host or parts.username is not None or parts.path not in {"", "/"}:
        raise ValueError(f"not the address of a master, HOST:PORT: {text!r}")
    return f"{host}:{port}"


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """What a link needs to subscribe.

    `master` is as in `MasterUri.parse`. `framework_id` is the one that was given at an
    earlier subscription, None to become a new framework. Mesos runs executors as
    `user`.

    The framework subscribes as MULTI_ROLE even with one role, because only such a framework
    may change its roles later under the same id. Each offer is then made to one of them. It
    is PARTITION_AWARE: when an agent cannot be reached its tasks are then told UNREACHABLE
    and may come back with their jobs, where others are told LOST, the same as for a task that
    is gone.
    `gpu_agents` adds GPU_RESOURCES, without which a master offers no agent that has
    GPUs at all, so that they are kept for those who can use them.
    """

    master: str
    name: str
    user: str
    roles: tuple[str, ...] = ("*",)
    framework_id: str | None = None
    hostname: str = ""
    failover_timeout_s: float = 3 * WEEK_S
    checkpoint: bool = True
    credentials: Credentials | None = None
    webui_url: str = ""
    call_timeout_s: float = 10.0
    gpu_agents: bool = False

    def framework_info(self) -> dict[str, Any]:
        """The FrameworkInfo to subscribe with."""
        capabilities = ["MULTI_ROLE", "PARTITION_AWARE"]
        if self.gpu_agents:
            capabilities.append("GPU_RESOURCES")
        info: dict[str, Any] = {
            "user": self.user,
            "name": self.name,
            "roles": list(self.roles),
            "failover_timeout": self.failover_timeout_s,
            "checkpoint": self.checkpoint,
            "capabilities": [{"type": capability} for capability in capabilities],
        }
        if self.hostname:
            info["hostname"] = self.hostname
        if self.webui_url:
            info["webui_url"] = self.webui_url
        if self.credentials is not None:
            info["principal"] = self.credentials.principal
        if self.framework_id is not None:
            info["id"] = {"value": self.framework_id}
        return info
