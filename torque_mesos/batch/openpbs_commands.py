"""OpenPBS' commands: how often they may be called, and what their answers mean.

- A call opens a connection from a privileged port, which then waits 60 s until it may be
  used again; there are 512 of them. Above eight calls a second all calls hang for
  seconds, other programs' too. So calls are counted here and wait their turn.
- The exit code of `qmgr -c` is the server's error number & 0xff. 3 means both "cannot
  connect" and "syntax error": only stderr tells which.
- pbsnodes exits with 1 for every failure.
- Without its server, `qstat -F json` prints a whole document without jobs, and exits with 255.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from torque_mesos.batch.base import Refused, ServerUnreachable
from torque_mesos.batch.commands import Answer, Runner
from torque_mesos.batch.openpbs_settings import OpenPbsSettings

# Error numbers & 0xff, as the commands exit with them.
UNKNOWN_JOB = 15001 & 0xFF
WRONG_JOB_STATE = 15016 & 0xFF
UNKNOWN_RESOURCE = 15035 & 0xFF
UNKNOWN_NODE = 15062 & 0xFF
RESOURCE_EXISTS = 15055 & 0xFF
NO_MOM = 15070 & 0xFF
JOB_FINISHED = 15139 & 0xFF

NAMES_A_CALL = 50
_SECONDS_A_NAME = 1.0  # the release saves all nodes for each one that changes

_UNREACHABLE = ("cannot connect to server", "cannot connect to host", "Unknown Host.")
_COMPLAINT = re.compile(r"qmgr obj=(\S*) svr=\S*: (.*)")


class PacedRunner:
    """A runner that keeps calls below `rate` a second, `burst` at once. For several threads."""

    def __init__(
        self,
        runner: Runner,
        rate: float,
        burst: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._runner = runner
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._calls_left = float(burst)
        self._counted_s = clock()

    def run(self, argv: Sequence[str], *, timeout_s: float) -> Answer:
        """See `Runner.run`. The wait is not part of `timeout_s`."""
        wait_s = self._take()
        if wait_s > 0:
            self._sleep(wait_s)
        return self._runner.run(argv, timeout_s=timeout_s)

    def _take(self) -> float:
        """Take the next call; how long it has to wait. (Each later one waits longer.)"""
        with self._lock:
            now_s = self._clock()
            more = (now_s - self._counted_s) * self._rate
            self._calls_left = min(float(self._burst), self._calls_left + more) - 1
            self._counted_s = now_s
            return max(0.0, -self._calls_left / self._rate)


@dataclass(frozen=True, slots=True)
class Complaint:
    """What qmgr says of one object."""

    name: str
    text: str


def complaints(answer: Answer) -> tuple[Complaint, ...]:
    """The objects that qmgr names in its errors, with what is wrong with each.

    A list of objects is worked off to its end, whatever fails in between.
    """
    found = (_COMPLAINT.fullmatch(line.strip()) for line in answer.stderr.splitlines())
    return tuple(Complaint(match[1], match[2].strip()) for match in found if match)


def check_reached(answer: Answer) -> Answer:
    """Give `answer` back if the server was reached.

    Raises:
        ServerUnreachable: the server did not answer.
    """
    if answer.exit_code != 0 and any(text in answer.stderr for text in _UNREACHABLE):
        raise ServerUnreachable(str(answer))
    return answer


def accepted(answer: Answer, *harmless: int) -> Answer:
    """Give `answer` back if the command succeeded, or failed with one of these exit codes.

    Raises:
        Refused: it failed with another one.
    """
    if answer.exit_code != 0 and answer.exit_code not in harmless:
        raise Refused(str(answer))
    return answer


class OpenPbsCalls:
    """The commands of one server. All raise ServerUnreachable where it does not answer."""

    def __init__(self, settings: OpenPbsSettings, runner: Runner) -> None:
        self._settings = settings
        self._runner = runner

    def run(self, command: str, *arguments: str, more_s: float = 0.0) -> Answer:
        """Run a command; `more_s`: how much longer than others it may take."""
        return check_reached(
            self._runner.run(
                (str(self._settings.bin_dir / command), *arguments),
                timeout_s=self._settings.command_timeout_s + more_s,
            )
        )

    def qmgr(self, command: str, *, names: int = 1) -> Answer:
        """Run a command of qmgr about so many objects."""
        return self.run("qmgr", "-c", command, more_s=_SECONDS_A_NAME * (names - 1))

    def set_nodes(
        self,
        nodes: Sequence[str],
        attributes: str,
        resources: Sequence[str],
        kind: Literal["boolean", "string"],
    ) -> Answer:
        """`set node`; resources that the server does not know are made first."""
        command = f"set node {','.join(nodes)} {attributes}"
        answer = self.qmgr(command, names=len(nodes))
        if answer.exit_code == UNKNOWN_RESOURCE:
            for name in resources:
                self.make_resource(name, kind)
            answer = self.qmgr(command, names=len(nodes))
        return answer

    def make_resource(self, name: str, kind: Literal["boolean", "string"]) -> None:
        """Make a resource of the server's, where there is none of that name."""
        flag = ",flag=h" if kind == "boolean" else ""  # without it nobody can ask for it
        answer = self.qmgr(f"create resource {name} type={kind}{flag}")
        accepted(answer, RESOURCE_EXISTS)
