"""Which commands the library can do, and what they are then: argument lists in, values out.

Only what the adapters really ask is understood. Of anything else it is said so, and the
command itself is run: nothing is ever half understood.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

from torque_mesos.batch.library.binding import COMMANDS, Kind, Object, Setting

_LISTS: dict[Kind, dict[tuple[str, ...], Object]] = {
    "torque": {
        ("qstat", "-x", "-t"): "job",
        ("pbsnodes", "-x"): "node",
        ("qstat", "-Q", "-f"): "queue",
        ("qstat", "-B", "-f"): "server",
    },
    "openpbs": {
        ("qstat", "-t", "-f", "-F", "json"): "job",
        ("pbsnodes", "-av", "-F", "json"): "node",
        ("qstat", "-Q", "-f", "-F", "json"): "queue",
        ("qstat", "-B", "-f", "-F", "json"): "server",
    },
}
# TORQUE's deletion of a node blocks for 2 s and more: it is left to commands, side by side.
_CHANGES: dict[Kind, dict[str, tuple[Object, ...]]] = {
    "torque": {"create": ("node",), "set": ("node", "server")},
    "openpbs": {
        "create": ("node", "resource"),
        "set": ("node", "server"),
        "delete": ("node",),
    },
}
_COMMAND = re.compile(r"(\w+) (server|(?:node|resource) (\S+))(?: (.*))?")
_SETTING = re.compile(r'([A-Za-z_]\w*)(?:\.([\w-]+))?(\+=|-=|=)(?:"([^"]*)"|([^",]*))(?:,|$)')
_MARKS = {"-o": "+=", "-c": "-="}


@dataclass(frozen=True, slots=True)
class List:
    """Tell of all objects of a kind, or of the one named."""

    what: Object
    name: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """Do the same to each of these objects (the server has the name '')."""

    command: str
    what: Object
    names: tuple[str, ...]
    settings: tuple[Setting, ...] = ()


@dataclass(frozen=True, slots=True)
class Mark:
    """`pbsnodes -o` or `-c` of TORQUE's: as a change, but errors are told otherwise."""

    change: Change


Asked = List | Change | Mark


def understood(argv: Sequence[str], kind: Kind) -> Asked | None:
    """What a command asks for; None if that is not to be done here."""
    command = (os.path.basename(argv[0]), *argv[1:])
    if any("\0" in word for word in command):
        return None
    if what := _LISTS[kind].get(command):
        return List(what)
    if command[:2] == ("qmgr", "-c") and len(command) == 3:
        return _change(command[2], kind)
    if kind == "torque" and command[0] == "pbsnodes":
        return _nodes(command[1:])
    return None


def _nodes(words: tuple[str, ...]) -> Asked | None:
    if len(words) == 2 and words[0] == "-x" and not words[1].startswith("-"):
        return List("node", words[1])
    if not words or words[0] not in _MARKS:
        return None
    settings = [Setting("state", "", "offline", _MARKS[words[0]])]
    names = words[1:]
    if names[:1] == ("-N",):
        settings.insert(0, Setting("note", "", names[1]))
        names = names[2:]
    if not names or any(name.startswith("-") for name in names):
        return None
    return Mark(Change("set", "node", names, tuple(settings)))


def _change(text: str, kind: Kind) -> Change | None:
    match = _COMMAND.fullmatch(text)
    if match is None or match[1] not in COMMANDS:
        return None
    verb, names, rest = match[1], match[3] or "", match[4] or ""
    what: Object = "server" if not names else "node" if match[2][0] == "n" else "resource"
    if what not in _CHANGES[kind].get(verb, ()) or "@" in names:
        return None
    settings = _settings(rest)
    if settings is None or bool(settings) == (verb == "delete"):
        return None
    return Change(verb, what, tuple(names.split(",")), settings)


def _settings(text: str) -> tuple[Setting, ...] | None:
    found = []
    position = 0
    while position < len(text):
        match = _SETTING.match(text, position)
        if match is None:
            return None
        value = match[4] if match[4] is not None else match[5]
        found.append(Setting(match[1], match[2] or "", value, match[3]))
        position = match.end()
    return tuple(found)
