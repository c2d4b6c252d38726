"""qsub: submit a job."""

from __future__ import annotations

import getopt
import os
import socket
import sys
from typing import List, Tuple

from .client import Server, Unreachable, warn
from .errors import PbsError
from .home import VERSION, Home
from .job_options import Asked, Options, request_of
from .job_script import directives, read
from .option_values import BadOption, BadValue, illegal

_OPTIONS = "a:A:b:c:C:d:D:e:EfF:hi:Ij:J:k:K:l:L:m:M:nN:o:p:P:q:r:S:t:T:u:v:Vw:W:Xxz"
_KEPT = ("HOME", "LANG", "LOGNAME", "MAIL", "PATH", "SHELL", "TZ")
_USAGE = """
usage: qsub [-a date_time] [-A account_string] [-b secs]
    [-c [ none | { enabled | periodic | shutdown |
    depth=<int> | dir=<path> | interval=<minutes>}... ]
    [-C directive_prefix] [-d path] [-D path]
    [-e path] [-h] [-I] [-j oe|eo|n] [-k {oe}] [-K <kill delay seconds>]\x20
    [-l resource_list] [-m n|{abe}] [-M user_list] [-N jobname] [-o path]\x20
    [-p priority] [-P proxy_user [-J <jobid]] [-q queue] [-r y|n]\x20
    [-S path] [-t number_to_submit] [-T type]  [-u user_list] [-w] path
    [-W additional_attributes] [-v variable_list] [-V ] [-x] [-X] [-z] [script]
"""
_NO_TERMINAL = (
    "qsub:\tstandard input and output must be a terminal for \n\tinteractive job submission"
)


def parse(words: List[str]) -> Tuple[Options, List[str]]:
    """Options and the rest. Raises `BadOption`."""
    try:
        return getopt.gnu_getopt(words, _OPTIONS)
    except getopt.GetoptError as error:
        if len(error.opt) > 1:
            raise BadOption("[a single - is not a valid option]\n") from None
        missing = "requires argument" in error.msg
        why = "option requires an argument" if missing else "invalid option"
        raise BadOption(f"qsub: {why} -- '{error.opt}'\n[exiting]\n") from None


def main(home_path: str) -> int:
    """The command."""
    home = Home(home_path)
    words = sys.argv[1:]
    if "--version" in words:
        print(f"Version: {VERSION}")
        return 0
    try:
        options, rest = parse(words)
        if os.getuid() == 0:
            warn("qsub can not be run as root")
            return 1
        given = _asked(options)
        name, script = read(rest)
        chosen = dict(options)
        prefix = chosen.get("-C") or "#PBS"
        written, _ = parse(directives(script, prefix))
        asked = _asked(written + options) if written else given
        _refuse(written + options, asked)
    except BadOption as error:
        text = f"[qsub: {error}]\n" if isinstance(error, BadValue) else str(error)
        warn(text + (_USAGE if error.usage == 2 else ""))
        return error.usage
    asked["workdir"] = _workdir(asked)
    if "init_dir" in asked:
        asked["init_dir"] = asked["workdir"]
    for where in ("output", "error"):
        if str(asked.get(where, "")).startswith("$HOME"):
            asked[where] = os.environ.get("HOME", "") + str(asked[where])[len("$HOME") :]
    asked.setdefault("name", name)
    asked["name"] = asked["name"] or "none"
    asked.update(script=script, host=socket.gethostname())
    asked["submit_args"] = " ".join(words)
    destination = str(asked.get("queue", ""))
    queue, at, server = destination.partition("@")
    if at and (not server or "@" in server):
        warn(f"qsub: illegally formed destination: {destination}")
        return 2
    asked["queue"] = queue
    try:
        reply = Server(home, 1, server).ask("submit", **asked)
    except Unreachable as error:
        return error.complain("qsub")
    except PbsError as error:
        warn(f"qsub: submit error ({error.text})")
        return error.exit_code
    if "-z" not in {option for option, _ in written + options}:
        print(reply["id"])
    return 0


def _workdir(asked: Asked) -> str:
    folder = str(asked.get("init_dir") or asked.get("workdir") or "")
    return os.path.join(_folder(), folder.rstrip("/")).rstrip("/") or "/"


def _folder() -> str:
    """Where we are, by the name the user knows it by."""
    named, real = os.environ.get("PWD", ""), os.getcwd()
    return named if named and os.path.realpath(named) == os.path.realpath(real) else real


def _refuse(options: Options, asked: Asked) -> None:
    """Refuse what is not here, and what makes no sense. Raises `BadOption`."""
    chosen = dict(options)
    if "-I" in chosen or asked.get("interactive"):
        terminal = sys.stdin.isatty() and sys.stdout.isatty()
        text = "qsub: interactive jobs are not part of this server"
        raise BadOption(text if terminal else _NO_TERMINAL, usage=1)
    if "-x" in chosen:
        raise BadValue("'-x' invalid on non-interactive job")
    if "-X" in chosen and "DISPLAY" not in os.environ:
        raise BadValue("DISPLAY not set")
    if "-J" in chosen and "-P" not in chosen:
        raise BadOption("[The -J option can only be used in conjunction with -P]\n")
    folder = str(asked.get("workdir", "/"))
    if not os.path.isabs(folder) or not os.path.isdir(folder):
        text = f"qsub: Requested working directory '{folder}' is not a valid directory"
        raise BadOption(f"{text}\nPlease specify a valid working directory.", usage=3)
    if "-i" in chosen and not asked.get("array"):
        text = "qsub: the idle array slot limit (-i) can only be applied to array jobs (-t)"
        raise BadOption(text, usage=4)


def _asked(options: Options) -> Asked:
    """What the options ask for. Raises `BadOption`."""
    variables = {f"PBS_O_{key}": os.environ[key] for key in _KEPT if key in os.environ}
    asked = request_of(options, dict(os.environ), variables)
    asked["variables"] = variables
    for option, value in options:
        if option == "-h":
            asked["hold"] = "u"
        elif option == "-P":
            if not value:
                raise BadValue("-P requires a user name")
            asked["proxy"] = value
        elif option == "-J":
            asked["number"] = value
        elif option == "-L":
            asked["tasks"] = tasks(value)
        elif option == "-W" and not value.strip():
            warn("qsub: illegal -W value")
    return asked


def tasks(value: str) -> str:
    """The value of `-L tasks=N...`. Raises `BadValue`."""
    name, _, text = value.partition("=")
    if name != "tasks":
        raise illegal("-L", f"value: '{value}'")
    if not text.split(":")[0].isdigit():
        raise BadValue(f"malformed piece of -L value: 'Bad tasks value: '{text}''")
    return text
