"""qsub: submit a job."""

from __future__ import annotations

import getopt
import os
import socket
import sys
from typing import List, Tuple

from .client import Server, Unreachable, warn
from .errors import PbsError
from .home import Home
from .job_options import Asked, BadOption, BadValue, Options, request_of

_OPTIONS = "a:A:b:c:C:d:D:e:fF:hIj:J:k:K:l:m:M:nN:o:p:P:q:r:S:t:T:u:v:Vw:W:xXz"
_KEPT = ("HOME", "LANG", "LOGNAME", "MAIL", "PATH", "SHELL", "TZ")
_USAGE = """
usage: qsub [-a date_time] [-A account_string] [-d path] [-e path] [-h] [-j oe|eo|n]
    [-k {oe}] [-l resource_list] [-m n|{abe}] [-M user_list] [-N jobname] [-o path]
    [-p priority] [-q queue] [-r y|n] [-S path] [-W additional_attributes]
    [-v variable_list] [-V ] [-z] [script]
"""
_NO_TERMINAL = (
    "qsub:\tstandard input and output must be a terminal for \n\tinteractive job submission "
)


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


def _read_script(rest: List[str]) -> Tuple[str, str]:
    if not rest or rest[0] == "-":
        return "STDIN", sys.stdin.read()
    try:
        with open(rest[0], encoding="utf-8", errors="surrogateescape") as file:
            return os.path.basename(rest[0]), file.read()
    except OSError as error:
        text = f"qsub: script file '{rest[0]}' cannot be loaded - {error.strerror}"
        raise BadOption(text, usage=1) from None


def main(home_path: str) -> int:
    """The command."""
    home = Home(home_path)
    words = sys.argv[1:]
    if os.getuid() == 0:
        warn("qsub can not be run as root")
        return 1
    try:
        options, rest = parse(words)
        _refuse(options)
        name, script = _read_script(rest)
        chosen = dict(options)
        written, _ = parse(directives(script, chosen.get("-C", "#PBS")))
        _refuse(written)
        asked = _asked(written + options)
    except BadOption as error:
        text = f"[qsub: {error}]\n" if isinstance(error, BadValue) else str(error)
        warn(text + (_USAGE if error.usage == 2 else ""))
        return error.usage
    workdir = str(asked.get("init_dir") or asked.get("workdir") or "")
    workdir = os.path.join(_folder(), workdir.rstrip("/")).rstrip("/")
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


def _refuse(options: Options) -> None:
    """Refuse what is not here, and what makes no sense. Raises `BadOption`."""
    letters = {option for option, _ in options}
    if "-I" in letters:
        terminal = sys.stdin.isatty() and sys.stdout.isatty()
        text = "qsub: interactive jobs are not part of this server"
        raise BadOption(text if terminal else _NO_TERMINAL, usage=1)
    if "-x" in letters:
        raise BadValue("'-x' invalid on non-interactive job")
    if "-X" in letters and "DISPLAY" not in os.environ:
        raise BadValue("DISPLAY not set")
    if "-D" in letters:
        raise BadOption("qsub: -D is not part of this server", usage=1)


def _asked(options: Options) -> Asked:
    """What the options ask for. Raises `BadOption`."""
    variables = {f"PBS_O_{key}": os.environ[key] for key in _KEPT if key in os.environ}
    asked = request_of(options, dict(os.environ), variables)
    asked["variables"] = variables
    if any(option == "-h" for option, _ in options):
        asked["hold"] = "u"
    return asked
