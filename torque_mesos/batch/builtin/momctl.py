"""momctl: stop moms (-s), ask how they are (-d, -q), have them report (-C) or forget jobs (-c)."""

from __future__ import annotations

import os
import socket
import sys
import time
from typing import Dict, List, Tuple

from . import command_line
from .auth import open_tcp
from .client import warn
from .home import MOM_MANAGER_PORT, Home
from .names import Resolver
from .seal import Seal, seal_of
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


def _wait_until_gone(address: str, port: int, limit_s: float = 5.0) -> None:
    give_up_at = time.monotonic() + limit_s
    while time.monotonic() < give_up_at:
        try:
            _connect(address, port).close()
        except OSError:
            return
        time.sleep(0.01)


def _spread(words: List[str]) -> Tuple[Dict[str, str], List[str]]:
    """The options, and the attributes that are asked for; wrong options are only told of."""
    options, _, errors = command_line.parse("momctl", words, "c:Cd:f:h:lp:q:r:su", mixed=False)
    for text in errors:
        warn(text)
    chosen = dict(options)
    asked = [value for option, value in options if option == "-q"]
    if "-d" in chosen:
        asked.append(f"diag{_level(chosen['-d'])}")
    return chosen, asked


def _level(text: str) -> int:
    return int(text) if text.lstrip("-").isdigit() else 0


def _hosts(chosen: Dict[str, str]) -> List[str]:
    """Which moms are meant. Raises OSError where their file cannot be read."""
    if "-f" not in chosen:
        return chosen.get("-h", "localhost").split(",")
    with open(chosen["-f"], encoding="utf-8") as file:
        return file.read().split()


def _message(chosen: Dict[str, str], asked: List[str]) -> Message:
    if "-s" in chosen:
        return {"op": "shutdown"}
    if "-C" in chosen:
        return {"op": "cycle"}
    if "-c" in chosen:
        return {"op": "clear", "jobs": chosen["-c"]}
    if asked[0].startswith("diag"):
        return {"op": "diagnose", "level": _level(asked[0][len("diag") :])}
    return {"op": "query", "name": asked[0]}


def _tell(message: Message, found: Message, host: str, asked: List[str]) -> int:
    """Print what a mom has answered; the exit code."""
    operation = message["op"]
    if operation == "shutdown":
        print(f"shutdown request successful on {host}")
    elif operation == "cycle":
        print(f"mom {host} successfully cycled cycle forced")
    elif operation == "clear":
        print(f"job clear request successful on {host}")
    else:
        for number, name in enumerate(asked[1:], 1):
            # TORQUE's mom answers the first question of a connection only.
            why = "(errno=0 - Success : 0 - Success)"
            warn(f"ERROR:    query[{number}] '{name}' failed on {host} {why}")
        if operation == "diagnose":
            print(found["text"])
        else:
            name = message["name"].partition("=")[0]
            print(f"{host:>12}: {name:>12} = '{found['value']}'")
        return 1 if asked[1:] else 0
    return 0


def main(home_path: str = "/var/spool/torque") -> int:
    """momctl [-h HOST,... | -f FILE] [-p PORT] -s | -C | -c JOB | -d LEVEL | -q NAME | -r FILE."""
    home = Home(home_path)
    chosen, asked = _spread(sys.argv[1:])
    orders = {"-s", "-C", "-c", "-r"} & set(chosen)
    if {"-l", "-u"} & set(chosen) and not asked and not orders:
        return 0
    if not asked and not orders:
        warn(_USAGE)
        return 1
    try:
        hosts = _hosts(chosen)
    except OSError as error:
        why = f"errno: {error.errno} ({error.strerror})"
        warn(f"ERROR:    cannot open file '{chosen['-f']}', {why}")
        return 1
    try:
        seal = _seal(home)
    except ValueError as error:
        warn(f"momctl: {error}")
        return 1
    resolver = Resolver(os.environ.get("PBS_BUILTIN_HOSTS") or home.join("hosts"))
    port = int(chosen.get("-p", home.settings.get("mom_manager_port", MOM_MANAGER_PORT)))
    status = 0
    for host in hosts:
        address = resolver.address(host)
        if "-r" in chosen:
            # TORQUE 6.1.3 was seen to refuse every file.
            warn(f"ERROR:    cannot reconfigure mom on {host} (errno=0-Success)")
            status = 1
            continue
        message = _message(chosen, asked)
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
        if message["op"] == "shutdown":
            _wait_until_gone(address, port)
        status = _tell(message, found, host, asked) or status
    return status


def _seal(home: Home) -> Seal:
    """How to speak to moms. Raises ValueError."""
    path = os.environ.get("PBS_BUILTIN_SECRET_FILE", "")
    secret = home.secret("mom_priv") or home.secret("server_priv")
    if path:
        with open(path, "rb") as file:
            secret = file.read().strip()
    auth = os.environ.get("PBS_BUILTIN_AUTH") or str(home.settings.get("auth", ""))
    return seal_of(auth, secret)


_USAGE = """  no command specified
USAGE:  momctl <ARGS>
            [ -c {JOB|'all'} ]    // CLEAR JOB
            [ -C ]                // CYCLE
            [ -d DIAGLEVEL ]      // DIAGNOSE (0 - 3)
            [ -f HOSTFILE ]       // FILE CONTAINING HOSTLIST
            [ -h HOST[,HOST]... ] // HOSTLIST
            [ -l ]                // PRINT MACHINE LAYOUT (CGROUPS ONLY)
            [ -p PORT ]           // PORT
            [ -q ATTR ]           // QUERY ATTRIBUTE
            [ -r FILE ]           // RECONFIG
            [ -s ]                // SHUTDOWN
            [ -u ]                // UPDATE PBS_SERVER HARDWARE CONFIGURATION

 Only one of c, C, d, q, r, or s must be specified, but -q may
 be used multiple times. HOST may be a hostname or ":property"."""
