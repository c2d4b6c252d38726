"""The options that qsub and qalter share, and what they ask the server for."""

from __future__ import annotations

import re
from typing import Callable, Dict, List, Tuple

Options = List[Tuple[str, str]]
Asked = Dict[str, object]

_PLAIN_KINDS = ("start", "ok", "notok", "any")
_KINDS = {
    f"{when}{how}{what}"
    for when in ("after", "before")
    for how in _PLAIN_KINDS
    for what in ("", "array")
} - {"afterstart", "beforestart"} | {"after", "before"}
_JOB = re.compile(r"\d+(\[\d*\])?(\.[\w.-]+)?(\[\d+\])?")
_CHECKPOINT = re.compile(
    r"(n|s|c|none|enabled|shutdown|periodic|(c|depth|interval)=\d+|dir=.+)(,.+)?"
)


class BadOption(Exception):
    """An option that cannot be taken. `usage` is the exit status: 2 shows the usage too."""

    def __init__(self, text: str, usage: int = 2) -> None:
        self.usage = usage
        super().__init__(text)


class BadValue(BadOption):
    """An option's value that cannot be taken; the text names the option."""


def illegal(option: str, what: str = "value") -> BadValue:
    """The error that an option's value is not one of those that can be."""
    return BadValue(f"illegal {option} {what}")


def request_of(options: Options, environ: Dict[str, str], variables: Dict[str, str]) -> Asked:
    """What the server is asked for; `variables` is added to. Later options win.

    Raises `BadOption`.
    """
    asked: Asked = {}
    resources: Dict[str, str] = {}
    others: Dict[str, str] = {}
    for option, value in options:
        if option == "-l":
            _resources(value, resources)
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
            _additional(value, asked, others)
        elif option in _CHECKED:
            name, allowed, what = _CHECKED[option]
            if not allowed(value):
                raise illegal(option, what)
            asked[name] = value == "y" if option == "-r" else value
        elif option in _PLAIN:
            asked[_PLAIN[option]] = value
        elif option in _OTHERS:
            others[_OTHERS[option]] = value or "True"
        elif option == "-a":
            asked["after"] = moment(value)
    if "nodes" in resources and "procs" in resources:
        raise illegal("-l")
    asked["resources"] = list(resources.items())
    if others:
        asked["others"] = others
    return asked


_PLAIN = {
    "-A": "account",
    "-e": "error",
    "-M": "mail_users",
    "-o": "output",
    "-P": "proxy",
    "-q": "queue",
    "-t": "array",
    "-u": "users",
    "-w": "workdir",
}
_OTHERS = {"-K": "user_kill_delay", "-T": "jobtype", "-n": "node_exclusive"}
_CHECKED: Dict[str, Tuple[str, Callable[[str], bool], str]] = {
    "-c": ("checkpoint", lambda v: _CHECKPOINT.fullmatch(v) is not None, "value"),
    "-d": ("init_dir", lambda v: v.startswith("/"), "value"),
    "-j": ("join", lambda v: v in ("oe", "eo", "n"), "value"),
    "-k": ("keep", lambda v: v in ("o", "e", "oe", "eo", "n"), "value"),
    "-m": ("mail", lambda v: v == "n" or (bool(v) and set(v) <= set("abefp")), "value"),
    "-N": ("name", lambda v: bool(v) and v.isprintable() and " " not in v, "value"),
    "-p": ("priority", lambda v: v.lstrip("+-").isdigit() and abs(int(v)) <= 1024, "value"),
    "-r": ("rerunable", lambda v: v in ("y", "n"), "value (y/n)"),
    "-S": ("shell", lambda v: all(part.startswith("/") for part in v.split(",")), "value"),
}


def _resources(value: str, resources: Dict[str, str]) -> None:
    for part in _split(value):
        name, equals, text = part.partition("=")
        if not equals:
            raise BadOption(
                f"Cannot find an attr=value pair in comma separated value '{part}'", usage=1
            )
        if name == "gpus":
            name, text = "gres", f"gpus:{text}"
        resources[name] = text


def _split(text: str) -> List[str]:
    """The parts of a list; a part without `=` belongs to the one before."""
    parts: List[str] = []
    for part in text.split(","):
        if "=" in part or not parts:
            parts.append(part)
        else:
            parts[-1] += "," + part
    return parts


def _additional(value: str, asked: Asked, others: Dict[str, str]) -> None:
    for part in _split(value):
        name, _, text = part.partition("=")
        if name == "depend":
            asked["depend"] = dependencies(text)
        elif name == "x":
            others["x"] = text
        elif name in _ADDITIONAL:
            asked[_ADDITIONAL[name]] = text
        else:
            asked["unknown"] = name


_ADDITIONAL = {
    "group_list": "groups",
    "stagein": "stagein",
    "stageout": "stageout",
    "umask": "umask",
}


def dependencies(text: str) -> List[List[str]]:
    """`afterok:1:2,on:3` as a list of a kind and what follows it. Raises `BadOption`."""
    found: List[List[str]] = []
    for part in text.split(","):
        kind, *names = part.split(":")
        if kind == "on":
            good = len(names) == 1 and names[0].isdigit()
        else:
            good = kind in _KINDS and all(_JOB.fullmatch(name) for name in names)
        if not good:
            raise BadValue(f"illegal -W dependency value: '{part}'")
        found.append([kind, *names])
    return found


def moment(text: str) -> float:
    """The time of `-a [[[[CC]YY]MM]DD]hhmm[.SS]`, seconds of the epoch. Raises `BadOption`."""
    import time

    digits, _, seconds = text.partition(".")
    if not digits.isdigit() or len(digits) not in (4, 6, 8, 10, 12):
        raise illegal("-a")
    now = time.localtime()
    given = [int(digits[at : at + 2]) for at in range(0, len(digits), 2)]
    year, month, day = now.tm_year, now.tm_mon, now.tm_mday
    hour, minute = given[-2:]
    if hour > 23 or minute > 59 or (seconds and not seconds.isdigit()):
        raise illegal("-a")
    if len(given) > 2:
        day = given[-3]
    if len(given) > 3:
        month = given[-4]
    if len(given) > 4:
        year = given[-5] + (given[-6] if len(given) > 5 else now.tm_year // 100) * 100
    due = time.mktime((year, month, day, hour, minute, int(seconds or 0), 0, 0, -1))
    if due < time.time() and len(given) == 2:
        due += 86400
    return due
