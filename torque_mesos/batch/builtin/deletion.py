"""`qdel` at the server: jobs, arrays and their members, all that a user has."""

from __future__ import annotations

import socket
from typing import Iterator, Optional

from .arrays import Arrays
from .auth import user_name
from .errors import PERM, PbsError
from .job_shown import is_array
from .records import COMPLETE, Job
from .rights import USER, Rights
from .running import Runner
from .slices import Finished, in_slices
from .state import State
from .wire import Message


def _ignore(_error: Optional[PbsError]) -> None:
    """What became of one of several does not matter."""


class Deletion:
    """Deletes jobs, those of an array one after the other."""

    def __init__(self, state: State, runner: Runner, rights: Rights, members: Arrays) -> None:
        self._state = state
        self._runner = runner
        self._rights = rights
        self._arrays = members

    def delete(self, uid: int, message: Message, finished: Finished) -> None:
        """`qdel [-p] [-W delay] [-t range]`."""
        rank = self._rights.rank(uid)
        if message.get("purge"):
            job = self._rights.job(message)
            if rank == USER:
                raise PbsError(PERM)
            in_slices(self._state.loop, self._purged(job), finished)
            return
        if message.get("reason") and rank == USER:
            raise PbsError(PERM, "must have operator or manager privilege to use -m parameter")
        job = self._rights.own_job(uid, message)
        if is_array(job):
            in_slices(self._state.loop, self._deleted(job, uid, message), finished)
        else:
            list(self._deleted(job, uid, message, finished))

    def delete_all(self, uid: int, message: Message, finished: Finished) -> None:
        """`qdel all`: every job that is the asker's to delete."""
        rank = self._rights.rank(uid)
        jobs = [job for job in self._arrays.listed(False) if job.state != COMPLETE]
        mine = [job for job in jobs if uid == job.uid or rank != USER]
        if mine and rank == USER and message.get("purge"):
            raise PbsError(PERM)

        def steps() -> Iterator[None]:
            for job in mine:
                if message.get("purge"):
                    yield from self._purged(job)
                elif job.state != COMPLETE:
                    yield from self._deleted(job, uid, message)
            if len(mine) < len(jobs):
                raise PbsError(PERM, "operation not permitted")

        in_slices(self._state.loop, steps(), finished)

    def _purged(self, job: Job) -> Iterator[None]:
        self._arrays.make_no_more(job)
        for member in self._arrays.expanded(job):
            self._runner.purge(member)
            yield

    def _deleted(
        self, job: Job, uid: int, message: Message, finished: Finished = _ignore
    ) -> Iterator[None]:
        """Delete a job, or members one by one; `finished` is for each of them."""
        by = f"{user_name(uid)}@{socket.gethostname()}"
        delay_s = None if message.get("delay") is None else int(message["delay"])
        wanted = str(message.get("range") or "")
        if is_array(job) and not wanted:
            self._arrays.make_no_more(job)
        for member in self._arrays.each(job, wanted):
            self._runner.delete(member, by, finished, delay_s)
            yield
