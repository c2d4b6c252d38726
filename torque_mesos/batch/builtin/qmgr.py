"""qmgr: change and list nodes, queues and the server, one command at a time or a session."""

from __future__ import annotations

import sys
from typing import Dict, List, Tuple

from . import command_line, qmgr_input
from .attributes import LIST, QUEUE, SERVER, TOLD
from .client import Server, Unreachable, warn
from .errors import PbsError
from .home import Home
from .show import moment

_VERBS = ("active", "create", "delete", "exit", "help", "list", "print", "quit", "set", "unset")
_OBJECTS = ("node", "queue", "server")
_USAGE = "Usage: qmgr [-a] [-c command] [-e] [-n] [-z] [server...]"
_HELP = """\
A command: verb object [name,...] [attribute[.resource] operator value,...]
Verbs: active, create, delete, set, unset, list, print, help, quit.
Objects: server, queue, node. Operators: = += -= (several values are separated by commas).
"""
_WIDTH = 79
_NODE_TOLD = ("power_state", "jobs", "mom_service_port", "mom_manager_port")

Change = Tuple[str, str, str, str]


class BadCommand(Exception):
    """A command that cannot be read; the text is TORQUE's."""


def split_changes(text: str, command: str, values: bool = True) -> List[Change]:
    """`a=1,b.c+="x,y"` as (attribute, resource, operator, value). Raises `BadCommand`."""
    changes: List[Change] = []
    for part in _pieces(text, command):
        at = next((index for index, letter in enumerate(part) if letter in "=+-" and index), -1)
        name = part[: at if at >= 0 else None].strip()
        operator, value = "unset", ""
        if values:
            width = 2 if part[at : at + 1] in ("+", "-") else 1
            operator, value = part[at : at + width], part[at + width :].strip()
            if at < 0 or not value or operator not in ("=", "+=", "-="):
                raise BadCommand(_caret("cannot locate attribute", command, len(command)))
            words = value.split()
            if len(words) > 1 and value[0] not in "\"'":
                at = command.find(words[1], command.find(value))
                raise BadCommand(_caret("cannot locate attribute", command, at))
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        attribute, _, resource = name.partition(".")
        changes.append((attribute, resource, operator, value))
    return changes


def _pieces(text: str, command: str) -> List[str]:
    pieces, piece, quote = [], "", ""
    for letter in text:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter == ",":
            pieces.append(piece.strip())
            piece = ""
            continue
        piece += letter
    if quote:
        position = command.rfind(quote) + 1
        raise BadCommand(_caret("cannot locate attribute", command, position))
    return [*pieces, piece.strip()] if piece.strip() or pieces else []


def _caret(problem: str, command: str, position: int) -> str:
    return f"qmgr: Syntax error - {problem}\n{command}\n{' ' * position}^"


def parse(command: str) -> Tuple[str, str, List[str], List[Change]]:
    """Verb, object, names and changes of one command. Raises `BadCommand`."""
    words = command.split(None, 2)
    if not words:
        raise BadCommand("qmgr obj= svr=default: Invalid request MSG=Invalid object type")
    verb = next((verb for verb in _VERBS if verb.startswith(words[0])), "")
    if not verb:
        raise BadCommand(
            f"qmgr: Illegal operation: {words[0]}\nTry 'help' if you are having trouble."
        )
    if verb in ("quit", "exit", "help"):
        return verb, "", [], []
    kind = ""
    if len(words) > 1:
        kind = next((kind for kind in _OBJECTS if kind.startswith(words[1].lower())), "")
    if not kind:
        text = f"Illegal object type: {words[1]}." if len(words) > 1 else "No object type given"
        raise BadCommand(f"qmgr: {text}")
    rest = words[2].strip() if len(words) > 2 else ""
    first = rest.split(None, 1)
    names: List[str] = []
    attribute = first[0].split("=")[0].rstrip("+-").split(".")[0] if first else ""
    known = kind == "server" and bool(first) and (attribute in SERVER or attribute in TOLD)
    assigns = first and ("=" in first[0] or rest[len(first[0]) :].lstrip().startswith("="))
    if first and not known and not assigns:
        names = first[0].split(",")
        if kind == "queue" and names[0][:1].isdigit():
            problem = "qmgr: syntax error - checklist failed"
            raise BadCommand(f"{problem}\n{command}\n{' ' * command.find(names[0])}^")
        rest = first[1] if len(first) > 1 else ""
    elif kind == "server" and not known and first and verb in ("set", "unset"):
        at = command.find("=")
        raise BadCommand(
            _caret("cannot locate attribute", command, at + 1 if at > 0 else len(command))
        )
    changes = split_changes(rest, command, verb in ("set", "create")) if rest else []
    if verb in ("set", "unset") and not changes:
        raise BadCommand(_caret("attribute required for operation", command, len(command)))
    return verb, kind, names, changes


class Session:
    """Carries commands out over one connection."""

    def __init__(self, server: Server, silent: bool = False) -> None:
        self._server = server
        self._silent = silent
        self._active: Dict[str, List[str]] = {}

    def do(self, command: str) -> int:
        """Carry one command out; its exit code. Raises `Unreachable`."""
        try:
            verb, kind, names, changes = parse(command)
        except BadCommand as error:
            self._complain(str(error))
            return 2
        if verb in ("list", "print"):
            return self._show(verb, kind, names, [name for name, _, _, _ in changes])
        if verb == "active":
            if names:
                self._active[kind] = names
            else:
                none = ["default"] if kind == "server" else []
                print("\n".join([f"Active {kind}s:", *self._active.get(kind, none)]))
            return 0
        if verb == "help":
            # TORQUE's fails, too.
            print(_HELP)
            return 2
        if verb in ("quit", "exit"):
            return 0
        status = 0
        if kind != "server" and not self._names(kind, names):
            warn(f"No Active {kind.capitalize()}s, nothing done.")
        for name in self._names(kind, names):
            try:
                self._server.ask("manage", verb=verb, object=kind, name=name, changes=changes)
            except PbsError as error:
                self._complain(f"qmgr obj={name} svr=default: {error.text}")
                status = 2
        return status

    def _complain(self, text: str) -> None:
        if not self._silent:
            warn(text)

    def _names(self, kind: str, names: List[str]) -> List[str]:
        if kind == "server":
            return [""]
        if names == ["@default"]:
            return [name for name, _ in self._server.ask(kind + "s")[kind + "s"]]
        return names or self._active.get(kind, [])

    def _show(self, verb: str, kind: str, names: List[str], only: List[str]) -> int:
        names = names or self._active.get(kind, [])
        if kind == "server":
            if names and names[0] != self._server.name:
                self._server = Server(Home(""), 1, names[0])
            told = self._server.ask("server")["server"]
        elif not names:
            print(f"No Active {kind.capitalize()}s, nothing done.")
            return 0
        else:
            asked = [] if names == ["@default"] else names
            try:
                told = self._server.ask(kind + "s", names=asked)[kind + "s"]
            except PbsError as error:
                self._complain(f"qmgr obj={names[0]} svr=default: {error.text}")
                return 2
        if verb == "print":
            self._print(kind, told, only)
        else:
            for name, shown in told:
                print(f"{kind.capitalize()} {name}")
                for attribute, value in shown:
                    # Of a node TORQUE always shows all.
                    wanted = not only or kind == "node" or attribute.split(".")[0] in only
                    if wanted:
                        print(_listed(kind, attribute, value))
                print()
        return 0

    def _print(
        self, kind: str, told: List[Tuple[str, List[Tuple[str, str]]]], only: List[str]
    ) -> None:
        if kind == "server" and not only:
            queues = self._server.ask("queues")["queues"]
            if queues:
                self._print("queue", queues, [])
        if kind == "server":
            print("#\n# Set server attributes.\n#")
        elif kind == "queue":
            print("#\n# Create queues and set their attributes.\n#")
        else:
            print("#\n# Create nodes and set their properties.\n#")
        for name, shown in told:
            target = "server" if kind == "server" else f"{kind} {name}"
            if kind != "server":
                print(f"#\n# Create and define {target}\n#\ncreate {target}")
            for attribute, value in shown:
                told_only = attribute in {*TOLD, *_NODE_TOLD} or attribute.startswith(
                    "resources_assigned"
                )
                if told_only or (only and kind != "node" and attribute not in only):
                    continue
                several = attribute in ("state", "status", "properties") or _is_list(attribute)
                for position, word in enumerate(value.split(",") if several else [value]):
                    sign = "+=" if position else "="
                    print(f"set {target} {attribute} {sign} {word}")


def _is_list(attribute: str) -> bool:
    return LIST in (SERVER.get(attribute), QUEUE.get(attribute))


def _listed(kind: str, attribute: str, value: str) -> str:
    if kind == "queue" and attribute == "mtime":
        value = moment(value)
    line = f"\t{attribute} = "
    indent = " " * (8 + len(attribute) + 3)
    if len(indent) + len(value) <= _WIDTH or "," not in value:
        return line + value
    rows, row = [], ""
    for word in value.split(","):
        if row and len(indent) + len(row) + len(word) + 1 > _WIDTH + 1:
            rows.append(row)
            row = ""
        row += word + ","
    rows.append(row)
    return line + f"\n{indent}".join(rows).rstrip(",")


def main(home_path: str) -> int:
    """qmgr [-a] [-c COMMAND]; without -c the commands come from stdin."""
    home = Home(home_path)
    flags, rest, errors = command_line.parse("qmgr", sys.argv[1:], "ac:enz")
    if errors:
        warn("\n".join([*errors, _USAGE]))
        return 1
    options = dict(flags)
    failed = 1 if "-a" in options else 2
    try:
        session = Session(Server(home, 1, rest[0] if rest else ""), "-z" in options)
        if "-c" in options:
            if "-e" in options:
                print(options["-c"])
            sys.stdout.flush()
            return failed if session.do(options["-c"].strip()) else 0
        return _talk(session, options)
    except Unreachable as error:
        name = "" if error.server == home.server_name else error.server
        warn(f"qmgr: cannot connect to server {name} (errno={error.code}) {error.text}")
        return 3


def _talk(session: Session, options: Dict[str, str]) -> int:
    status = 0
    print("Max open servers: 9", flush=True)
    for command in qmgr_input.of_stdin():
        if command in ("quit", "q", "exit", "e"):
            break
        if "-e" in options:
            print(command)
        status = session.do(command)
        sys.stdout.flush()
        if status and "-a" in options:
            return 1
    return status
