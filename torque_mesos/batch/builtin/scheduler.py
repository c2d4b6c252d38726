"""pbs_sched: a process of its own that decides which queued jobs run, first come first served."""

from __future__ import annotations

import fcntl
import os
import sys
import time
from typing import Any, Dict, List, NoReturn, Optional, Set, TextIO

from .home import Home, LogFile, daemonize
from .nodespec import choose, never, parse
from .wire import BadMessage, Decoder, Message, ask, connect_unix, encode

_NOT_ENOUGH = "Not Running: Not enough of the right type of nodes are available"
_NO_SPEC = "Not Running - PBS Error: Unknown node-attribute "

RETRY_S = 0.2
COMMENTS_AT_ONCE = 200


class Place:
    """One node as a cycle sees it."""

    def __init__(
        self, name: str, names: List[str], np: int, free: int, gpus: int = 0, free_gpus: int = 0
    ) -> None:
        self.name = name
        self.names = frozenset(names)
        self.np = np
        self.free = free
        self.gpus = gpus
        self.free_gpus = free_gpus


class Limit:
    """How many jobs may run at once, and do; the comment of a job that must wait for it."""

    def __init__(self, most: int, used: int, comment: str) -> None:
        self.most = most
        self.used = used
        self.comment = comment


def plan(view: Message) -> List[Message]:
    """What to do with each queued job, in the order of the queue. Pure.

    A job that does not fit now does not hold up smaller ones behind it; one that is
    larger than the nodes that are defined is deleted, as pbs_sched does.
    """
    places = [Place(*node) for node in view["nodes"]]
    if not places:
        return []
    total = sum(place.np for place in places)
    orders: List[Message] = []
    # In one cycle slots only become fewer: what does not fit once does not fit again.
    too_large: Set[str] = set()
    limits = [Limit(*limit) for limit in view["limits"]]
    for job_id, spec, why, comment, numbers in view["jobs"]:
        mine = [limits[number] for number in numbers]
        kept = why or next((limit.comment for limit in mine if limit.used >= limit.most), "")
        if not kept and spec in too_large:
            order: Dict[str, Any] = {"do": "comment", "comment": _NOT_ENOUGH}
        else:
            order = _decide(places, total, view["nodect"][0], spec, kept)
            if order.get("comment") == _NOT_ENOUGH:
                too_large.add(spec)
        if order["do"] == "run":
            for limit in mine:
                limit.used += 1
        if order["do"] != "comment" or order["comment"] != comment:
            orders.append({"op": "sched_do", "id": job_id, **order})
    return orders


def _decide(
    places: List[Place], total: int, nodect: int, spec: Optional[str], kept: str
) -> Dict[str, Any]:
    if kept:
        return {"do": "comment", "comment": kept}
    if spec is None:
        return {"do": "comment", "comment": _NO_SPEC}
    chunks = parse(spec)
    choice = choose(
        chunks,
        places,
        lambda p: p.names,
        lambda p: p.np,
        lambda p: p.free,
        gpus=lambda p: p.gpus,
        free_gpus=lambda p: p.free_gpus,
    )
    if choice.picked is not None:
        for index, count in choice.picked:
            places[index].free -= count
        for index, count in choice.gpus:
            places[index].free_gpus -= count
        return {"do": "run"}
    if never(chunks, choice.eligible, total, nodect):
        return {"do": "delete"}
    return {"do": "comment", "comment": _NOT_ENOUGH}


class Scheduler:
    """Waits for the server to order a cycle, and does it."""

    def __init__(self, home: Home, log: LogFile) -> None:
        self._home = home
        self._log = log

    def serve(self) -> None:
        """Stay connected to the server and do the cycles it orders, until the connection ends."""
        orders = connect_unix(self._home.socket)
        asks = connect_unix(self._home.socket)
        with orders, asks:
            orders.sendall(encode({"op": "attach"}))
            decoder = Decoder()
            while True:
                data = orders.recv(65536)
                if not data:
                    return
                for message in decoder.feed(data):
                    if "cycle" in message:
                        self._cycle(asks, message["cycle"])

    def _cycle(self, asks: Any, why: str) -> None:
        view = ask(asks, {"op": "sched_view"})
        if not view["nodes"]:
            self._log.write("Error getting nodes: Server has no node list")
        orders = plan(view)
        comments = [[each["id"], each["comment"]] for each in orders if each["do"] == "comment"]
        for first in range(0, len(comments), COMMENTS_AT_ONCE):
            part = comments[first : first + COMMENTS_AT_ONCE]
            ask(asks, {"op": "sched_comments", "comments": part})
        for order in orders:
            if order["do"] == "comment":
                continue
            answer = ask(asks, order)
            if order["do"] == "delete":
                self._log.write("Job Deleted because it would never run", "Job", order["id"])
            elif order["do"] == "run":
                text = f"{answer['text']} ({why})" if "text" in answer else "Job Run"
                self._log.write(text, "Job", order["id"])
        ask(asks, {"op": "sched_done"})


def main(home_path: str) -> int:
    """pbs_sched [-d HOME] [-L LOGFILE]; with PBSDEBUG in its environment in the foreground."""
    import getopt

    try:
        options, _ = getopt.getopt(sys.argv[1:], "d:L:S:R:p:a:c:")
    except getopt.GetoptError as error:
        print(f"pbs_sched: {error}", file=sys.stderr)
        return 1
    chosen = dict(options)
    home = Home(os.path.abspath(chosen.get("-d", home_path)))
    home.make_server_folders()
    try:
        lock = _lock(home.join("sched_priv", "sched.lock"))
    except OSError as error:
        text = f"cannot lock {error.filename}: {error.strerror}: another scheduler running?"
        _log(home, chosen).write(f"LOG_ERROR::{text}")
        print(f"pbs_sched: {text}", file=sys.stderr)
        return 1
    if "PBSDEBUG" not in os.environ:
        daemonize()
    with lock:
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        log = _log(home, chosen)
        return _stay(Scheduler(home, log), log)


def _log(home: Home, chosen: Dict[str, str]) -> LogFile:
    """The log of this process: its id is in each line."""
    return LogFile(home.join("sched_logs"), "pbs_sched", chosen.get("-L", ""), home.settings)


def _lock(path: str) -> TextIO:
    """The lock file, empty and ours as long as it is open, over forks too. Raises OSError."""
    lock = open(path, "a", encoding="ascii")  # noqa: SIM115 - the caller closes it
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        lock.truncate(0)
    except OSError as error:
        lock.close()
        raise OSError(error.errno, error.strerror, path) from None
    return lock


def _stay(scheduler: Scheduler, log: LogFile) -> NoReturn:
    log.write("starting")
    while True:
        try:
            scheduler.serve()
            log.write("the server has gone")
        except (OSError, BadMessage, KeyError) as error:
            log.write(f"no server: {error!r}")
        time.sleep(RETRY_S)
