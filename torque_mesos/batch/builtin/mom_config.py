"""A mom's options and its configuration file."""

from __future__ import annotations

import getopt
import os
import socket
import stat
import sys
from typing import List, Tuple

from .home import MOM_MANAGER_PORT, MOM_SERVICE_PORT, SERVER_PORT, Home
from .rotation import UNDELIVERED_DAYS
from .seal import Seal, seal_of
from .traps import PATH_CHECK, Traps


class MomConfig:
    """What a mom was told. `usecp` has (host pattern, prefix there, prefix here).

    No dataclass: importing those would make every mom start 6 ms later.
    """

    def __init__(self, home: Home, name: str, hosts: str) -> None:
        self.home = home
        self.name = name
        self.hosts = hosts
        self.server = ""
        self.server_port = SERVER_PORT
        self.service_port = MOM_SERVICE_PORT
        self.manager_port = MOM_MANAGER_PORT
        self.status_update_s = 45.0
        self.check_poll_s = 45.0
        self.log_level = 0  # shown, and nothing else
        self.prologue_alarm_s = 300.0
        self.job_starter = ""
        self.undelivered_days = UNDELIVERED_DAYS
        self.usecp: List[Tuple[str, str, str]] = []
        self.auth = ""
        self.seal = Seal()


def configure(arguments: List[str], home_path: str) -> Tuple[MomConfig, bool, str, bool]:
    """Read options and `mom_priv/config`; makes the home where it is missing.

    Gives also: whether to stay in the foreground, the log file's path (or empty), and
    whether earlier jobs are to be ended. Exits with 1 on an unknown option, and with 3, without
    a word, where the trap `path_check` is set and all may write where the home is.
    """
    try:
        options, _ = getopt.getopt(arguments, "a:A:c:C:d:DFhH:lL:mM:o:pPqrR:sS:vwx", ["help"])
    except getopt.GetoptError as error:
        print(f"pbs_mom: {error}", file=sys.stderr)
        sys.exit(1)
    chosen = dict(options)
    if "-h" in chosen or "--help" in chosen:
        print(_USAGE, file=sys.stderr)
        sys.exit(0)
    home = Home(os.path.abspath(chosen.get("-d", home_path)))
    home.make_mom_folders()
    if Traps(home.settings).strikes(PATH_CHECK) and not _safe(home):
        # TORQUE's says why to syslog only.
        sys.exit(3)
    hosts = chosen.get("-o") or os.environ.get("PBS_BUILTIN_HOSTS") or home.join("hosts")
    config = MomConfig(home, chosen.get("-H", chosen.get("-A", socket.gethostname())), hosts)
    settings = home.settings
    config.server_port = int(settings.get("server_port", SERVER_PORT))
    config.service_port = int(settings.get("mom_service_port", MOM_SERVICE_PORT))
    config.manager_port = int(settings.get("mom_manager_port", MOM_MANAGER_PORT))
    config.auth = os.environ.get("PBS_BUILTIN_AUTH") or str(settings.get("auth", ""))
    config.undelivered_days = int(settings.get("undelivered_days", UNDELIVERED_DAYS))
    _read(config, chosen.get("-c", home.join("mom_priv", "config")))
    config.server = config.server or home.server_name or socket.gethostname()
    config.service_port = int(chosen.get("-M", config.service_port))
    config.manager_port = int(chosen.get("-R", config.manager_port))
    config.server_port = int(chosen.get("-S", config.server_port))
    try:
        config.seal = seal_of(config.auth, _secret(home))
    except ValueError as error:
        print(f"pbs_mom: {error}", file=sys.stderr)
        sys.exit(3)
    foreground = bool({"-D", "-F"} & set(chosen))
    return config, foreground, chosen.get("-L", ""), bool({"-P", "-q"} & set(chosen))


def _safe(home: Home) -> bool:
    """Whether only root and we may write to every folder on the way, and all to the spool."""
    for name in ("spool", "undelivered"):
        if stat.S_IMODE(os.stat(home.join(name)).st_mode) != 0o1777:
            return False
    folder = home.join("mom_priv")
    while folder != os.path.dirname(folder):
        if os.stat(folder).st_mode & stat.S_IWOTH:
            return False
        folder = os.path.dirname(folder)
    return True


def _secret(home: Home) -> bytes:
    path = os.environ.get("PBS_BUILTIN_SECRET_FILE")
    if path:
        with open(path, "rb") as file:
            return file.read().strip()
    return home.secret("mom_priv") or home.secret("server_priv")


def _read(config: MomConfig, path: str) -> None:
    try:
        with open(path, encoding="utf-8") as file:
            lines = [line.split("#")[0].split() for line in file]
    except OSError:
        return
    for words in filter(None, lines):
        name, values = words[0].lstrip("$"), words[1:]
        if name in ("pbsserver", "pbs_server", "clienthost") and values and not config.server:
            config.server, _, port = values[0].partition(":")
            config.server_port = int(port or config.server_port)
        elif name == "status_update_time" and values:
            config.status_update_s = float(values[0])
        elif name == "check_poll_time" and values:
            config.check_poll_s = float(values[0])
        elif name == "prologalarm" and values:
            config.prologue_alarm_s = float(values[0])
        elif name == "job_starter" and values:
            config.job_starter = " ".join(values)
        elif name == "auth" and values:
            config.auth = values[0]
        elif name == "usecp" and len(values) == 2:
            host, _, prefix = values[0].partition(":")
            config.usecp.append((host, prefix, values[1]))


_USAGE = """Usage: pbs_mom
  -c <PATH> \\\\ Config File
  -d <PATH> \\\\ Home Dir
  -D        \\\\ Debug mode (do not fork)
  -F        \\\\ Do not fork (use when running under systemd)
  -h        \\\\ Print Usage
  -H <HOST> \\\\ Hostname
  -L <PATH> \\\\ Logfile
  -M <INT>  \\\\ MOM Port
  -o <PATH> \\\\ Hosts File
  -p        \\\\ Recover Jobs (Default)
  -P        \\\\ Purge Jobs
  -q        \\\\ Do Not Recover Jobs
  -R <INT>  \\\\ RM Port
  -S <INT>  \\\\ Server Port"""
