"""The options of qstat, and which of them go together."""

from __future__ import annotations

import getopt
from dataclasses import dataclass
from typing import FrozenSet, List, Tuple

JOBS, QUEUES, SERVERS = "jobs", "queues", "servers"
_LETTERS = "acCeE:filn1pqrstu:xGMQRBW:"
# These choose or widen the list of all columns.
_LIST = "1ainqrsuRGM"
_INDENT = " " * 26
_FORMS = (
    "[-f [-1]] [-W site_specific] [-x] [ job_identifier... | destination... ]",
    "[-a|-i|-r|-e] [-u user] [-n [-1]] [-s] [-t] [-G|-M] [-R] [job_id... | destination...]",
    "-Q [-f [-1]] [-W site_specific] [ destination... ]",
    "-q [-G|-M] [ destination... ]",
    "-B [-f [-1]] [-W site_specific] [ server_name... ]",
    "-t",
)
USAGE = "usage: \n" + "\n".join(f"{_INDENT}qstat {form}" for form in _FORMS)
_CONFLICT = "qstat: conflicting options.\n"


class BadOptions(Exception):
    """Options that cannot be taken; the text is all that is said of it."""

    def __init__(self, why: str = "") -> None:
        super().__init__(f"{why}{USAGE}")


@dataclass(frozen=True)
class Options:
    """What to show. `listed` has the letters that ask for the list of all columns."""

    mode: str = JOBS
    listed: FrozenSet[str] = frozenset()
    flags: FrozenSet[str] = frozenset()
    users: str = ""

    @property
    def wide(self) -> bool:
        """Whether the list has all columns; with `-f -u` it has not."""
        plain = {"1", "u"} if "f" in self.flags else {"1"}
        return bool(self.listed - plain)


def parse(words: List[str]) -> Tuple[Options, List[str]]:
    """Options and what they are about. Raises `BadOptions`."""
    try:
        given, names = getopt.gnu_getopt(words, _LETTERS, ["xml"])
    except getopt.GetoptError as error:
        if len(error.opt) > 1:
            raise BadOptions from None
        missing = "requires argument" in error.msg
        why = "option requires an argument" if missing else "invalid option"
        raise BadOptions(f"qstat: {why} -- '{error.opt}'\n") from None
    mode, users = JOBS, ""
    listed: List[str] = []
    flags: List[str] = []
    for option, value in _spread(given):
        if option == "u":
            users = value
        if option == "f" and set(listed) - {"u"}:
            raise _conflict("f")
        if option in ("B", "Q") and (listed or {"B", "Q"} & set(flags) - {option}):
            raise _conflict(option)
        if option in "BQq":
            mode = SERVERS if option == "B" else QUEUES
        (listed if option in _LIST else flags).append(option)
    chosen = frozenset(listed)
    several = len(chosen & set("airq")) > 1 or {"G", "M"} <= chosen
    lonely = "1" in chosen and "n" not in chosen and "f" not in flags
    if several or lonely or ("q" in chosen and "f" in flags):
        raise BadOptions(_CONFLICT)
    return Options(mode, chosen, frozenset(flags), users), names


def _spread(given: List[Tuple[str, str]]) -> List[Tuple[str, str]]:
    """The options as letters; `-W` holds others."""
    found: List[Tuple[str, str]] = []
    for option, value in given:
        if option != "-W":
            found.append(("x" if option == "--xml" else option[1:], value))
            continue
        for at, letter in enumerate(value):
            if letter not in "airunsqRGM":
                raise BadOptions
            found.append((letter, value[at + 1 :].strip()))
            if letter == "u":
                break
    return found


def _conflict(letter: str) -> BadOptions:
    incompatible = f" -{letter} incompatible with one or more options. Read qstat man page\n"
    return BadOptions(_CONFLICT + incompatible)
