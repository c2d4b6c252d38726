"""Keeps the daemons that `supervised.Supervised` starts, and ends with all that came of them.

A program of its own (standard library alone), because only a subreaper inherits what
double-forks away from an agent: executors, moms, jobs. It is driven by JSON lines:

    {"do": "start", "name": N, "command": [...], "env": {...}, "log": PATH}  -> {"pid": P}
    {"do": "signal", "name": N, "signal": 9}                -> {"sent": true, false if ended}
    {"do": "list"}     -> {"running": {N: P}, "ended": {N: exit code, below 0: the signal}}

The end of its input, SIGTERM or SIGINT: every descendant is killed, then it ends.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
LIBC = ctypes.CDLL(None)


def _die_with_parent() -> None:
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


class Supervisor:
    """The daemons by name, and what to do with a request."""

    def __init__(self) -> None:
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.ended: dict[str, int] = {}

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Do what one request says; errors are answers, too."""
        kind = request.get("do")
        if kind == "start":
            return self._start(request)
        if kind == "signal":
            return self._signal(request["name"], request["signal"])
        if kind == "list":
            pids = {name: process.pid for name, process in self.running.items()}
            return {"running": pids, "ended": self.ended}
        return {"error": f"unknown request {kind!r}"}

    def _start(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["name"]
        if name in self.running:
            return {"error": f"{name} is running already"}
        try:
            with Path(request["log"]).open("ab") as log:
                process = subprocess.Popen(
                    request["command"],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=request["env"],
                    start_new_session=True,
                    preexec_fn=_die_with_parent,  # safe: this program has one thread
                )
        except OSError as error:
            return {"error": str(error)}
        self.running[name] = process
        self.ended.pop(name, None)
        return {"pid": process.pid}

    def _signal(self, name: str, number: int) -> dict[str, Any]:
        process = self.running.get(name)
        if process is None:
            return {"sent": False}
        os.kill(process.pid, number)
        if number == signal.SIGKILL:
            self._ended(name, os.waitpid(process.pid, 0)[1])
        return {"sent": True}

    def _ended(self, name: str, status: int) -> None:
        process = self.running.pop(name)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.ended[name] = process.returncode

    def reap(self) -> None:
        """Let go of every ended child (an agent takes a zombie for alive)."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            for name in [n for n, process in self.running.items() if process.pid == pid]:
                self._ended(name, status)

    def stop(self) -> None:
        """Kill all descendants, also those that are born meanwhile."""
        while pids := descendants():
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            self.reap()
            time.sleep(0.01)
        self.reap()


def descendants() -> list[int]:
    """The process ids of all living descendants of this process."""
    parents: dict[int, int] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] != "Z":
            parents[int(status.parent.name)] = int(fields[1])
    found: list[int] = []
    frontier = {os.getpid()}
    while frontier:
        frontier = {pid for pid, parent in parents.items() if parent in frontier}
        found += frontier
    return found


def _stop(*_: object) -> None:
    raise SystemExit(0)


def _serve(supervisor: Supervisor) -> None:
    woken, wake = os.pipe()
    os.set_blocking(woken, False)
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    buffer = b""
    while True:
        ready, _, _ = select.select([0, woken], [], [])
        if woken in ready:
            os.read(woken, 4096)
        supervisor.reap()
        if 0 not in ready:
            continue
        chunk = os.read(0, 65536)
        if not chunk:
            return
        *lines, buffer = (buffer + chunk).split(b"\n")
        for line in lines:
            answer = json.dumps(supervisor.answer(json.loads(line)))
            os.write(1, answer.encode() + b"\n")


def main() -> None:
    """Serve requests until the input ends or a signal comes."""
    LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    supervisor = Supervisor()
    try:
        _serve(supervisor)
    except BrokenPipeError:
        sys.exit(1)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        supervisor.stop()


if __name__ == "__main__":
    main()
