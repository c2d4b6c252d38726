"""Job arrays: `qsub -t`, their members, their slots, and the summary that stands for them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Dict, List, Optional, Set, Tuple

from .errors import BADARRAY, PbsError
from .holds import Holds
from .records import COMPLETE, EXITING, HELD, QUEUED, RUNNING, Array, Job
from .state import State

# As many members are made in one turn: others are not kept waiting by a large array.
BATCH = 200
_ONLY_OF_ARRAY = ("job_array_request", "idle_slot_limit")


def parse(request: str) -> Tuple[List[int], Optional[int]]:
    """Indexes and slot limit of `0-9,20%5`. Raises `PbsError` (BADARRAY).

    As TORQUE does, a range that begins with a minus is taken for no range at all, and a
    limit that is no number for 0.
    """
    ranges, percent, limit = request.partition("%")
    indexes: Set[int] = set()
    for part in ranges.split(","):
        low, dash, high = part.partition("-")
        if dash and not low:
            continue
        if not low.isdigit() or (dash and not high.isdigit()) or int(high or low) < int(low):
            raise PbsError(BADARRAY)
        indexes.update(range(int(low), int(high or low) + 1))
    slots = int(limit) if limit.isdigit() else 0
    return sorted(indexes), slots if percent else None


def check_limits(request: str, most: int, most_slots: int) -> None:
    """Whether an array is as small as the server wants it; 0: any size. Raises `PbsError`."""
    indexes, slots = parse(request)
    if most and len(indexes) > most:
        raise PbsError(BADARRAY, f"Requested array size too large, limit is {most}")
    if most_slots and slots is not None and slots > most_slots:
        raise PbsError(BADARRAY, f"Requested slot limit invalid, limit is {most_slots}")


class Arrays:
    """Makes the members of arrays, and gives their slots on."""

    def __init__(self, state: State, holds: Holds) -> None:
        self._state = state
        self._holds = holds
        self._left: Dict[str, int] = {}  # members of arrays that are made in full
        for array in state.arrays.values():
            self._make_later(array)

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
        if "idle_slot_limit" not in array.job.others:
            self._make_later(array)

    def _room(self, array: Array) -> int:
        """How many members may be made now: with `qsub -i` few may be idle at a time."""
        limit = array.job.others.get("idle_slot_limit")
        if limit is None:
            return BATCH
        idle = sum(1 for member in self.members(array) if member.state == QUEUED)
        return max(0, int(limit) - idle)

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

    def array_of(self, job: Job) -> Optional[Array]:
        """The array that a job is a member of."""
        if job.array_id is None:
            return None
        return self._state.arrays.get(job.job_id.replace(f"[{job.array_id}]", "[]"))

    def refresh(self, array: Array) -> Job:
        """The summary, with the state that follows from its members."""
        states = {job.state for job in self.members(array)}
        if states & {RUNNING, EXITING}:
            array.job.state = RUNNING
        else:
            array.job.state = COMPLETE if states == {COMPLETE} else QUEUED
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
        if array.slot_limit is None:
            return
        members = self.members(array)
        busy = sum(1 for member in members if member.state != COMPLETE and "l" not in member.hold)
        for member in members:
            if busy >= array.slot_limit:
                return
            if member.state == HELD and "l" in member.hold:
                self._holds.lift(member, "l")
                busy += 1

    def make_no_more(self, job: Job) -> None:
        """An array is deleted: members that are not made yet never will be."""
        array = self._state.arrays.get(job.job_id)
        if array is not None:
            del array.indexes[array.made :]
            self._state.save_array(array)

    def member_forgotten(self, job: Job) -> None:
        """The last member that is forgotten takes the array with it."""
        array = self.array_of(job)
        if array is None or array.made < len(array.indexes):
            return
        name = array.job.job_id
        known = self._left.get(name)
        self._left[name] = len(self.members(array)) if known is None else known - 1
        if not self._left[name]:
            del self._left[name], self._state.arrays[name]
            self._state.save_array(array)
