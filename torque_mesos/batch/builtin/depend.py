"""Jobs that wait for jobs: `qsub -W depend=`.

As TORQUE does: a dependency on a finished job is refused where it is met already, and
waited for in vain where it never can be; a job that was deleted before it ran counts as
one that ended with 0.
"""

from __future__ import annotations

from functools import partial
from typing import Dict, Iterable, Iterator, List, Optional

from .arrays import Arrays
from .errors import BADATVAL, BADDEPEND, PbsError
from .holds import Holds, joined
from .job_shown import is_array
from .records import COMPLETE, EXITING, RUNNING, Array, Job
from .running import Runner
from .slices import in_slices
from .state import State
from .sync import COUNT, WITH, SyncSets

DELETED = "deleted"
DELETED_EXIT = 271
DELETED_SUBSTATE = 55

COUNTED = ("on", COUNT)
_MIRROR = {
    "after": "before",
    "afterok": "beforeok",
    "afternotok": "beforenotok",
    "afterany": "beforeany",
    "afterstartarray": "beforestartarray",
    "afterokarray": "beforeokarray",
    "afternotokarray": "beforenotokarray",
    "afteranyarray": "beforeanyarray",
}
_BACK = {mirror: kind for kind, mirror in _MIRROR.items()}


class Dependencies:
    """Links jobs, and lets them go or deletes them as those they wait for start and end."""

    def __init__(self, state: State, runner: Runner, holds: Holds, arrays: Arrays) -> None:
        self._state = state
        self._runner = runner
        self._holds = holds
        self._arrays = arrays
        self._sync = SyncSets(state, holds)
        for array in state.arrays.values():
            if array.pending:
                state.loop.call_later(0, partial(self._go_on, array))

    # --- linking ---------------------------------------------------------------------

    def check(self, entries: List[List[str]], uid: int) -> None:
        """Whether a job of this user's may depend so. Raises `PbsError` (BADDEPEND)."""
        for kind, *names in entries:
            if kind in COUNTED:
                if any(not name.isdigit() or int(name) == 0 for name in names):
                    raise PbsError(BADATVAL, detail=" depend")
                continue
            if kind == WITH and names:
                self._sync.check(names[0])
                continue
            if not names or kind not in (*_MIRROR, *_BACK):
                raise PbsError(BADDEPEND)
            for name in names:
                target = self._state.find_job(name)
                if target is None or (kind.endswith("array") and not is_array(target)):
                    raise PbsError(BADDEPEND)
                if kind in _BACK and (target.uid != uid or _count_on(target) == 0):
                    raise PbsError(BADDEPEND)
                array = self._state.arrays.get(target.job_id)
                if array is not None:
                    self._arrays.refresh(array)
                if target.state == COMPLETE and self._met(kind, target):
                    raise PbsError(BADDEPEND)

    def link(self, job: Job, entries: List[List[str]]) -> None:
        """Make `job` (in no state yet) wait, and others wait for it. `check` has passed."""
        for kind, *names in entries:
            if kind in COUNTED:
                count = names[0] if names else "0"
                if kind == COUNT:
                    self._sync.first(job, count)
                else:
                    job.depend.append([kind, count])
                continue
            if kind == WITH:
                self._sync.join(job, names[0])
                continue
            for name in names:
                target = self._state.find_job(name)
                if target is not None:
                    self._link(job, kind, target)
        if self._waits(job):
            job.hold = joined(job.hold + "s")

    def _link(self, job: Job, kind: str, target: Job) -> None:
        if kind in _BACK:
            # The other waits for us: one less of those it was told to wait for.
            _add(job, kind, target.job_id)
            on = next((words for words in target.depend if words[0] == "on"), ["on", "0"])
            on[1] = str(int(on[1]) - 1)
            if on[1] == "0":
                target.depend.remove(on)
            _add(target, _BACK[kind], job.job_id)
        elif kind == "after" or not self._met(kind, target):
            _add(job, kind, target.job_id)
            if target.state != COMPLETE:
                _add(target, _MIRROR[kind], job.job_id)
        self._save(target)

    # --- what happens to those that are waited for ------------------------------------

    def relink(self, job: Job, entries: List[List[str]]) -> None:
        """`qalter -W depend=`: other dependencies in place of the former."""
        plain = [words for words in job.depend if words[0] != "on"]
        kept = [words for words in plain if not self._holds_back(words)]
        for kind, *names in job.depend:
            for name in names if kind in _MIRROR and [kind, *names] not in kept else []:
                target = self._state.find_job(name)
                if target is not None:
                    _remove(target, _MIRROR[kind], job.job_id)
                    self._save(target)
        job.depend = kept
        job.hold = joined(job.hold.replace("s", ""))
        self.link(job, entries)
        self._holds.settle(job, "job altered")

    def unlink(self, job: Job) -> None:
        """A job was not accepted after all: nobody waits for it, or lets it go."""
        for kind, *names in job.depend:
            for target in filter(None, map(self._state.find_job, names)):
                if kind in _MIRROR:
                    _remove(target, _MIRROR[kind], job.job_id)
                elif kind in _BACK:
                    _remove(target, _BACK[kind], job.job_id)
                    count = str(_count_on(target) + 1)
                    others = [words for words in target.depend if words[0] != "on"]
                    target.depend = [*others, ["on", count]]
                else:
                    continue
                self._save(target)

    def started(self, job: Job) -> None:
        """A job runs: those `after` it may go."""
        self._judge(job, ("before",))
        self._judge_array(job, ("beforestartarray",))
        self._sync.started(job)

    def ended(self, job: Job) -> None:
        """A job is over: who waited for it goes, or is deleted."""
        self._judge(job, ("before", "beforeok", "beforenotok", "beforeany"))
        self._judge_array(job, tuple(_BACK))
        for waiting in self._sync.left_behind(job):
            waiting.hold, waiting.others["sched_hint"] = "n", "2"
            self._delete(waiting, job)

    def _judge(self, job: Job, kinds: Iterable[str]) -> None:
        for kind, *names in [list(words) for words in job.depend if words[0] in kinds]:
            for name in names:
                waiting = self._state.find_job(name)
                if waiting is None or waiting.state in (COMPLETE, RUNNING, EXITING):
                    continue
                if self._met(_BACK[kind], job):
                    self._let_go(waiting, _BACK[kind], job)
                elif self._over(job):
                    self._delete(waiting, job)
            if kind == "before":
                job.depend = [words for words in job.depend if words[0] != "before"]
                self._save(job)

    def _judge_array(self, member: Job, kinds: Iterable[str]) -> None:
        array = self._arrays.array_of(member)
        if array is not None and array.job.depend:
            self._judge(self._arrays.refresh(array), kinds)

    def _waits(self, job: Job) -> bool:
        """Whether a job waits for another."""
        return any(self._holds_back(words) for words in job.depend)

    def _holds_back(self, words: List[str]) -> bool:
        """Whether one of a job's dependencies is not met: `after` is met by a job that runs."""
        kind, *names = words
        if kind == "on":
            return names[0] != "0"
        targets = filter(None, map(self._state.find_job, names))
        return kind in _MIRROR and (
            kind != "after" or not all(self._met(kind, target) for target in targets)
        )

    def _over(self, job: Job) -> bool:
        return job.state == COMPLETE

    def _met(self, kind: str, target: Job) -> bool:
        array = self._state.arrays.get(target.job_id)
        if array is not None:
            return self._array_met(kind, array)
        if kind == "after":
            return target.state in (RUNNING, EXITING, COMPLETE)
        return target.state == COMPLETE and _verdict(kind, 1, int(bool(target.exit_status)))

    def _array_met(self, kind: str, array: Array) -> bool:
        tally = self._state.tally(array)
        if kind == "afterstartarray":
            return tally.started
        return tally.ended == len(tally) and _verdict(kind, len(tally), tally.failed)

    def _let_go(self, job: Job, kind: str, target: Job) -> None:
        array = self._state.arrays.get(job.job_id)
        if array is None:
            self._free(job, kind, target.job_id)
            return
        _remove(job, kind, target.job_id)
        if not self._waits(job):
            job.hold = joined(job.hold.replace("s", ""))
        self._to_members(array, kind, target.job_id)

    def _free(self, job: Job, kind: str, name: str) -> None:
        _remove(job, kind, name)
        if self._waits(job):
            self._save(job)
        else:
            self._holds.lift(job, "s")

    def _delete(self, job: Job, because: Job) -> None:
        job.comment = f"Job deleted as result of dependency on job {because.job_id}"
        array = self._state.arrays.get(job.job_id)
        if array is None:
            self._end(job)
        else:
            self._arrays.make_no_more(job)
            self._to_members(array, DELETED, because.job_id)

    def _end(self, job: Job) -> None:
        job.exit_status = DELETED_EXIT
        self._state.accounting.write("A", job.job_id)
        self._runner.complete(job, DELETED_SUBSTATE)

    def _to_members(self, array: Array, kind: str, name: str) -> None:
        """What has become of an array is done to its members, also over a restart."""
        array.pending.append([kind, name])
        self._state.save_array(array)
        if len(array.pending) == 1:
            self._go_on(array)

    def _go_on(self, array: Array) -> None:
        in_slices(self._state.loop, self._pending(array), lambda _: None)

    def _pending(self, array: Array) -> Iterator[None]:
        while array.pending:
            kind, name = array.pending[0]
            for member in self._arrays.each(array.job):
                if kind == DELETED:
                    member.comment = array.job.comment
                    self._end(member)
                else:
                    self._free(member, kind, name)
                yield
            del array.pending[0]
            self._state.save_array(array)

    def _save(self, job: Job) -> None:
        array: Optional[Array] = self._state.arrays.get(job.job_id)
        if array is not None:
            self._state.save_array(array)
        else:
            self._state.save_job(job)


def _verdict(kind: str, ended: int, failed: int) -> bool:
    plain = kind.replace("array", "")
    verdicts: Dict[str, bool] = {
        "afterok": not failed,
        "afternotok": failed == ended,
        "afterany": True,
    }
    return verdicts.get(plain, False)


def _count_on(job: Job) -> int:
    return next((int(words[1]) for words in job.depend if words[0] == "on"), 0)


def _add(job: Job, kind: str, name: str) -> None:
    for words in job.depend:
        if words[0] == kind:
            if name not in words:
                words.append(name)
            return
    job.depend.append([kind, name])


def _remove(job: Job, kind: str, name: str) -> None:
    for words in job.depend:
        if words[0] == kind and name in words:
            words.remove(name)
    job.depend = [words for words in job.depend if len(words) > 1]
