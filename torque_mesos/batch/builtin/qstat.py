"""qstat: jobs, queues and the server."""

from __future__ import annotations

import re
import sys
from functools import partial
from typing import Any, Callable, Dict, List, Tuple

from .client import NO_SERVER, Server, Unreachable, shown_id, warn
from .errors import UNKQUE, PbsError
from .home import VERSION, Home
from .qstat_long import lines, queue_lines
from .qstat_options import JOBS, QUEUES, SERVERS, BadOptions, Options, parse
from .show import full, xml

Told = List[Tuple[str, Any]]

_HEAD = (
    "Job ID                    Name             User            Time Use S Queue\n"
    "------------------------- ---------------- --------------- -------- - -----"
)
_QUEUE_HEAD = (
    "Queue              Max    Tot   Ena   Str   Que   Run   Hld   Wat   Trn   Ext T   Cpt\n"
    "----------------   ---   ----    --    --   ---   ---   ---   ---   ---   --- -   ---"
)
_SERVER_HEAD = (
    "Server             Max   Tot   Que   Run   Hld   Wat   Trn   Ext   Com Status    \n"
    "----------------   ---   ---   ---   ---   ---   ---   ---   ---   --- ----------"
)
_JOB = re.compile(r"\d+(\[\d*\])?(\.[\w.-]+)?")
_COUNTS = ("Queued", "Running", "Held", "Waiting", "Transit", "Exiting", "Complete")


def short(name: str) -> str:
    """A job's name, of a long one its end."""
    return name if len(name) <= 16 else f"...{name[-13:]}"


def row(job_id: str, shown: Dict[str, str]) -> str:
    """One job in the plain list."""
    used = shown.get("resources_used.cput", "0")
    owner = shown["Job_Owner"].split("@")[0]
    name, queue = short(shown["Job_Name"]), shown["queue"]
    return f"{job_id:<26} {name:<16} {owner[:15]:<15} {used:>8} {shown['job_state']} {queue:<15}"


def _jobs(told: Told, options: Options) -> None:
    flags = options.flags
    out: List[str] = []
    if "x" in flags:
        jobs = (f"<Job><Job_Id>{job}</Job_Id>{xml(shown)}</Job>" for job, shown in told)
        sys.stdout.write('<?xml version="1.0"?>\n<Data>' + "".join(jobs) + "</Data>\n")
        return
    if "f" in flags:
        for job, shown in told:
            out += [f"Job Id: {job}", full(shown, "1" not in options.listed), ""]
    elif told:
        out = [_HEAD, *(row(job, dict(shown)) for job, shown in told)]
    if out:
        print("\n".join(out))


def _counts(shown: Dict[str, str]) -> Dict[str, str]:
    return dict(word.split(":") for word in shown["state_count"].split())


def _queues(told: Told, options: Options) -> None:
    if "f" in options.flags:
        for name, shown in told:
            print(f"Queue: {name}\n{full(shown, '1' not in options.listed, times=False)}\n")
        return
    if told:
        print(_QUEUE_HEAD)
    for name, attributes in told:
        shown = dict(attributes)
        counts = _counts(shown)
        yes = ["yes" if shown.get(key) == "True" else "no" for key in ("enabled", "started")]
        numbers = " ".join(f"{counts[key]:>5}" for key in _COUNTS[:-1])
        kind = shown["queue_type"][:1]
        most = shown.get("max_running", "0")
        line = f"{name:<16} {most:>5} {shown['total_jobs']:>6} {yes[0]:>5} {yes[1]:>5} {numbers}"
        print(f"{line} {kind} {counts['Complete']:>5}")


def _server(told: Told, options: Options) -> None:
    for name, attributes in told:
        shown = dict(attributes)
        if "f" in options.flags:
            one_line = "1" in options.listed
            print(f"Server: {name}\n{full(attributes, not one_line, times=False)}\n")
            continue
        counts = _counts(shown)
        numbers = " ".join(f"{counts[key]:>5}" for key in _COUNTS)
        most = shown.get("max_running", "0")
        line = (
            f"{name:<16} {most:>5} {shown['total_jobs']:>5} {numbers} {shown['server_state']:<10}"
        )
        print(f"{_SERVER_HEAD}\n{line}")


def main(home_path: str) -> int:
    """The command."""
    if "--version" in sys.argv[1:]:
        print(f"Version: {VERSION}")
        return 0
    try:
        options, names = parse(sys.argv[1:])
    except BadOptions as error:
        warn(str(error))
        return 2
    return Command(Home(home_path), options).run(names)


class Command:
    """Shows what is asked for; the first thing that fails is what it exits with."""

    def __init__(self, home: Home, options: Options) -> None:
        self._home = home
        self._options = options
        self._servers: Dict[str, Server] = {}
        self._status = 0
        self._failed = False

    def run(self, names: List[str]) -> int:
        """The whole answer."""
        if self._options.mode == SERVERS:
            for name in names or [""]:
                self._ask(name, name, self._one_server)
        elif self._options.mode == QUEUES:
            told: Told = []
            for name in names or [""]:
                queue, _, where = name.partition("@")
                self._ask(where, name, partial(self._add_queues, told, queue))
            if told or not self._failed:
                self._show_queues(told)
        else:
            told = []
            for name in names or [""]:
                where = name.partition("@")[2]
                self._ask(where, name, partial(self._add_jobs, told, name))
            if told or not self._failed:
                self._show_jobs(told)
        return self._status

    def _ask(self, where: str, name: str, about: Callable[[Server], None]) -> None:
        try:
            if where not in self._servers:
                self._servers[where] = Server(self._home, 3, where)
            about(self._servers[where])
        except Unreachable as error:
            error.complain("qstat")
            code, text = error.code, error.text
            if self._options.mode == SERVERS and code != NO_SERVER:
                code, text = -code, f"Unknown error {-code}"
            warn(f"qstat: Error ({code} - {text}) ")
            self._fail(code & 0xFF)
        except BadJobId:
            warn(f"qstat: illegally formed job identifier: {name}")
            warn("qstat: Error (1 - Operation not permitted) ")
            self._fail(1)
        except PbsError as error:
            self._complain(error, name)
            self._fail(error.exit_code)

    def _fail(self, status: int) -> None:
        self._status = self._status or status
        self._failed = True

    def _complain(self, error: PbsError, name: str) -> None:
        if self._options.mode != JOBS:
            warn(f"qstat: {error.text} ")
        elif error.code == UNKQUE:
            warn(f"qstat: Unknown queue destination {name.partition('@')[0]}")
        else:
            server = next(iter(self._servers.values()))
            warn(f"qstat: {error.text} {shown_id(name, server.name)}")

    def _one_server(self, server: Server) -> None:
        _server(server.ask("server")["server"], self._options)

    def _show_queues(self, told: Told) -> None:
        if "q" in self._options.listed:
            print("\n".join(queue_lines(self._home.server_name, told)))
        else:
            _queues(told, self._options)

    def _show_jobs(self, told: Told) -> None:
        options = self._options
        if "c" in options.flags:
            told = [(job, shown) for job, shown in told if dict(shown)["job_state"] != "C"]
        if options.wide:
            out = lines(self._home.server_name, told, options)
            if out:
                print("\n".join(out))
        else:
            _jobs(told, options)

    def _add_queues(self, told: Told, queue: str, server: Server) -> None:
        told += server.ask("queues", names=[queue] if queue else [])["queues"]

    def _add_jobs(self, told: Told, name: str, server: Server) -> None:
        told += self._of(server, name)

    def _of(self, server: Server, name: str) -> Told:
        name = name.partition("@")[0]
        executing = "e" in self._options.flags
        members = "t" in self._options.flags or executing
        brief = not (self._options.wide or {"f", "x", "e"} & self._options.flags)
        if name[:1].isdigit():
            if not _JOB.fullmatch(name):
                raise BadJobId(name)
            if "[]" not in name or members:
                return list(server.ask("jobs", id=name, members=members, brief=brief)["jobs"])
            # As TORQUE does, which finds the array and then shows all jobs.
            server.ask("jobs", id=name)
            name = ""
        queue = {"queue": name} if name else {}
        told = list(server.ask("jobs", members=members, brief=brief, **queue)["jobs"])
        return [(job, shown) for job, shown in told if not executing or _executes(dict(shown))]


class BadJobId(Exception):
    """A name that begins as a job's id does, and is none."""


def _executes(shown: Dict[str, str]) -> bool:
    return shown.get("queue_type") == "E"
