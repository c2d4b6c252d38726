"""Shrinking: idle nodes are drained, drained ones stopped, late starts given up."""

from __future__ import annotations

from torque_mesos.decide.facts import Mark
from torque_mesos.decide.floors import Floors
from torque_mesos.decide.growth import Growth
from torque_mesos.decide.plan import Kill, Offline
from torque_mesos.decide.reason import Code, Reason
from torque_mesos.decide.trim import give_up_late, too_many_slots, trim
from torque_mesos.decide.turn import RETRY_S, SILENT_ALONE_S, Turn, because
from torque_mesos.decide.usage import Usage
from torque_mesos.decide.victims import hosts_to_go, idle_cost, slots_to_go
from torque_mesos.decide.worker import DRAINING_NOTE, ERROR, Phase

_NOTED = Reason(Code.NOT_OURS, "idle, and kept as it is while a person's note is on it")
_STUCK_S = 60.0  # a node that is said to be full, and to have no job, may yet tell of one
_WITH_WORKER = frozenset({Phase.DRAINING, Phase.ONLINE, Phase.STARTING, Phase.READY})


def shrink(turn: Turn, growth: Growth) -> None:
    """Give back what nobody needs. A node is stopped only when it was seen offline and idle."""
    marked, phases = turn.known.marked, turn.phases
    idle = marked[Mark.IDLE] - growth.claimed - turn.job_hosts.keys()
    turn.idle_since = {name: turn.idle_since.get(name, turn.now_s) for name in sorted(idle)}
    wanted = growth.online | growth.claimed
    trimmed = turn.trimmed()
    moving = [
        name for name in turn.known.moving if name not in trimmed and phases[name] in _WITH_WORKER
    ]
    for name in turn.workers if turn.agents_leaving else moving:
        where = phases[name]
        if where is Phase.DRAINING and name not in wanted and name not in trimmed:
            _stop_drained(turn, name)
        elif where is Phase.ONLINE and turn.goes(name) and (turn.busy(name) or turn.leaving(name)):
            _drain_going(turn, name)
        elif where is Phase.STARTING:
            _give_up_late(turn, name)
        elif where is Phase.READY and turn.stopping(name) and not turn.busy(name):
            _kill(turn, name, because(Code.DRAINED, "its end was asked for"))
        elif where is Phase.READY and (reason := turn.leaving(name)) and not turn.busy(name):
            _kill(turn, name, reason)
    if unsure := marked[Mark.UNSURE]:
        for name in [name for name in turn.workers if name in unsure]:
            give_up_late(turn, name)
    floors = Floors(turn)
    floors.count(growth)
    for name in idle:
        if turn.phases[name] is Phase.ONLINE and _noted(turn, name):
            turn.nodes[name] = _NOTED
    idle = frozenset(
        name
        for name in idle
        if turn.phases[name] is not Phase.ONLINE or not (turn.leaving(name) or _noted(turn, name))
    )
    for name in hosts_to_go(turn, growth, idle):
        slots = turn.kept_slots(name)
        spare = slots <= floors.spare(name) or _in_the_way(turn, growth, name)
        spare = spare or turn.oversized(name)
        if slots and not spare and not _outlived(turn, name):
            turn.nodes[name] = _kept(turn, name, floors.keeper(name, slots))
        elif (why := _why(turn, growth, name)) and _release(turn, name, why):
            floors.released(name, slots)
    beside = {name for name in marked[Mark.IN_PART] if _may_be_trimmed(turn, growth, name)}
    in_use = growth.in_use
    turn.spare = {name: spare for name, spare in turn.spare.items() if name in beside}
    for name in slots_to_go(turn, growth, beside):
        slots = trim(turn, name, floors.spare(name), in_use.get(name, Usage()))
        floors.released(name, slots)


def _kept(turn: Turn, name: str, keeper: str) -> Reason:
    """Why an idle node stays that is of the floor, or of a reserve."""
    since_s = turn.idle_since[name]
    idle_s, cost = turn.now_s - since_s, idle_cost(turn, name, turn.kept_slots(name), since_s)
    unit = "cpu-seconds x price" if turn.pools.priced else "cpu-seconds"
    text = f"idle for {idle_s:.0f} s ({cost:.0f} {unit}), and kept for {keeper}"
    return because(Code.FLOOR, text, idle_s=idle_s, cost=cost)


def _may_be_trimmed(turn: Turn, growth: Growth, name: str) -> bool:
    """Whether a node may give back what its jobs do not use."""
    online = turn.phases[name] is Phase.ONLINE and turn.busy(name) and not turn.goes(name)
    return (
        (online or turn.drains_jobs(name))
        and name not in growth.claimed
        and name not in growth.online
        and turn.marked(name)
        and not (turn.stopping(name) or turn.ending(name))
        and not (turn.unreachable(name) or turn.down(name))
        and turn.feasible_without()
        and turn.facts[name].all_run
    )


def _why(turn: Turn, growth: Growth, name: str) -> Reason | None:
    """Why an idle node is to go now; None while it is kept."""
    if turn.stopping(name):
        return because(Code.DRAINED, "its end was asked for")
    if turn.silent(name):
        down_s = turn.now_s - turn.down_since[name]
        text = f"its mom does not answer the server for {down_s:.0f} s, and has no job"
        worker = turn.workers[name]
        memory = turn.remember().with_failure(worker.agent_id, turn.now_s, text)
        turn.failures = dict(memory.failures)
        return because(Code.SILENT, text, down_s=down_s)
    if turn.down(name):
        # What the server says of it may be old: nothing is released because of it, for long.
        for wait_s in (turn.policy.dead_after_s, SILENT_ALONE_S):
            turn.timer(turn.down_since.get(name, turn.now_s) + wait_s)
        return None
    idle_s = turn.now_s - turn.idle_since[name]
    if turn.oversized(name):
        return too_many_slots(turn, name)
    stuck = turn.stuck(name)
    if not stuck and _in_the_way(turn, growth, name):
        return because(Code.MAKES_ROOM, "idle, and of no use to the jobs that wait for its room")
    if not stuck and turn.old(name):
        text = f"idle for {idle_s:.0f} s, and started with older settings"
        return because(Code.OLD_GENERATION, text, idle_s=idle_s)
    grace_s = max(turn.policy.grace_s, _STUCK_S if stuck else 0.0)
    if idle_s >= grace_s:
        return because(Code.IDLE, f"idle for {idle_s:.0f} s", idle_s=idle_s)
    turn.nodes[name] = because(Code.IDLE, f"idle for {idle_s:.0f} of {grace_s:g} s", idle_s=idle_s)
    turn.timer(turn.idle_since[name] + grace_s)
    return None


def _outlived(turn: Turn, name: str) -> bool:
    """Whether an old worker goes though it is needed for the floor.

    A new one takes its place if there is room beside it; after the grace it makes that room.
    """
    end_s = turn.idle_since[name] + turn.policy.grace_s
    if not turn.old(name):
        return False
    turn.timer(end_s)
    return turn.now_s >= end_s


def _in_the_way(turn: Turn, growth: Growth, name: str) -> bool:
    """Whether waiting jobs could use what an idle worker holds, but not as it is.

    Its host could serve a job with a larger worker, or its share of the limit could be
    spent where it is of use.
    """
    if growth.limited(turn, name) and turn.now_s - turn.idle_since[name] >= turn.policy.grace_s:
        return True
    return growth.takes_room(turn, name, turn.workers[name].slots)


def _release(turn: Turn, name: str, reason: Reason) -> bool:
    turn.nodes[name] = reason
    if turn.phases[name] is Phase.SIDELINED:
        return _kill(turn, name, reason)
    complains = turn.records[name].note.startswith(ERROR)  # which is left for a person to read
    return turn.do_if_fresh(Offline(name, None if complains else DRAINING_NOTE, reason))


def _noted(turn: Turn, name: str) -> bool:
    """Whether a person's note is on a node of ours, which then stays as it is.

    An offline mark behind that note could not be told from the person's later, and would stay.
    """
    note = turn.records[name].note
    return note != "" and not (turn.marked(name) or note.startswith(ERROR))


def _drain_going(turn: Turn, name: str) -> None:
    """A worker that is old, or whose agent leaves, ends its jobs and must get no others."""
    noted = turn.records[name].note != "" and not turn.marked(name)
    if not (noted or turn.down(name) or turn.unreachable(name)):
        text = "started with older settings: it ends its jobs and gets no others"
        reason = turn.leaving(name) or because(Code.OLD_GENERATION, text)
        turn.nodes[name] = reason
        turn.do_if_fresh(Offline(name, DRAINING_NOTE, reason))


def _stop_drained(turn: Turn, name: str) -> None:
    if turn.busy(name):
        text = "draining: it waits for its jobs to end"
        turn.nodes[name] = turn.leaving(name) or because(Code.IDLE, text)
    elif not turn.unreachable(name):
        _kill(turn, name, because(Code.DRAINED, "offline and without jobs"))


def _give_up_late(turn: Turn, name: str) -> None:
    worker = turn.workers[name]
    started_s = min(grant.since_s for grant in worker.grants)
    started_s = max(started_s, turn.created_at.get(name, started_s))
    late_s = turn.now_s - started_s
    turn.timer(started_s + turn.policy.start_timeout_s)
    if late_s < turn.policy.start_timeout_s or turn.busy(name) or turn.unreachable(name):
        return
    reason = because(Code.LATE, f"its mom was not ready after {late_s:.0f} s", late_s=late_s)
    if not turn.stopping(name):
        memory = turn.remember().with_failure(worker.agent_id, turn.now_s, reason.text)
        turn.failures, turn.protection = dict(memory.failures), memory.protection
    _kill(turn, name, reason)


def _kill(turn: Turn, name: str, reason: Reason) -> bool:
    """End a worker's grants, and ask again after a while if they did not end."""
    worker = turn.workers[name]
    asked_s = turn.killed_at.get(worker.executor_id, float("-inf"))
    turn.nodes[name] = reason
    turn.timer(asked_s + RETRY_S)
    if turn.now_s - asked_s < RETRY_S:
        return False
    task_ids = tuple(grant.task_id for grant in worker.grants)
    if not turn.do_if_fresh(Kill(name, worker.agent_id, task_ids, reason)):
        return False
    turn.killed_at[worker.executor_id] = turn.now_s
    return True
