"""Two processes watch each other, so that nothing outlives the executor.

The process that Mesos starts is the guard; the executor is its child. Both are
subreapers. If the executor is killed, all that it leaves becomes the guard's, which ends
it. If the guard is killed, the executor is told by SIGHUP (and the agent destroys the container,
whose processes it finds through the executor, which is of the same session).

Without that, a process that a job has double-forked would survive a SIGKILL of the
executor, for Mesos' posix launcher does not find it then.
"""

from __future__ import annotations

import ctypes
import os
import signal
import time
from typing import Callable

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
MAX_KILL_ROUNDS = 200
ROUND_S = 0.005


def guarded(serve: Callable[[], int]) -> int:
    """Run `serve` in a child process; give its exit status when nothing is left of it.

    In the child, does not return: the process ends with what `serve` gives. A child that
    was ended by signal N gives 128 + N. Raises OSError.
    """
    guard = os.getpid()
    child = os.fork()
    if child == 0:
        _prctl(PR_SET_CHILD_SUBREAPER, 1)
        _prctl(PR_SET_PDEATHSIG, signal.SIGHUP)
        if os.getppid() != guard:
            os._exit(1)
        os._exit(serve())
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os.kill(child, signal.SIGTERM))
    while True:
        pid, wait_status = os.wait()
        if pid == child:
            break
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    end_descendants()
    status = os.waitstatus_to_exitcode(wait_status)
    return status if status >= 0 else 128 - status


def end_descendants() -> None:
    """SIGKILL for all descendants of this process, until there are none. Reaps them."""
    for _ in range(MAX_KILL_ROUNDS):
        try:
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                continue
        except ChildProcessError:
            return  # no children: no descendants
        import psutil  # here, because it is almost never needed

        for process in psutil.Process().children(recursive=True):
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        time.sleep(ROUND_S)


def _prctl(option: int, value: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
