"""Job arrays: `qsub -t`, their members, their slots, and the summary that stands for them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Iterator, List, Optional, Set

from .array_request import parse
from .errors import IVALREQ, PbsError
from .holds import Holds
from .records import COMPLETE, Array, Job
from .slices import in_slices
from .state import State

# As many members are made in one turn: others are not kept waiting by a large array.
BATCH = 200
_ONLY_OF_ARRAY = ("job_array_request", "idle_slot_limit")


class Arrays:
    """Makes the members of arrays, and gives their slots on."""

    def __init__(self, state: State, holds: Holds) -> None:
        self._state = state
        self._holds = holds
        self._deleted: Set[str] = set()
        for array in state.arrays.values():
            self._make_later(array)
            self._give_slots(array)

    def add(self, summary: Job, request: str) -> None:
        """Keep an array; its first members are there at once."""
        indexes, slot_limit = parse(request)
        if slot_limit is None:
            slot_limit = self._state.number("max_slot_limit") or None
        summary.others["job_array_request"] = request
        array = Array(summary, indexes, slot_limit)
        self._state.arrays[summary.job_id] = array
        self._make(array)

    def _make_later(self, array: Array) -> None:
        if array.made < len(array.indexes):
            self._state.loop.call_later(0, partial(self._make, array))

    def _make(self, array: Array) -> None:
        if self._state.arrays.get(array.job.job_id) is not array:
            return
        limit = array.slot_limit
        for index in array.indexes[array.made : array.made + min(BATCH, self._room(array))]:
            job = self._member(array, index)
            self._state.jobs[job.job_id] = job
            if limit is not None and array.made >= limit:
                job.hold = (job.hold.replace("n", "") + "l") or "l"
            array.made += 1
            self._state.accounting.write("Q", job.job_id, f"queue={job.queue}")
            self._holds.settle(job, "new job")
        self._state.save_array(array)
        self._give_slots(array)
        if "idle_slot_limit" not in array.job.others:
            self._make_later(array)

    def _room(self, array: Array) -> int:
        """How many members may be made now: with `qsub -i` few may be idle at a time."""
        limit = array.job.others.get("idle_slot_limit")
        if limit is None:
            return BATCH
        return max(0, int(limit) - self._state.tally(array).idle)

    def member_started(self, job: Job) -> None:
        """A member runs: one more may be idle, where their number is limited."""
        array = self.array_of(job)
        if array is not None and "idle_slot_limit" in array.job.others:
            self._make_later(array)

    def _member(self, array: Array, index: int) -> Job:
        state, summary = self._state, array.job
        rank = state.next_rank
        state.next_rank += 1
        state.save_server()
        others = {k: v for k, v in summary.others.items() if k not in _ONLY_OF_ARRAY}
        return replace(
            summary,
            job_id=array.member_id(index),
            name=f"{summary.name}-{index}",
            rank=rank,
            output_path=f"{summary.output_path}-{index}",
            error_path=f"{summary.error_path}-{index}",
            variables={"PBS_ARRAYID": str(index), **summary.variables},
            resources=dict(summary.resources),
            depend=[list(words) for words in summary.depend],
            others=others,
            array_id=index,
            hosts=[],
            used={},
        )

    # --- afterwards ---------------------------------------------------------------------

    def members(self, array: Array, indexes: Optional[List[int]] = None) -> List[Job]:
        """The members that are known still, in their order."""
        wanted = array.indexes if indexes is None else indexes
        found = (self._state.jobs.get(array.member_id(index)) for index in wanted)
        return [job for job in found if job is not None]

    def listed(self, members: bool) -> List[Job]:
        """All jobs in their order, arrays as one job each or as their members."""
        jobs = [job for job in self._state.jobs.values() if members or job.array_id is None]
        if not members:
            jobs += [self.refresh(array) for array in self._state.arrays.values()]
        return sorted(jobs, key=lambda job: job.order)

    def expanded(self, job: Job, wanted: str = "") -> List[Job]:
        """The members of an array (those of an index range), or the job itself."""
        array = self._state.arrays.get(job.job_id)
        if array is None:
            return [job]
        try:
            indexes = parse(wanted)[0] if wanted else None
        except PbsError:
            raise PbsError(IVALREQ, "Error in specified array range") from None
        return self.members(array, indexes)

    def each(self, job: Job, wanted: object = None) -> Iterator[Job]:
        """A job, or those members of an array that are not over when it is their turn."""
        for member in self.expanded(job, str(wanted or "")):
            if member.state != COMPLETE or member is job:
                yield member

    def array_of(self, job: Job) -> Optional[Array]:
        """The array that a job is a member of."""
        if job.array_id is None:
            return None
        return self._state.arrays.get(job.array_name)

    def refresh(self, array: Array) -> Job:
        """The summary, with the state that follows from its members."""
        array.job.state = self._state.tally(array).state
        return array.job

    def member_ended(self, job: Job) -> None:
        """A member has ended: its slot goes to the next that waits for one."""
        self.member_started(job)
        array = self.array_of(job)
        if array is not None:
            self._give_slots(array)

    def set_slots(self, array: Array, slots: int) -> None:
        """`qalter -t %N`: another slot limit."""
        array.slot_limit = slots
        self._state.save_array(array)
        self._give_slots(array)

    def _give_slots(self, array: Array) -> None:
        if array.slot_limit is not None:
            in_slices(self._state.loop, self._lift_limit(array), lambda _: None)

    def _lift_limit(self, array: Array) -> Iterator[None]:
        """Let members go for as long as there are slots; others may have changed in between."""
        tally = self._state.tally(array)
        while array.job.job_id not in self._deleted and tally.holding < (array.slot_limit or 0):
            index = tally.next_waiting()
            if index is None:
                return
            self._holds.lift(self._state.jobs[array.member_id(index)], "l")
            yield

    def make_no_more(self, job: Job) -> None:
        """An array is deleted: no member is made any more, and none gets another's slot."""
        array = self._state.arrays.get(job.job_id)
        if array is not None:
            del array.indexes[array.made :]
            self._deleted.add(job.job_id)
            self._state.save_array(array)

    def member_forgotten(self, job: Job) -> None:
        """The last member that is forgotten takes the array with it."""
        array = self.array_of(job)
        if array is None or array.made < len(array.indexes) or self._state.tally(array):
            return
        del self._state.arrays[array.job.job_id]
        self._deleted.discard(array.job.job_id)
        self._state.save_array(array)
