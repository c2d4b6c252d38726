"""tracejob: what the logs of this host say of a job."""

from __future__ import annotations

import os
import sys
import textwrap
import time
from collections import Counter
from typing import Dict, Iterator, List, NamedTuple, Optional

from . import command_line
from .client import shown_id, warn
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


class Entry(NamedTuple):
    """One line of a log, as it is shown: when, of which log, what."""

    stamp: str
    place: int
    letter: str
    text: str

    def shown(self, width: Optional[int]) -> str:
        """Its line, in several where it is wider than `width` columns."""
        head = f"{self.stamp:<20} {self.letter:<5}"
        if width is None:
            return head + self.text
        wrapped = textwrap.wrap(self.text, max(1, width - len(head)), break_on_hyphens=False)
        return head + f"\n{' ' * len(head)}".join(wrapped)


def main(home_path: str) -> int:
    """tracejob [-aslmqvz] [-c COUNT] [-w SIZE] [-n DAYS] [-f TYPE] [-p HOME] JOB..."""
    options, names, errors = command_line.parse("tracejob", sys.argv[1:], "aslmqvzc:w:p:n:f:")
    for text in errors:
        warn(text)
    chosen = dict(options)
    without = _mask([value for option, value in options if option == "-f"])
    numbers = [chosen[option] for option in ("-n", "-w", "-c") if option in chosen]
    if errors or not names or without is None or not all(each.isdigit() for each in numbers):
        print(_USAGE.format(home_path))
        return 1
    home = Home(chosen.get("-p", home_path))
    server = Home(home_path).server_name
    width = int(chosen["-w"]) if "-w" in chosen else None
    excessive = 0 if "-z" in chosen else int(chosen.get("-c", _EXCESSIVE))
    for name in names:
        found = list(_entries(home, shown_id(name, server), chosen, without))
        if found:
            print(f"\nJob: {shown_id(name, server)}\n")
        for entry in _few(sorted(found), excessive):
            print(entry.shown(width))
    return 0


def _mask(wanted: List[str]) -> Optional[int]:
    """The kinds of events that are left out; None where one is no kind."""
    mask = 0
    for name in wanted:
        if name in _EVENTS:
            mask |= 1 << _EVENTS.index(name)
            continue
        try:
            mask |= int(name, 16)
        except ValueError:
            return None
    return mask


def _few(entries: List[Entry], excessive: int) -> Iterator[Entry]:
    """All, but one only of those that say the same `excessive` times or more (0: all)."""
    times = Counter(entry.text for entry in entries)
    told: Dict[str, bool] = {}
    for entry in entries:
        if not excessive or times[entry.text] < excessive or entry.text not in told:
            yield entry
        told[entry.text] = True


def _entries(home: Home, job_id: str, chosen: Dict[str, str], without: int) -> Iterator[Entry]:
    for day in range(int(chosen.get("-n", "1"))):
        name = time.strftime("%Y%m%d", time.localtime(time.time() - day * 86400))
        for place, (flag, folder, letter) in enumerate(_LOGS):
            if flag in chosen:
                continue
            path = home.join(folder, name)
            try:
                found = _read(path, job_id, place, letter, without)
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


def _read(path: str, job_id: str, place: int, letter: str, without: int) -> List[Entry]:
    """A file's lines of a job. Raises OSError."""
    found: List[Entry] = []
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            words = line.rstrip("\n").split(";", 3 if letter == "A" else 5)
            if letter == "A" and len(words) == 4 and words[2] == job_id:
                found.append(Entry(words[0], place, letter, words[3]))
            elif letter != "A" and len(words) == 6 and words[4] == job_id:
                event = int(words[1]) if words[1].isdigit() else 0
                if not event & without:
                    found.append(Entry(words[0], place, letter, words[5]))
    return found
