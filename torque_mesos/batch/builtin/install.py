"""Lays the built-in server out: a PBS home, commands in it, and code that any user can run."""

from __future__ import annotations

import compileall
import os
import secrets
import shutil
import socket
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Mapping, Optional, Sequence, Tuple

from .home import Home

PACKAGE = "pbs_builtin"
CLIENT_FOLDER = "/opt/torque-mesos-client"
_MINIMUM = (3, 9)
_SYSTEM_PYTHON = "/usr/bin/python3"

_COMMANDS: Dict[str, Tuple[str, str]] = {
    "bin/qsub": ("qsub", "main"),
    "bin/qstat": ("qstat", "main"),
    "bin/qdel": ("qdel", "qdel"),
    "bin/qrerun": ("qdel", "qrerun"),
    "bin/qrun": ("qdel", "qrun"),
    "bin/qterm": ("qdel", "qterm"),
    "bin/qhold": ("qhold", "qhold"),
    "bin/qrls": ("qhold", "qrls"),
    "bin/qsig": ("qhold", "qsig"),
    "bin/qmove": ("qhold", "qmove"),
    "bin/qalter": ("qalter", "main"),
    "bin/qorder": ("qhold", "qorder"),
    "bin/qselect": ("qselect", "main"),
    "bin/qenable": ("queue_commands", "qenable"),
    "bin/qdisable": ("queue_commands", "qdisable"),
    "bin/qstart": ("queue_commands", "qstart"),
    "bin/qstop": ("queue_commands", "qstop"),
    "bin/qmgr": ("qmgr", "main"),
    "bin/pbsnodes": ("pbsnodes", "main"),
    "bin/tracejob": ("tracejob", "main"),
    "bin/pbsdsh": ("pbsdsh", "main"),
    "sbin/pbs_server": ("server", "main"),
    "sbin/pbs_sched": ("scheduler", "main"),
    "sbin/pbs_mom": ("mom", "main"),
    "sbin/momctl": ("momctl", "main"),
}
_MOM_COMMANDS = ("sbin/pbs_mom", "sbin/momctl", "bin/pbsdsh")
# One runs in jobs, the other reads the server's files.
_NOT_CLIENTS = ("bin/pbsdsh", "bin/tracejob")
_MOM_MODULES = (
    "__init__",
    "auth",
    "client",
    "command_line",
    "errors",
    "home",
    "launch",
    "listener",
    "loop",
    "mom",
    "mom_config",
    "mom_delivery",
    "mom_diagnosis",
    "mom_end",
    "mom_job",
    "mom_join",
    "mom_leave",
    "mom_limits",
    "mom_manager",
    "mom_paths",
    "mom_pelog",
    "mom_report",
    "mom_sisters",
    "mom_sockets",
    "mom_staging",
    "mom_status",
    "mom_tasks",
    "mom_use",
    "mom_watch",
    "momctl",
    "munge",
    "names",
    "pbsdsh",
    "pelog",
    "processes",
    "remote",
    "rotation",
    "seal",
    "settings",
    "traps",
    "wire",
)


@dataclass(frozen=True)
class Installation:
    """Where a built-in server was laid out."""

    home: Path
    bin_dir: Path
    sbin_dir: Path


def install(
    home: Path,
    *,
    server_name: str = "",
    hosts: Optional[Mapping[str, str]] = None,
    delay_scale: float = 1.0,
    server_port: int = 15001,
    mom_service_port: int = 15002,
    mom_manager_port: int = 15003,
    secret: bool = False,
    auth: Optional[str] = None,
) -> Installation:
    """Lay out a home with commands below `home`; done again, it only brings things up to date.

    `hosts` maps names to IPv4 addresses, for names that the system does not know.
    `delay_scale` makes TORQUE's own delays shorter (0.1: a tenth). With `secret`, moms
    must have a copy of `server_priv/secret` (see `pbs_mom`'s PBS_BUILTIN_SECRET_FILE).
    `auth`: empty or `munge`; None: as it is. Raises OSError.
    """
    import json

    home = Path(home).absolute()
    laid = Home(str(home))
    laid.make_server_folders()
    laid.make_mom_folders()
    (home / "server_name").write_text(f"{server_name or socket.gethostname()}\n")
    if hosts:
        lines = [f"{address}\t{name}\n" for name, address in hosts.items()]
        (home / "hosts").write_text("".join(lines))
    settings = {
        **laid.settings,
        "delay_scale": delay_scale,
        "server_port": server_port,
        "mom_service_port": mom_service_port,
        "mom_manager_port": mom_manager_port,
        **({} if auth is None else {"auth": auth}),
    }
    (home / "server_priv" / "builtin.json").write_text(json.dumps(settings) + "\n")
    if secret and not (home / "server_priv" / "secret").exists():
        _write_secret(home / "server_priv" / "secret")
    python = interpreter()
    library = home / "lib" / PACKAGE
    _copy_modules(library, sorted(path.stem for path in _source().glob("*.py")))
    _compile(library, python)
    for name, (module, function) in _COMMANDS.items():
        _write_wrapper(home / name, python, str(home / "lib"), module, function, str(home))
    return Installation(home, home / "bin", home / "sbin")


def client_files() -> Dict[str, Tuple[bytes, int]]:
    """What a host needs for users' commands: path below CLIENT_FOLDER -> (content, mode).

    They ask a server that runs here as the service does, or else the one that
    /etc/torque-mesos/server_name names.
    """
    files = {
        f"lib/{PACKAGE}/{path.name}": (path.read_bytes(), 0o644)
        for path in sorted(_source().glob("*.py"))
    }
    for name, (module, function) in _COMMANDS.items():
        if name.startswith("bin/") and name not in _NOT_CLIENTS:
            text = _CLIENT.format(CLIENT_FOLDER, PACKAGE, module, function, _ANY_BYTES)
            files[name] = (text.encode(), 0o755)
    return files


def mom_files() -> Dict[str, Tuple[bytes, int]]:
    """What an agent needs to run a mom: path in the bundle -> (content, mode).

    Unpacked anywhere, `sbin/pbs_mom -d HOME -H NAME ...` and `sbin/momctl` run on Python
    3.9 or later with nothing else installed.
    """
    files = {
        f"lib/{PACKAGE}/{name}.py": ((_source() / f"{name}.py").read_bytes(), 0o644)
        for name in _MOM_MODULES
    }
    for name in _MOM_COMMANDS:
        module, function = _COMMANDS[name]
        files[name] = (_PORTABLE.format(PACKAGE, module, function).encode(), 0o755)
    return files


def interpreter() -> str:
    """The Python that all users can run: the system's if it is new enough, else our own."""
    if os.path.exists(_SYSTEM_PYTHON) and os.stat(_SYSTEM_PYTHON).st_mode & stat.S_IXOTH:
        question = "import sys; print(*sys.version_info[:2])"
        asked = [_SYSTEM_PYTHON, "-I", "-S", "-c", question]
        answer = subprocess.run(asked, capture_output=True, text=True, check=False)
        version = tuple(int(word) for word in answer.stdout.split())
        if answer.returncode == 0 and version >= _MINIMUM:
            return _SYSTEM_PYTHON
    return sys.executable


def _source() -> Path:
    return Path(__file__).parent


def _copy_modules(library: Path, names: Sequence[str]) -> None:
    library.mkdir(parents=True, exist_ok=True)
    for folder in (library, library.parent):
        folder.chmod(0o755)
    for name in names:
        target = library / f"{name}.py"
        shutil.copyfile(_source() / f"{name}.py", target)
        target.chmod(0o644)


def _compile(library: Path, python: str) -> None:
    if Path(python).samefile(sys.executable):
        compileall.compile_dir(str(library), quiet=2)
    else:
        command = [python, "-I", "-S", "-m", "compileall", "-qq", str(library)]
        subprocess.run(command, check=True)
    for path in (library / "__pycache__").glob("*"):
        path.chmod(0o644)
    (library / "__pycache__").chmod(0o755)


def _write_secret(path: Path) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(32) + "\n")


def _write_wrapper(
    path: Path, python: str, library: str, module: str, function: str, home: str
) -> None:
    path.parent.mkdir(exist_ok=True)
    path.parent.chmod(0o755)
    path.write_text(_WRAPPER.format(python, library, PACKAGE, module, function, home, _ANY_BYTES))
    path.chmod(0o755)


# What users write need not be UTF-8: it comes out as it went in.
_ANY_BYTES = """for stream in filter(None, (sys.stdin, sys.stdout)):
    stream.reconfigure(errors="surrogateescape")"""
# Isolated, and without `site`: the command starts in a third of the time.
_WRAPPER = """#!{0} -IS
import sys
sys.path.insert(0, {1!r})
{6}
from {2}.{3} import {4}
sys.exit({4}({5!r}))
"""
_CLIENT = """#!/usr/bin/python3 -IS
import os
import sys
sys.path.insert(0, "{0}/lib")
{4}
from {1}.{2} import {3}
here = "/var/lib/torque-mesos/batch"
sys.exit({3}(here if os.path.exists(here + "/sock/pbs_server") else "/etc/torque-mesos"))
"""
_PORTABLE = """#!/usr/bin/env python3
import os
import sys
top = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
sys.path.insert(0, os.path.join(top, "lib"))
from {0}.{1} import {2}
sys.exit({2}())
"""
