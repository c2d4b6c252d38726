"""pbsnodes: nodes, and the marks on them."""

from __future__ import annotations

import getopt
import sys
from typing import Any, Dict, List, Tuple

from .client import Server, Unreachable, warn
from .errors import PbsError
from .home import VERSION, Home
from .show import full, xml

_USAGE = (
    'usage:\tpbsnodes [-{c|d|l|o|p|r}] [-s server] [-n] [-N "note"] [-A "append note"] [-q] '
    "[-m standby|suspend|sleep|hibernate|shutdown] node ...\n"
    "\tpbsnodes [-{a|x}] [-s server] [-q] [node]"
)
_ACTIONS = {"-o": "offline", "-c": "clear", "-r": "reset"}
# TORQUE's -p and -d were seen to do nothing, whatever the node.
_MARKS = {*_ACTIONS, "-N", "-A", "-m", "-p", "-d"}
_POWER = ("running", "standby", "suspend", "sleep", "hibernate", "shutdown")
_OUT = ("down", "offline", "unknown")
_STATES = frozenset(
    {
        *("free", "offline", "down", "reserve", "job-exclusive", "job-sharing", "busy"),
        *("time-shared", "state-unknown", "active", "all", "up"),
    }
)


def listed(states: str, wanted: str) -> bool:
    """Whether `-l [wanted]` shows a node in these states."""
    words = states.split(",")
    if wanted == "all":
        return True
    if wanted in ("up", ""):
        return any(word in _OUT for word in words) is (wanted == "")
    if wanted == "active":  # some of its slots are in use, or all
        return "job-exclusive" in words or "job-sharing" in words
    return wanted in words


def _print(told: List[Tuple[str, Any]], options: Dict[str, str], wanted: str) -> None:
    if "-x" in options and "-l" not in options:
        nodes = (f"<Node><name>{name}</name>{xml(shown)}</Node>" for name, shown in told)
        sys.stdout.write("<Data>" + "".join(nodes) + "</Data>\n")
        return
    for name, attributes in told:
        if "-l" not in options:
            text = full(attributes, wrap=False, times=False).replace("    ", "     ", 1)
            print(f"{name}\n{_indented(text)}\n")
            continue
        shown = dict(attributes)
        if listed(shown["state"], wanted):
            note = shown.get("note", "") if "-n" in options else ""
            print(
                f"{name:<20} {shown['state']:<26} {note}"
                if note
                else f"{name:<20} {shown['state']}"
            )


def _indented(text: str) -> str:
    return "\n".join("     " + line.lstrip() for line in text.splitlines())


def main(home_path: str) -> int:
    """The command. Marking exits with 0 even where it fails, as TORQUE's does."""
    home = Home(home_path)
    if "--version" in sys.argv[1:]:
        print(f"Version: {VERSION}")
        return 0
    try:
        flags, names = getopt.gnu_getopt(sys.argv[1:], "acdlnopqrs:vxN:A:m:")
    except getopt.GetoptError as error:
        missing = "requires argument" in error.msg
        why = "option requires an argument" if missing else "invalid option"
        told_why = f"pbsnodes: {why} -- '{error.opt}'\n" if len(error.opt) == 1 else ""
        warn(f"{told_why}{_USAGE}")
        return 1
    options = dict(flags)
    marking = bool(_MARKS & set(options))
    if "-n" in options and "-l" not in options:
        warn(f"Error: -n requires -l\n{_USAGE}")
        return 1
    wanted = ""
    if "-l" in options and names and names[0] in _STATES:
        wanted = names.pop(0)
    try:
        server = Server(home, 1, options.get("-s", ""))
        if marking:
            _mark(server, options, names)
            return 0
        told = server.ask("nodes", names=names)["nodes"]
    except Unreachable as error:
        name = error.server
        warn(f"pbsnodes: cannot connect to server {name}, error={error.code} ({error.text})")
        return 1
    except PbsError as error:
        if "-q" not in options:
            warn(f"pbsnodes: {error.text}")
        return 1
    if not told:
        # What it says once the last of its nodes is deleted, instead of the error above.
        warn("pbsnodes: No nodes found")
        return 2
    _print(told, options, wanted)
    return 0


def _mark(server: Server, options: Dict[str, str], names: List[str]) -> None:
    """Raises `PbsError` where `-A` finds no such node."""
    action = next((action for flag, action in _ACTIONS.items() if flag in options), "")
    for name in names:
        note = options.get("-N")
        if {"-A", "-m"} & set(options):
            shown = dict(server.ask("nodes", names=[name])["nodes"][0][1])
            if "-A" in options:
                note = shown.get("note", "") + options["-A"]
            if "-m" in options:
                _power(name, options["-m"], busy="jobs" in shown)
        if not action and note is None:
            continue
        try:
            server.ask("mark_node", name=name, action=action, note=note)
        except PbsError as error:
            warn(f"Error setting note attribute for {name} - {error.text}")


def _power(name: str, wanted: str, *, busy: bool) -> None:
    """Nodes are always running here: no other state is taken."""
    why = "Illegal value for  power_state"
    if busy and wanted in _POWER:
        why = "Can't change power state on a node which has running jobs."
    if wanted != "running":
        warn(f"Error setting node power state for {name} - {why}")
