"""Holds of users, operators and the system, and the waiting for a time or another job."""

from __future__ import annotations

import time

from .errors import BADSTATE, NOTHELD, PERM, PbsError
from .records import COMPLETE, HELD, QUEUED, WAITING, Job
from .rights import MANAGER, OPERATOR, USER
from .running import Runner
from .state import State

# In TORQUE's order.
LETTERS = "soul"
_NEEDED = {"u": USER, "o": OPERATOR, "s": MANAGER}
HELD_PLAINLY, HELD_FOR_ANOTHER = 20, 22


def joined(letters: str) -> str:
    """Hold letters as TORQUE shows them; `n` for none."""
    return "".join(letter for letter in LETTERS if letter in letters) or "n"


class Holds:
    """Puts jobs that do not run into the state that their holds and times ask for."""

    def __init__(self, state: State, runner: Runner) -> None:
        self._state = state
        self._runner = runner

    def hold(self, job: Job, letters: str, rank: int) -> None:
        """`qhold`; a running job is held once it comes back. Raises `PbsError`."""
        _check(job, letters, rank)
        job.hold = joined(job.hold.replace("n", "") + letters)
        self.settle(job, "")

    def assign(self, job: Job, letters: str, rank: int) -> None:
        """`qalter -h`: these holds and no others (`n`: none). Raises `PbsError`."""
        wanted = joined(letters)
        _check(job, "".join((set(wanted) ^ set(job.hold)) - {"n"}), rank)
        was, job.hold = job.hold, wanted
        self.settle(job, "job released" if wanted == "n" != was else "")

    def release(self, job: Job, letters: str, rank: int) -> None:
        """`qrls`. Raises `PbsError`, also where there is nothing to release."""
        _check(job, letters, rank)
        if not set(letters) & set(job.hold):
            raise PbsError(NOTHELD)
        self.lift(job, letters)

    def lift(self, job: Job, letters: str) -> None:
        """Take holds away, and let the job go on if none is left."""
        job.hold = joined("".join(letter for letter in job.hold if letter not in letters))
        self.settle(job, "job released")

    def settle(self, job: Job, why: str) -> None:
        """Set the state of a job that is not running; `why` is the scheduler's to know."""
        self._state.save_job(job)
        if job.state not in (QUEUED, HELD, WAITING):
            return
        if job.hold != "n":
            waits = "s" in job.hold and any(words[0].startswith(_WAITS) for words in job.depend)
            self._runner.set_state(job, HELD, HELD_FOR_ANOTHER if waits else HELD_PLAINLY)
        elif job.execute_at > time.time():
            self._runner.wait(job)
        else:
            job.eligible = job.eligible or time.time()
            self._runner.set_state(job, QUEUED, 10)
            if why:
                self._state.kick(why)


_WAITS = ("after", "on")


def _check(job: Job, letters: str, rank: int) -> None:
    if job.state == COMPLETE:
        raise PbsError(BADSTATE, "invalid state for job - COMPLETE")
    check_letters(letters, rank)


def check_letters(letters: str, rank: int) -> None:
    """Whether who has this rank may set such holds, and lift them. Raises `PbsError` (PERM)."""
    for letter in letters:
        if letter != "n" and rank < _NEEDED[letter]:
            raise PbsError(PERM)
