"""tracejob: what the logs of this host say of a job."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple

from . import command_line
from .client import warn
from .home import Home

_USAGE = """\
USAGE: tracejob [-a|s|l|m|q|v|z] [-c count] [-w size] [-p path] [-n days] [-f filter_type] <JOBID>
   -p : path to PBS_SERVER_HOME
   -w : number of columns of your terminal
   -n : number of days in the past to look for job(s) [default 1]
   -f : filter out types of log entries, multiple -f's can be specified
        error, system, admin, job, job_usage, security, sched, debug,\x20
        debug2, or absolute numeric hex equivalent
   -z : toggle filtering excessive messages
   -c : what message count is considered excessive
   -a : don't use accounting log files
   -s : don't use server log files
   -l : don't use scheduler log files
   -m : don't use mom log files
   -q : quiet mode - hide all error messages
   -v : verbose mode - show more error messages
default prefix path = {}
filter_excessive: ON"""
_LOGS = (
    ("-a", "server_priv/accounting", "A"),
    ("-s", "server_logs", "S"),
    ("-m", "mom_logs", "M"),
    ("-l", "sched_logs", "L"),
)
_EVENTS = ["error", "system", "admin", "job", "job_usage", "security", "sched", "debug", "debug2"]
_EXCESSIVE = 15
_INDENT = 26
_LETTERS = "ASML"


class Entry(NamedTuple):
    """One line of a log, as it is shown: when, of which log and where in it, of what, what."""

    stamp: str
    letter: str
    line: int
    name: str
    event: int
    text: str

    def shown(self, width: int) -> str:
        """Its line, in several where it is wider than `width` columns (0: never)."""
        head = f"{self.stamp:<20} {self.letter:<5}"
        return head + f"\n{' ' * _INDENT}".join(_wrapped(self.text, width - _INDENT, width != 0))


def main(home_path: str) -> int:
    """tracejob [-aslmqvz] [-c COUNT] [-w SIZE] [-n DAYS] [-f TYPE] [-p HOME] JOB..."""
    options, names, errors = command_line.parse("tracejob", sys.argv[1:], "aslmqvzc:w:p:n:f:")
    for text in errors:
        warn(text)
    chosen = dict(options)
    without = _mask([value for option, value in options if option == "-f"])
    numbers = [chosen[option] for option in ("-n", "-w", "-c") if option in chosen]
    if errors or not names or without is None or not all(map(_is_number, numbers)):
        print(_USAGE.format(home_path))
        return 1
    home = Home(chosen.get("-p", home_path))
    width = int(chosen.get("-w", -1))
    width = _columns() if width == -1 else width
    filters = [option for option, _ in options].count("-z") % 2 == 0
    found: List[Entry] = []
    for name in names:
        # As with TORQUE what was found for one job is shown again with the next.
        found += _entries(home, name, chosen)
        shown = sorted(found, key=_order)
        if shown:
            print(f"\nJob: {shown[0].name}\n")
        kept = _few(found, int(chosen.get("-c", _EXCESSIVE))) if filters else found
        for entry in sorted(kept, key=_order):
            if not entry.event & without:
                print(entry.shown(width))
    return 0


def _is_number(text: str) -> bool:
    return text.lstrip("+-").isdigit()


def _columns() -> int:
    """The width of the terminal, 0 where there is none."""
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns
    except OSError:
        return 0


def _order(entry: Entry) -> Tuple[str, str, str, int, int]:
    """By the second (the year first), then as it was read."""
    day, _, clock = entry.stamp.partition(" ")
    return (day[6:], day[:5], clock[:8], _LETTERS.index(entry.letter), entry.line)


def _wrapped(text: str, width: int, wraps: bool) -> Iterator[str]:
    """`text` in lines that end before a space; a longer word has a line of its own."""
    while wraps and len(text) > width:
        at = text.rfind(" ", 1, max(0, width) + 1)
        at = text.find(" ", max(0, width)) if at < 0 else at
        if at < 0:
            break
        yield text[:at]
        text = text[at + 1 :]
    yield text


def _mask(wanted: List[str]) -> Optional[int]:
    """The kinds of events that are left out; None where one is no kind."""
    mask = 0
    for name in wanted:
        if name in _EVENTS:
            mask |= 1 << _EVENTS.index(name)
            continue
        if not name[:1].isdigit():
            return None
        try:
            mask = int(name, 16)
        except ValueError:
            return None
    return mask


def _few(entries: List[Entry], excessive: int) -> List[Entry]:
    """All, but one only of those that say the same `excessive` times or more."""
    times = Counter(entry.text for entry in entries)
    first = {entry.text: entry for entry in reversed(entries)}
    return [e for e in entries if times[e.text] < excessive or first[e.text] is e]


def _entries(home: Home, name: str, chosen: Dict[str, str]) -> Iterator[Entry]:
    for day in range(int(chosen.get("-n", "1"))):
        date = time.strftime("%Y%m%d", time.localtime(time.time() - day * 86400))
        for flag, folder, letter in _LOGS:
            for path in _files(home.join(folder, date)) if flag not in chosen else []:
                try:
                    found = list(_read(path, name, letter))
                except OSError as error:
                    told = os.strerror(error.errno or 0)
                    found = []
                else:
                    told = "" if found else "No matching job records located"
                    if found and "-v" in chosen:
                        told = "Successfully located matching job records"
                if told and "-q" not in chosen:
                    warn(f"{path}: {told}")
                yield from found


def _files(path: str) -> List[str]:
    """A day's file, and before it what was put aside of that day, the oldest first."""
    folder, date = os.path.split(path)
    try:
        names = [name for name in os.listdir(folder) if name.startswith(f"{date}.")]
    except OSError:
        names = []
    return [*sorted((os.path.join(folder, name) for name in names), key=os.path.getmtime), path]


def _read(path: str, wanted: str, letter: str) -> Iterator[Entry]:
    """A file's lines of all jobs whose ids begin so, a number being a whole one. Raises OSError."""
    with open(path, encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file):
            words = line.rstrip("\n").split(";", 3 if letter == "A" else 5)
            if len(words) != (4 if letter == "A" else 6):
                continue
            stamp, name, text = words[0], words[-2], words[-1]
            if not name.startswith(wanted) or name[len(wanted) : len(wanted) + 1].isdigit():
                continue
            # Logs have it decimal; TORQUE's tracejob takes it for hexadecimal all the same.
            event = 0 if letter == "A" else _hexadecimal(words[1])
            yield Entry(stamp, letter, number, name, event, text)


def _hexadecimal(text: str) -> int:
    try:
        return int(text, 16)
    except ValueError:
        return 0
