"""Values of the options of qsub and qalter: which can be, and what they mean.

The rules are those that TORQUE 6.1.3's commands were seen to follow.
"""

from __future__ import annotations

import os
import re
import time
from typing import Dict, List, Mapping, Tuple

_KINDS = {f"{when}{how}" for when in ("after", "before") for how in ("", "ok", "notok", "any")}
_ARRAY_KINDS = {
    f"{when}{how}array" for when in ("after", "before") for how in ("start", "ok", "notok", "any")
}
_COUNTED = ("on", "synccount")
_JOB = re.compile(r"\d+(\[\d*\])?(\.[\w.-]+)?(\[\d+\])?(@[\w.-]+)?")
_CHECKPOINTS = [
    "n",
    "c",
    "s",
    "u",
    "none",
    "shutdown",
    "periodic",
    "enabled",
    "interval",
    "depth",
    "dir",
]
_STAGED = re.compile(r"[^\s@:]+@[^\s@:]+:[^\s@:]+")
_AT = re.compile(r"([^\s@:]+)(?:@([^\s@:]+))?")


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


def is_checkpoint(value: str) -> bool:
    """Whether `-c` takes a value."""
    names = [word.partition("=")[0].strip() for word in value.split(",")]
    return all(name in _CHECKPOINTS for name in names)


def is_priority(value: str) -> bool:
    """Whether `-p` takes a value."""
    found = re.fullmatch(r"\s*([+-]?\d+)", value)
    return found is not None and -1024 <= int(found[1]) <= 1023


def is_mail(value: str) -> bool:
    """Whether `-m` takes a value."""
    value = value.lstrip()
    return value in ("n", "p") or (bool(value) and set(value) <= set("abef"))


def is_job_name(value: str) -> bool:
    """Whether `-N` takes a value."""
    return len(value) <= 256 and all("!" <= letter <= "~" for letter in value)


def is_count(value: str) -> bool:
    """Whether a value begins with a number above 0, as C reads it."""
    found = re.match(r"\s*\+?(\d+)", value)
    return found is not None and int(found[1]) > 0


def is_list(value: str, once: bool = False, absolute: bool = False) -> bool:
    """Whether a value is a list of `name[@host]`; with `once` no host may come twice."""
    hosts: List[str] = []
    for part in value.split(","):
        found = _AT.fullmatch(part.strip())
        if found is None or (absolute and not found[1].startswith("/")):
            return False
        hosts.append(found[2] or "")
    return not once or len(hosts) == len(set(hosts))


def is_path(value: str) -> bool:
    """Whether `-o` and `-e` take a value."""
    return bool(value)


def output_path(value: str, environ: Mapping[str, str]) -> str:
    """A path of `-o` or `-e` as the server is asked for it.

    `$HOME` at its start is the user's here; the mom puts in all other variables. A folder that
    is here gets a slash, where no host is named.
    """
    head, colon, tail = value.partition(":")
    host = f"{head}:" if colon and "/" not in head else ""
    path = tail if host else value
    if path and host in ("", ":") and not path.endswith("/") and os.path.isdir(path):
        path += "/"
    if path.startswith("$HOME") and "HOME" in environ:
        path = environ["HOME"] + path[len("$HOME") :]
    return host + path


def staged(option: str, value: str) -> str:
    """The files of `stagein=` or `stageout=`, `local@host:remote` each. Raises `BadValue`."""
    if not all(_STAGED.fullmatch(part.strip()) for part in value.split(",")):
        raise illegal("-W", f"value for {option}")
    return value


def umask(value: str) -> str:
    """A umask, octal where it begins with 0. Raises `BadValue`."""
    if len(value) > 4:
        raise BadValue(f"Invalid umask value, too many digits: {value}")
    return value


def radix(value: str) -> str:
    """`job_radix=`. Raises `BadValue`."""
    if not value.isdigit():
        raise illegal("-W", "value for job_radix")
    if int(value) < 2:
        raise BadValue("illegal -W. job_radix must be >= 2")
    return value


def dependencies(text: str) -> List[List[str]]:
    """`afterok:1:2,on:3` as a list of a kind and what follows it. Raises `BadOption`.

    What the server refuses (no job after a kind, no number after `on`) passes here.
    """
    found: List[List[str]] = []
    for part in text.split(","):
        kind, *names = part.strip().split(":")
        if names and not names[-1]:
            names.pop()
        known = kind in _KINDS or kind in _ARRAY_KINDS or kind in (*_COUNTED, "syncwith")
        loose = kind in _COUNTED or kind in _ARRAY_KINDS
        if not known or not all(name and (loose or _JOB.fullmatch(name)) for name in names):
            raise BadValue(f"illegal -W dependency value: '{text}'")
        found.append([kind, *(name.partition("@")[0] for name in names)])
    return found


def variables(text: str, environ: Mapping[str, str]) -> Dict[str, str]:
    """The variables of `-v`. Raises `BadOption`.

    As with TORQUE: a value holds no comma; a name that is not set is empty and takes the
    first letter of the next with it, or is called `name` where it is the last.
    """
    found: Dict[str, str] = {}
    rest = text
    while rest:
        name, sign, tail = _cut(rest)
        if not name:
            raise BadOption("invalid -v syntax", usage=3)
        if sign == "=" and not tail.startswith(","):
            found[name], _, rest = tail.partition(",")
        elif name in environ:
            found[name] = environ[name]
            rest = tail.lstrip(",")
        elif not sign:
            found["name"], rest = "", ""
        else:
            found[name], rest = "", tail[1:]
            if tail and not rest:
                break
    return found


def _cut(text: str) -> Tuple[str, str, str]:
    at = next((at for at, letter in enumerate(text) if letter in "=,"), len(text))
    return text[:at], text[at : at + 1], text[at + 1 :]


def moment(text: str) -> float:
    """The time of `-a [[[[CC]YY]MM]DD]hhmm[.SS]`, seconds of the epoch. Raises `BadOption`.

    What is left out is such that the moment lies ahead.
    """
    found = re.fullmatch(r"((?:\d\d){2,6})(?:\.([0-5]\d))?", text)
    if found is None:
        raise illegal("-a")
    now = time.localtime()
    given = [int(found[1][at : at + 2]) for at in range(0, len(found[1]), 2)]
    hour, minute = given[-2:]
    year, month, day = now.tm_year, now.tm_mon, now.tm_mday
    if len(given) > 2:
        day = given[-3]
        month += len(given) == 3 and day < now.tm_mday
    if len(given) > 3:
        month = given[-4]
        year += len(given) == 4 and month < now.tm_mon
    if len(given) > 4:
        year = given[-5] + (given[-6] * 100 if len(given) > 5 else _century(given[-5]))
    within = 1 <= day <= 31 and (len(given) < 4 or 1 <= month <= 12)
    if hour > 23 or minute > 59 or not within:
        raise illegal("-a")
    if len(given) == 2 and (hour, minute) <= (now.tm_hour, now.tm_min):
        day += 1
    return time.mktime((year, month, day, hour, minute, int(found[2] or 0), 0, 0, -1))


def _century(year: int) -> int:
    return 1900 if year > 68 else 2000
