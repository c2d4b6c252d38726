"""momctl: stop a mom (-s), or ask how it is (-d)."""

from __future__ import annotations

import getopt
import os
import socket
import sys
import time

from .auth import open_tcp
from .client import warn
from .home import MOM_MANAGER_PORT, Home
from .names import Resolver
from .seal import seal_of
from .wire import BadMessage, Message, ask


def _connect(address: str, port: int, timeout_s: float = 10.0) -> socket.socket:
    import select

    sock = open_tcp((address, port), None)
    if not select.select([], [sock], [], timeout_s)[1]:
        raise TimeoutError(110, "Connection timed out")
    status = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if status:
        raise OSError(status, os.strerror(status))
    sock.settimeout(timeout_s)
    return sock


def _diagnosis(found: Message, level: int, address: str) -> str:
    lines = [
        f"\nHost: {found['name']}/{found['name']}   IP address: {address}   PID: {found['pid']}"
    ]
    lines.append(f"Server[0]: {found['server']}")
    lines.append(f"HomeDirectory:          {found['home']}")
    if level:
        lines.append(f"Server Update Interval: {found['interval']:.0f} seconds")
    if level > 1:
        lines.append(f"Trusted Client List:  {','.join(found['clients'])}")
    lines += [f"job[{job}]" for job in found["jobs"]] or ["NOTE:  no local jobs detected"]
    return "\n".join([*lines, "\ndiagnostics complete"])


def _wait_until_gone(address: str, port: int, limit_s: float = 5.0) -> None:
    give_up_at = time.monotonic() + limit_s
    while time.monotonic() < give_up_at:
        try:
            _connect(address, port).close()
        except OSError:
            return
        time.sleep(0.01)


def main(home_path: str = "/var/spool/torque") -> int:
    """momctl [-h HOST] [-p PORT] -s | -d LEVEL."""
    home = Home(home_path)
    try:
        options, _ = getopt.getopt(sys.argv[1:], "c:Cd:f:h:lp:q:r:su")
    except getopt.GetoptError as error:
        warn(f"momctl: invalid option -- '{error.opt}'")
        return 1
    chosen = dict(options)
    if "-s" not in chosen and "-d" not in chosen:
        warn("  no command specified")
        return 1
    hosts = os.environ.get("PBS_BUILTIN_HOSTS") or home.join("hosts")
    port = int(chosen.get("-p", home.settings.get("mom_manager_port", MOM_MANAGER_PORT)))
    path = os.environ.get("PBS_BUILTIN_SECRET_FILE", "")
    secret = home.secret("mom_priv") or home.secret("server_priv")
    if path:
        with open(path, "rb") as file:
            secret = file.read().strip()
    auth = os.environ.get("PBS_BUILTIN_AUTH") or str(home.settings.get("auth", ""))
    try:
        seal = seal_of(auth, secret)
    except ValueError as error:
        warn(f"momctl: {error}")
        return 1
    status = 0
    for host in chosen.get("-h", "localhost").split(","):
        address = Resolver(hosts).address(host)
        message = {"op": "shutdown"} if "-s" in chosen else {"op": "diagnose"}
        try:
            if address is None:
                raise OSError(2, "No such host")
            with _connect(address, port) as sock:
                key, first = seal.begin()
                sock.sendall(first)
                found = ask(sock, message, key)
        except (OSError, BadMessage) as error:
            number = getattr(error, "errno", None) or 0
            text = f"errno={number} ({os.strerror(number)})"
            warn(f"cannot connect to MOM on node '{host}', {text}")
            status = 1
            continue
        if "-s" in chosen:
            _wait_until_gone(address, port)
            print(f"shutdown request successful on {host}")
        else:
            print(_diagnosis(found, int(chosen["-d"]), address))
    return status
