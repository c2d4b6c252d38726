"""Shrinking in place: what is idle beside jobs goes back to Mesos, grant by grant.

TORQUE gives a job slots by their index, and np may only fall to the highest index in use plus
one, while the node is offline and its jobs were read after that; and not below np as it was when
any of its jobs began, for such a job's slots would never be free again. A grant ends whole. So:

    online --Offline--> draining, with jobs --Kill--> fewer grants --SetNp, Online--> online

Idle slots below that go, too: while a node is offline nothing counts on its np. Such a
node is *sunk*: it stays offline until those jobs have ended, or until a job is worth what is
missing; then grants come first.

Where this stands is read from the node and its grants alone. Whoever is killed on the way finds
a draining node with jobs, and goes on: with the grants that are still too many, or, when there
are none, back online. np is never above what the grants hold while the node is online, for it
goes online only when the grants that were to end have ended.

The executor's own share is part of its first grant, so that one stays as long as the mom does.
"""

from __future__ import annotations

import math
from functools import lru_cache

from torque_mesos.decide.growth import NOTHING, Growth
from torque_mesos.decide.plan import Kill, Offline, Part, Spare
from torque_mesos.decide.reason import Code, Reason, counted
from torque_mesos.decide.turn import RETRY_S, Turn, because
from torque_mesos.decide.usage import Usage
from torque_mesos.decide.worker import DRAINING_NOTE, Phase
from torque_mesos.model import Grant, Resources, TaskState

_SUNK = Reason(
    Code.SPARE, "it holds only what its jobs use; no more jobs fit before one of them ends"
)


def parts(whole: Resources, slots: int, slot: Resources, *, first: bool) -> tuple[Part, ...]:
    """Grants of `slots` together, so that any number can be given back with few tasks.

    The first grant of a worker cannot be given back before all else, so it is of one slot. The
    others are of 1, 2, 4, ... and the rest: each number up to their sum is the sum of some.
    What there is beyond the slots (memory, gpus) is in the first part, and goes with the worker.
    """
    head, *rest = _sizes(slots, slot, first=first)
    beyond = whole - slot * slots
    if beyond == NOTHING:
        return head, *rest
    return Part(head.slots, head.resources + beyond), *rest


@lru_cache(maxsize=1024)
def _sizes(slots: int, slot: Resources, *, first: bool) -> tuple[Part, ...]:
    """Such grants, without what is beyond their slots."""
    sizes = [1] if first and slots else []
    left, size = slots - len(sizes), 1
    while left > 0:
        sizes.append(min(size, left))
        left -= sizes[-1]
        size *= 2
    return tuple(Part(size, slot * size) for size in sizes or [0])


def releasable(turn: Turn, name: str, slots: int) -> tuple[Grant, ...]:
    """Grants of a worker that hold at most `slots` together, as many slots as can be.

    Those that hold more than their slots (memory, gpus) are left alone: a job may need it.
    """
    found: list[Grant] = []
    if slots <= 0:
        return ()
    for grant in turn.facts[name].grants:
        if grant.slots <= slots:
            found.append(grant)
            slots -= grant.slots
    return tuple(found)


def trim(turn: Turn, name: str, most: int, usage: Usage) -> int:
    """Give back slots of a node with jobs that were idle beyond the grace.

    One that is online goes offline first. `most`: how many slots may go; `usage`: what its jobs
    use beside their slots. Gives how many will.
    """
    node, before = turn.records[name], turn.spare.pop(name, None)
    if turn.oversized(name):
        reason = turn.nodes[name] = too_many_slots(turn, name)
        turn.do_if_fresh(Offline(name, DRAINING_NOTE, reason))
        return 0
    grants = releasable(turn, name, min(_idle(turn, name, usage), most))
    slots = sum(grant.slots for grant in grants)
    if not slots:
        return 0
    now = Spare(min(slots, before.slots), before.since_s) if before else Spare(slots, turn.now_s)
    turn.spare[name] = now
    idle_s = turn.now_s - now.since_s
    goes = turn.drains_jobs(name) and turn.goes(name)
    if idle_s < turn.policy.grace_s and not goes:
        turn.timer(now.since_s + turn.policy.grace_s)
        return 0
    grants = grants if goes else releasable(turn, name, now.slots)
    slots = sum(grant.slots for grant in grants)
    text = (
        f"{slots} of its {node.np} slots {'was' if slots == 1 else 'were'} idle for {idle_s:.0f} s"
    )
    reason = because(Code.SPARE, text, slots=slots, idle_s=idle_s)
    turn.nodes[name] = reason
    if turn.phases[name] is Phase.ONLINE:
        turn.do_if_fresh(Offline(name, DRAINING_NOTE, reason))
    else:
        _end(turn, name, grants, reason)
    return slots


def too_many_slots(turn: Turn, name: str) -> Reason:
    """Why a node that is online goes offline at once: to come back with what its grants hold."""
    np, held = turn.records[name].np, turn.held_slots(name)
    return because(Code.AS_GRANTED, f"it has {counted(np, 'slot')}, and grants of {held}")


def _idle(turn: Turn, name: str, usage: Usage) -> int:
    """The slots that no job uses, nor counts on the memory of."""
    worker, slot_mb = turn.workers[name], turn.policy.slot.mem_mb
    slots = turn.usable_slots(name)
    beyond_mb = worker.resources.mem_mb - worker.slots * slot_mb
    counted = math.ceil(max(0.0, usage.mem_mb - beyond_mb) / slot_mb)
    return slots - len(turn.records[name].slots) - counted


def finish_trims(turn: Turn, growth: Growth) -> None:
    """Nodes that are offline with jobs on them go online, when nothing is to be given back.

    Those that hold less than the slots up to the highest in use stay as they are: those above
    end first, or what is missing comes back for a job.
    """
    ending = {name for name in turn.asked_to_end() if turn.ending(name)}
    for name in turn.workers if ending else ():
        if name in ending and not (turn.stopping(name) or turn.unreachable(name)):
            _ask_again(turn, name)
    for name in turn.trimmed() - growth.claimed - ending:
        if turn.facts[name].all_run:
            spare = turn.spare.get(name)
            due = spare is not None and turn.now_s - spare.since_s >= turn.policy.grace_s
            if turn.usable_slots(name) < turn.slots_in_use(name):
                turn.nodes[name] = _SUNK
            elif not due:
                growth.online.add(name)


def give_up_late(turn: Turn, name: str) -> None:
    """End further grants of a mom that is up, where they do not run for long: nobody gets them."""
    if turn.unreachable(name) or turn.stopping(name) or turn.phases[name] is Phase.STARTING:
        return
    grants = turn.workers[name].grants
    running = (g.task_id for g in grants if g.state is TaskState.RUNNING)
    if turn.killed_at.keys() >= set(running):
        return  # with its last grant the mom would end, and jobs may be there, or be put there
    waiting = [
        grant
        for grant in grants
        if grant.state in (TaskState.STAGING, TaskState.STARTING)
        and grant.task_id not in turn.killed_at
    ]
    for grant in waiting:
        turn.timer(grant.since_s + turn.policy.start_timeout_s)
    late = tuple(g for g in waiting if turn.now_s - g.since_s >= turn.policy.start_timeout_s)
    if late:
        late_s = turn.now_s - min(grant.since_s for grant in late)
        text = f"grants of it did not run after {late_s:.0f} s"
        reason = because(Code.LATE, text, late_s=late_s)
        turn.nodes[name] = reason
        _end(turn, name, late, reason)


def _end(turn: Turn, name: str, grants: tuple[Grant, ...], reason: Reason) -> None:
    ids = tuple(grant.task_id for grant in grants)
    if turn.do_if_fresh(Kill(name, turn.workers[name].agent_id, ids, reason)):
        turn.killed_at.update(dict.fromkeys(ids, turn.now_s))
        turn.spare.pop(name, None)


def _ask_again(turn: Turn, name: str) -> None:
    """Ask again for the end of grants that did not end for a while."""
    worker = turn.workers[name]
    ids = tuple(g.task_id for g in worker.grants if g.task_id in turn.killed_at)
    asked_s = max(turn.killed_at[task_id] for task_id in ids)
    turn.timer(asked_s + RETRY_S)
    if turn.now_s - asked_s >= RETRY_S:
        reason = because(Code.SPARE, "grants whose end was asked for are still there")
        if turn.do_if_fresh(Kill(name, worker.agent_id, ids, reason)):
            turn.killed_at.update(dict.fromkeys(ids, turn.now_s))
