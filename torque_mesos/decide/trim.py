"""Shrinking in place: what is idle beside jobs goes back to Mesos, grant by grant.

TORQUE gives a job slots by their index, and np may only fall to the highest index in use plus
one, while the node is offline and its jobs were read after that. A grant ends whole. So:

    online --Offline--> draining, with jobs --Kill--> fewer grants --SetNp, Online--> online

Where this stands is read from the node and its grants alone. Whoever is killed on the way finds
a draining node with jobs, and goes on: with the grants that are still too many, or, when there
are none, back online. np is never above what the grants hold while the node is online, for it
goes online only when the grants that were to end have ended.

The executor's own share is part of its first grant, so that one stays as long as the mom does.
"""

from __future__ import annotations

from torque_mesos.decide.growth import Growth
from torque_mesos.decide.plan import Kill, Offline, Part, Spare
from torque_mesos.decide.reason import Code
from torque_mesos.decide.turn import RETRY_S, Turn, because
from torque_mesos.decide.worker import DRAINING_NOTE
from torque_mesos.model import Grant, Resources, TaskState


def parts(whole: Resources, slots: int, slot: Resources, *, first: bool) -> tuple[Part, ...]:
    """Grants of `slots` together, so that any number can be given back with few tasks.

    The first grant of a worker cannot be given back before all else, so it is of one slot. The
    others are of 1, 2, 4, ... and the rest: each number up to their sum is the sum of some.
    What there is beyond the slots (memory, gpus) is in the first part, and goes with the worker.
    """
    sizes = [1] if first and slots else []
    left, size = slots - len(sizes), 1
    while left > 0:
        sizes.append(min(size, left))
        left -= sizes[-1]
        size *= 2
    beyond = whole - slot * slots
    found = [Part(size, slot * size) for size in sizes or [0]]
    found[0] = Part(found[0].slots, found[0].resources + beyond)
    return tuple(found)


def releasable(turn: Turn, name: str, slots: int) -> tuple[Grant, ...]:
    """Grants of a worker that hold at most `slots` together, as many slots as can be.

    Those that hold more than their slots (memory, gpus) are left alone: a job may need it.
    """
    found = []
    plain = (g for g in turn.workers[name].grants[1:] if g.state is TaskState.RUNNING and g.slots)
    grants = [g for g in plain if (turn.policy.slot * g.slots).holds(g.resources)]
    for grant in sorted(grants, key=lambda grant: (-grant.slots, grant.task_id)):
        if grant.slots <= slots:
            found.append(grant)
            slots -= grant.slots
    return tuple(found)


def trim(turn: Turn, name: str, before: Spare | None, most: int) -> int:
    """Take a node with jobs offline if slots at its top were idle beyond the grace.

    `before`: what was idle there in the turn before; `most`: how many slots may go. Gives how
    many will.
    """
    node = turn.records[name]
    idle = min(node.np, turn.usable_slots(name)) - turn.slots_in_use(name)
    slots = sum(grant.slots for grant in releasable(turn, name, min(idle, most)))
    if not slots:
        return 0
    now = Spare(min(slots, before.slots), before.since_s) if before else Spare(slots, turn.now_s)
    turn.spare[name] = now
    idle_s = turn.now_s - now.since_s
    if idle_s < turn.policy.grace_s:
        turn.timer(now.since_s + turn.policy.grace_s)
        return 0
    text = f"{now.slots} of its {node.np} slots were idle for {idle_s:.0f} s"
    reason = because(Code.SPARE, text, slots=now.slots, idle_s=idle_s)
    turn.nodes[name] = reason
    return slots if turn.do_if_fresh(Offline(name, DRAINING_NOTE, reason)) else 0


def finish_trims(turn: Turn, growth: Growth) -> None:
    """Nodes that are offline with jobs on them: end what they do not need, then back online."""
    beyond = sum(turn.kept_slots(name) for name in turn.workers) - turn.policy.floor_slots
    for name in turn.workers:
        worker = turn.workers[name]
        if turn.ending(name):
            if not (turn.stopping(name) or turn.unreachable(name)):
                _ask_again(turn, name)
        elif not turn.drains_jobs(name) or name in growth.claimed:
            continue
        elif all(grant.state is TaskState.RUNNING for grant in worker.grants):
            most = turn.usable_slots(name) - turn.slots_in_use(name)
            if not _end_spare(turn, name, most + min(0, beyond)) and turn.trimmed(name):
                growth.online.add(name)


def _end_spare(turn: Turn, name: str, most: int) -> bool:
    """End the grants that the jobs of a node do not need, of `most` slots. False: none."""
    worker = turn.workers[name]
    grants = releasable(turn, name, most)
    if not grants or not turn.feasible_without():
        return False
    slots = sum(grant.slots for grant in grants)
    text = f"{slots} of its {worker.running_slots} slots are idle"
    reason = because(Code.SPARE, text, slots=slots)
    turn.nodes[name] = reason
    ids = tuple(grant.task_id for grant in grants)
    if turn.do_if_fresh(Kill(name, worker.agent_id, ids, reason)):
        turn.killed_at.update(dict.fromkeys(ids, turn.now_s))
    return True


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
