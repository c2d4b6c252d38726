"""Gathering the facts of this host. What cannot be learned is left out; nothing is changed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

import psutil

from torque_mesos.batch.torque_settings import TorqueSettings
from torque_mesos.config import Settings
from torque_mesos.doctor.elsewhere import (
    Elsewhere,
    Master,
    ask_master,
    ask_server,
    reach,
)
from torque_mesos.doctor.facts import (
    Facts,
    Mom,
    Munge,
    Name,
    Port,
    Reach,
    Side,
    Socket,
    Versions,
)
from torque_mesos.doctor.gather_files import agent_folders, disks, server_folders, there, user
from torque_mesos.doctor.gather_schedulers import maui, pbs_sched
from torque_mesos.doctor.strangers import strangers
from torque_mesos.framework.naming import naming_of
from torque_mesos.framework.site import batch_settings

TRQAUTHD_SOCKET = "/tmp/trqauthd-unix"  # noqa: S108 (TORQUE's, compiled in)
_SCHED_PORT, _COMM_PORT = 15004, 17001
_COMMAND_S = 15.0


def gather(
    settings: Settings, side: Side, users: Sequence[str], compared: Sequence[Elsewhere] = ()
) -> Facts:
    """The facts of this host, as one of the server or of an agent."""
    kind = settings.batch.kind
    batch = batch_settings(settings)
    torque = kind == "torque"
    master = ask_master(settings.mesos.master)
    server = ask_server(batch)
    own = _own_addresses()
    naming = naming_of(settings)
    agent = next((agent for agent in master.agents if agent.address in own), None)
    version = server.version or next((one.server for one in compared if one.server), None)
    here = side == "server"
    return Facts(
        side=side,
        kind=kind,
        host=socket.gethostname(),
        names=_names(settings, side, master, own),
        agent_name=None if agent is None or here or naming.nodes.get(agent.name) else agent.name,
        server_error=server.error if here else "",
        ports=_ports(settings, side),
        reaches=_reaches(settings, side, master),
        trqauthd=_trqauthd() if torque else None,
        folders=server_folders(batch) if here else agent_folders(settings, agent),
        mom_hierarchy=there(batch.home / "server_priv" / "mom_hierarchy") if here else None,
        clocks=master.clocks,
        versions=_versions(settings, version, here),
        users=tuple(user(name) for name in users),
        others=tuple((one.host, one.users) for one in compared),
        moms=() if here else _moms(),
        strangers=strangers(batch.home / "server_logs") if here and torque else (),
        records=server.records,
        maui=maui(batch) if here and isinstance(batch, TorqueSettings) else None,
        pbs_sched=pbs_sched(batch) if here and isinstance(batch, TorqueSettings) else None,
        counts=server.counts,
        disks=disks(settings, batch, side),
        munge=_munge(settings),
        python=None if here else _python(settings.executor.python),
    )


# --- names ----------------------------------------------------------------------


def _names(settings: Settings, side: Side, master: Master, own: frozenset[str]) -> tuple[Name, ...]:
    naming, host = naming_of(settings), socket.gethostname()
    found = {host: Name(host, "this host", _lookup(host)[0], own=True)}
    found.setdefault(
        settings.server_host,
        Name(settings.server_host, "the batch server", _lookup(settings.server_host)[0]),
    )
    for agent in master.agents:
        if agent.address in own and side == "agent":
            continue
        node = naming.node(agent.name)
        addresses, back = _lookup(node)
        found.setdefault(node, Name(node, "a Mesos agent", addresses, agent.address, back))
    return tuple(found.values())


def _lookup(name: str) -> tuple[tuple[str, ...], str | None]:
    """The IPv4 addresses of a name, and the name that the first of them has."""
    try:
        known = socket.getaddrinfo(name, None, socket.AF_INET, socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return (), None
    addresses = tuple(dict.fromkeys(str(item[4][0]) for item in known))
    try:
        back: str | None = socket.gethostbyaddr(addresses[0])[0]
    except OSError:
        back = None
    return addresses, back


def _own_addresses() -> frozenset[str]:
    return frozenset(
        item.address
        for items in psutil.net_if_addrs().values()
        for item in items
        if item.family == socket.AF_INET
    )


# --- daemons and ports ----------------------------------------------------------


def _holders() -> dict[int, str]:
    """Who listens, by port. `?` where that may not be seen."""
    found: dict[int, str] = {}
    for connection in psutil.net_connections("tcp"):
        if connection.status == psutil.CONN_LISTEN and connection.laddr:
            name = "?"
            if connection.pid is not None and psutil.pid_exists(connection.pid):
                try:
                    name = psutil.Process(connection.pid).name()
                except psutil.Error:
                    name = "?"
            found[connection.laddr.port] = name.removesuffix(".bin")
    return found


def _ports(settings: Settings, side: Side) -> tuple[Port, ...]:
    batch, holders = settings.batch, _holders()
    if side == "agent":
        moms = (batch.mom_service_port, batch.mom_manager_port)
        return tuple(Port(number, "", holders.get(number)) for number in moms)
    wanted = {batch.server_port: "pbs_server"}
    if batch.kind == "openpbs":
        wanted[_COMM_PORT] = "pbs_comm"
    elif batch.kind == "torque":
        wanted[_SCHED_PORT] = "pbs_sched or maui or moab"
    return tuple(Port(number, by, holders.get(number)) for number, by in wanted.items())


def _reaches(settings: Settings, side: Side, master: Master) -> tuple[Reach, ...]:
    found = list(master.reaches)
    if side == "agent":
        host = settings.server_host
        found.append(reach(host, settings.batch.server_port, "pbs_server"))
        if settings.batch.kind == "openpbs":
            found.append(reach(host, _COMM_PORT, "pbs_comm"))
    return tuple(found)


def _trqauthd() -> Socket:
    error = ""
    try:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(5.0)
            probe.connect(TRQAUTHD_SOCKET)
    except OSError as failure:
        error = failure.strerror or str(failure)
    running = any(process.info["name"] == "trqauthd" for process in psutil.process_iter(["name"]))
    return Socket(TRQAUTHD_SOCKET, Path(TRQAUTHD_SOCKET).exists(), error, running)


def _moms() -> tuple[Mom, ...]:
    found = []
    for process in psutil.process_iter(["name", "cmdline"]):
        words = process.info["cmdline"] or []
        if process.info["name"] == "pbs_mom" and words:
            named = words[words.index("-H") + 1] if "-H" in words[:-1] else socket.gethostname()
            found.append(Mom(process.pid, named))
    return tuple(found)


def _versions(settings: Settings, server: str | None, here: bool) -> Versions | None:
    if here or settings.batch.kind == "builtin":
        return None if server is None else Versions(None, server)
    program = _pbs_mom(settings)
    if program is None:
        return Versions(None, server, "there is no pbs_mom here")
    text = _said([program, "--version"])
    for line in (text or "").splitlines():
        for begin in ("Version: ", "pbs_version = "):
            if line.startswith(begin):
                return Versions(line[len(begin) :].strip(), server)
    return Versions(None, server, f"{program} --version says no version: {(text or '')[:80]!r}")


def _pbs_mom(settings: Settings) -> str | None:
    if settings.executor.pbs_mom is not None:
        return str(settings.executor.pbs_mom)
    from torque_mesos.mom.programs import OPENPBS_FOLDERS, USUAL_FOLDERS

    folders = [str(settings.sbin_dir), *USUAL_FOLDERS]
    if settings.batch.kind == "openpbs":
        folders = [*OPENPBS_FOLDERS, *folders]
    return shutil.which("pbs_mom", path=os.pathsep.join(folders))


def _python(program: str) -> str:
    text = _said([program, "-c", "import platform; print(platform.python_version())"])
    return (text or "").strip()


def _said(argv: Sequence[str]) -> str | None:
    """What a command printed, None if it failed."""
    try:
        done = subprocess.run(
            list(argv), capture_output=True, text=True, timeout=_COMMAND_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout + done.stderr


def _munge(settings: Settings) -> Munge:
    needed = settings.batch.kind == "openpbs" and _pbs_conf_asks_for_munge()
    program = shutil.which("munge")
    if program is None:
        return Munge(installed=False, needed=needed, error="")
    done = subprocess.run(
        [program, "-n"], capture_output=True, text=True, timeout=_COMMAND_S, check=False
    )
    error = "" if done.returncode == 0 else " ".join(done.stderr.split())[:200]
    return Munge(installed=True, needed=needed, error=error)


def _pbs_conf_asks_for_munge() -> bool:
    try:
        text = Path(os.environ.get("PBS_CONF_FILE", "/etc/pbs.conf")).read_text()
    except OSError:
        return False
    return any("=munge" in line.lower() for line in text.splitlines() if "AUTH_METHOD" in line)
