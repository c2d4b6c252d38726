"""tracejob: what the logs of this host say of a job."""

from __future__ import annotations

import getopt
import os
import sys
import time
from typing import List, Optional, Tuple

from .client import shown_id, warn
from .home import Home

_USAGE = """USAGE: tracejob [-a|s|l|m|q|v|z] [-n days] [-p path] <JOBID>
   -p : path to the server's home
   -n : number of days in the past to look for job(s) [default 1]
   -a, -s, -l, -m : leave out the accounting, server, scheduler, mom logs
   -q : quiet, hide all error messages"""
_LOGS = (
    ("-a", "server_priv/accounting", "A"),
    ("-s", "server_logs", "S"),
    ("-m", "mom_logs", "M"),
    ("-l", "sched_logs", "L"),
)

Record = Tuple[str, int, str]


def main(home_path: str) -> int:
    """tracejob [-aslmqvz] [-n DAYS] [-p HOME] JOB."""
    try:
        flags, names = getopt.gnu_getopt(sys.argv[1:], "aslmqvzc:w:p:n:f:")
    except getopt.GetoptError as error:
        warn(f"tracejob: invalid option -- '{error.opt}'")
        flags, names = [], []
    chosen = dict(flags)
    days = chosen.get("-n", "1")
    if len(names) != 1 or not days.isdigit():
        print(_USAGE)
        return 1
    home = Home(chosen.get("-p", home_path))
    job_id = shown_id(names[0], home.server_name)
    records: List[Record] = []
    for flag, folder, letter in _LOGS:
        if flag in chosen:
            continue
        for day in range(int(days)):
            name = time.strftime("%Y%m%d", time.localtime(time.time() - day * 86400))
            path = home.join(folder, name)
            found, problem = _read(path, job_id, letter, len(records))
            records += found
            if problem and "-q" not in chosen:
                warn(f"{path}: {problem}")
    print(f"\nJob: {job_id}\n")
    for _, _, line in sorted(records):
        print(line)
    return 0


def _read(path: str, job_id: str, letter: str, first: int) -> Tuple[List[Record], str]:
    found: List[Record] = []
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            for line in file:
                record = _record(line.rstrip("\n"), job_id, letter, first + len(found))
                if record is not None:
                    found.append(record)
    except OSError as error:
        return [], os.strerror(error.errno or 0)
    return found, "" if found else "No matching job records located"


def _record(line: str, job_id: str, letter: str, place: int) -> Optional[Record]:
    words = line.split(";", 5)
    if letter == "A":
        if len(words) < 4 or words[2] != job_id:
            return None
        return words[0], place, f"{words[0]}  A    {';'.join(words[3:])}"
    if len(words) < 6 or words[4] != job_id:
        return None
    return words[0], place, f"{words[0]} {letter}    {words[5]}"
