"""Child processes of a mom, and the processes of a job."""

from __future__ import annotations

import os
import signal
import time
from typing import Callable, Dict, Iterator, List, Tuple

from .loop import Loop

Exited = Callable[[int, float, int], None]  # exit status, cpu seconds, memory in kB


class Children:
    """Forks, and tells when a child has ended."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._waiting: Dict[int, Exited] = {}
        loop.on_signal(signal.SIGCHLD, self._reap)

    def fork(self, body: Callable[[], int], exited: Exited) -> int:
        """Run `body` in a child; its value is the exit status. Gives the child's pid."""
        pid = os.fork()
        if pid == 0:
            status = 127
            try:
                for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
                    signal.signal(number, signal.SIG_DFL)
                signal.set_wakeup_fd(-1)
                status = body()
            except BaseException as error:  # noqa: BLE001 - nothing of the mom may run on in a child
                os.write(2, f"pbs_mom: {error}\n".encode())
            finally:
                os._exit(status)
        self._waiting[pid] = exited
        return pid

    def _reap(self) -> None:
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            exited = self._waiting.pop(pid, None)
            if exited is not None:
                exited(exit_status(status), usage.ru_utime + usage.ru_stime, usage.ru_maxrss)


def exit_status(status: int) -> int:
    """A wait status as TORQUE tells it: 256 and the signal where one ended the process."""
    if os.WIFSIGNALED(status):
        return 256 + os.WTERMSIG(status)
    return os.WEXITSTATUS(status)


def _stats() -> Iterator[Tuple[int, int, int]]:
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            continue
        if fields[0] != b"Z":
            yield int(name), int(fields[1]), int(fields[3])


def of_session(session: int) -> List[int]:
    """The living processes of a session, and all that descend from them."""
    parents: Dict[int, int] = {}
    found = set()
    for pid, parent, own in _stats():
        parents[pid] = parent
        if own == session:
            found.add(pid)
    grown = True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        found |= more
        grown = bool(more)
    return sorted(found)


def signal_session(session: int, number: int) -> int:
    """Send a signal to all of a session; how many processes it reached."""
    reached = 0
    for pid in of_session(session):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
        reached += 1
    return reached


def kill_session(session: int, limit_s: float = 2.0) -> None:
    """Kill a session until nothing of it is left."""
    give_up_at = time.monotonic() + limit_s
    while signal_session(session, signal.SIGKILL) and time.monotonic() < give_up_at:
        time.sleep(0.005)
