"""qsub: submit a job."""

from __future__ import annotations

import getopt
import os
import socket
import sys
from typing import Callable, Dict, List, Tuple

from .client import Server, Unreachable, warn
from .errors import PbsError
from .home import Home

_OPTIONS = "a:A:b:c:C:d:D:e:fF:hIj:J:k:K:l:m:M:nN:o:p:P:q:r:S:t:T:u:v:VwW:xXz"
_KEPT = ("HOME", "LANG", "LOGNAME", "MAIL", "PATH", "SHELL", "TZ")
_USAGE = """
usage: qsub [-a date_time] [-A account_string] [-d path] [-e path] [-h] [-j oe|eo|n]
    [-k {oe}] [-l resource_list] [-m n|{abe}] [-M user_list] [-N jobname] [-o path]
    [-p priority] [-q queue] [-r y|n] [-S path] [-W additional_attributes]
    [-v variable_list] [-V ] [-z] [script]
"""
_NOT_HERE = {"-I": "interactive jobs", "-t": "job arrays"}

Options = List[Tuple[str, str]]


class BadOption(Exception):
    """An option that cannot be taken; the text is TORQUE's."""


def directives(script: str, prefix: str = "#PBS") -> List[str]:
    """The words of a script's `#PBS` lines, up to its first command."""
    import shlex

    words: List[str] = []
    for number, line in enumerate(script.splitlines()):
        text = line.strip()
        if text.startswith(prefix):
            words += shlex.split(text[len(prefix) :], comments=True)
        elif text and not text.startswith("#") and not (number == 0 and text.startswith(":")):
            break
    return words


def parse(words: List[str]) -> Tuple[Options, List[str]]:
    """Options and the rest. Raises `BadOption`."""
    try:
        return getopt.getopt(words, _OPTIONS)
    except getopt.GetoptError as error:
        raise BadOption(f"qsub: invalid option -- '{error.opt}'\n[exiting]") from None


def request_of(options: Options, environ: Dict[str, str]) -> Dict[str, object]:
    """What the server is asked for. Later options win. Raises `BadOption`."""
    asked: Dict[str, object] = {}
    resources: Dict[str, str] = {}
    variables = {f"PBS_O_{key}": environ[key] for key in _KEPT if key in environ}
    for option, value in options:
        if option in _NOT_HERE:
            raise BadOption(f"qsub: {_NOT_HERE[option]} are not part of this server")
        if option == "-l":
            for part in _split(value):
                name, _, text = part.partition("=")
                resources[name] = text
        elif option == "-v":
            for part in value.split(","):
                name, equals, text = part.partition("=")
                if equals or name in environ:
                    variables[name] = text if equals else environ[name]
        elif option == "-V":
            for name, text in environ.items():
                if name != "_" and not name.startswith("BASH_FUNC"):
                    variables.setdefault(name, text)
        elif option == "-W":
            _additional(value, asked)
        elif option in _CHECKED:
            name, allowed, what = _CHECKED[option]
            if not allowed(value):
                raise BadOption(f"[qsub: illegal {option} {what}]")
            asked[name] = value == "y" if option == "-r" else value
        elif option in _PLAIN:
            asked[_PLAIN[option]] = value
        elif option == "-h":
            asked["hold"] = "u"
        elif option == "-a":
            asked["after"] = _moment(value)
    asked["resources"] = list(resources.items())
    asked["variables"] = variables
    return asked


_PLAIN = {
    "-A": "account",
    "-d": "workdir",
    "-e": "error",
    "-m": "mail",
    "-o": "output",
    "-q": "queue",
    "-S": "shell",
}
_CHECKED: Dict[str, Tuple[str, Callable[[str], bool], str]] = {
    "-j": ("join", lambda v: v in ("oe", "eo", "n"), "value"),
    "-k": ("keep", lambda v: v in ("o", "e", "oe", "eo", "n"), "value"),
    "-N": ("name", lambda v: bool(v) and v.isprintable() and " " not in v, "value"),
    "-p": ("priority", lambda v: v.lstrip("+-").isdigit() and abs(int(v)) <= 1024, "value"),
    "-r": ("rerunable", lambda v: v in ("y", "n"), "value (y/n)"),
}


def _split(text: str) -> List[str]:
    """The parts of a resource list; a part without `=` belongs to the one before."""
    parts: List[str] = []
    for part in text.split(","):
        if "=" in part or not parts:
            parts.append(part)
        else:
            parts[-1] += "," + part
    return parts


def _additional(value: str, asked: Dict[str, object]) -> None:
    for part in value.split(","):
        name, _, text = part.partition("=")
        if name in ("depend", "stagein", "stageout"):
            raise BadOption(f"qsub: -W {name} is not part of this server")
        if name == "umask":
            asked["umask"] = int(text, 8)


def _moment(text: str) -> float:
    import time

    digits, _, seconds = text.partition(".")
    if not digits.isdigit() or len(digits) not in (4, 6, 8, 10, 12):
        raise BadOption("[qsub: illegal -a value]")
    now = time.localtime()
    given = [int(digits[at : at + 2]) for at in range(0, len(digits), 2)]
    year, month, day = now.tm_year, now.tm_mon, now.tm_mday
    hour, minute = given[-2:]
    if len(given) > 2:
        day = given[-3]
    if len(given) > 3:
        month = given[-4]
    if len(given) > 4:
        year = given[-5] + (given[-6] if len(given) > 5 else now.tm_year // 100) * 100
    moment = time.mktime((year, month, day, hour, minute, int(seconds or 0), 0, 0, -1))
    if moment < time.time() and len(given) == 2:
        moment += 86400
    return moment


def _read_script(rest: List[str]) -> Tuple[str, str]:
    if not rest or rest[0] == "-":
        return "STDIN", sys.stdin.read()
    try:
        with open(rest[0], encoding="utf-8", errors="surrogateescape") as file:
            return os.path.basename(rest[0]), file.read()
    except OSError as error:
        text = f"qsub: script file '{rest[0]}' cannot be loaded - {error.strerror}"
        raise BadOption(text) from None


def main(home_path: str) -> int:
    """The command."""
    home = Home(home_path)
    words = sys.argv[1:]
    if os.getuid() == 0:
        warn("qsub can not be run as root")
        return 1
    usage = 2
    try:
        options, rest = parse(words)
        usage = 1
        name, script = _read_script(rest)
        usage = 2
        chosen = dict(options)
        written, _ = parse(directives(script, chosen.get("-C", "#PBS")))
        asked = request_of(written + options, dict(os.environ))
    except BadOption as error:
        warn(str(error) + (_USAGE if usage == 2 else ""))
        return usage
    workdir = os.path.join(_folder(), str(asked.get("workdir", "")).rstrip("/")).rstrip("/")
    asked.setdefault("name", name)
    asked.update(script=script, host=socket.gethostname(), workdir=workdir or "/")
    asked["submit_args"] = " ".join(words)
    queue, _, server = str(asked.get("queue", "")).partition("@")
    asked["queue"] = queue
    try:
        reply = Server(home, 1, server).ask("submit", **asked)
    except Unreachable as error:
        name = error.server
        warn(f"qsub: cannot connect to server {name} (errno={error.code}) {error.text}")
        return error.code & 0xFF
    except PbsError as error:
        warn(f"qsub: submit error ({error.text})")
        return error.exit_code
    if not any(option == "-z" for option, _ in options):
        print(reply["id"])
    return 0


def _folder() -> str:
    """Where we are, by the name the user knows it by."""
    named, real = os.environ.get("PWD", ""), os.getcwd()
    return named if named and os.path.realpath(named) == os.path.realpath(real) else real
