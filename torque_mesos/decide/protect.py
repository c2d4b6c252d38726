"""Starts that fail: an agent that fails is left alone; when all fail, growth stops for a while.

A start that works closes the matter for its agent and for the whole. After a pause one trial is
made: the nodes of one waiting job (or of the floor). If that fails, the next pause is twice as
long.
"""

from __future__ import annotations

from dataclasses import replace

from torque_mesos.decide.reason import Code, Reason, because
from torque_mesos.decide.turn import Turn
from torque_mesos.decide.worker import Phase
from torque_mesos.model import TaskState, Worker

FAILED_STARTS = 5  # in a row, with none that worked between them
FAILING_AGENTS = 3  # so many of them (or all that there are) failed
FIRST_PAUSE_S, LONGEST_PAUSE_S = 30.0, 600.0


def judge_starts(turn: Turn) -> None:
    """Bring up to date what is known of starts that worked and that failed."""
    in_phase, up = turn.known.in_phase, (Phase.READY, Phase.ONLINE)
    names = [name for where in up for name in in_phase.get(where, ())]
    if turn.failures:
        names = [name for name, where in turn.phases.items() if where in up]
    for name in names:
        where = turn.phases[name]
        worker = turn.workers.get(name)
        if worker is None or turn.stopping(name) or turn.unreachable(name):
            continue
        if where is Phase.READY and _worked_after(worker, turn.protection.failed_s):
            turn.protection = replace(turn.protection, row=(), pauses=0, until_s=float("-inf"))
        turn.failures.pop(worker.agent_id, None)
    now = turn.protection
    if not (now.row or now.new):
        return
    failing = len(set(now.row))
    enough = len(now.row) >= FAILED_STARTS and failing >= min(FAILING_AGENTS, len(turn.agents))
    if enough and now.new and turn.now_s >= now.until_s:
        pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(now.pauses, 10))
        now = replace(now, pauses=now.pauses + 1, until_s=turn.now_s + pause_s)
    turn.protection = replace(now, new=False)


def _worked_after(worker: Worker, failed_s: float) -> bool:
    """Whether a mom became ready after the last failure: one that waits for others did before."""
    running = (grant for grant in worker.grants if grant.state is TaskState.RUNNING)
    return any(grant.since_s > failed_s for grant in running)


def protected(turn: Turn) -> Reason | None:
    """Why no mom is started anywhere now; None if one may be."""
    now = turn.protection
    if not now.pauses:
        return None
    wait_s = now.until_s - turn.now_s
    starting = sum(where is Phase.STARTING for where in turn.phases.values())
    if wait_s <= 0 and not starting:
        return None  # a trial
    turn.timer(now.until_s)
    failures = turn.failures.values()
    why = max(failures, key=lambda each: each.until_s).why if failures else ""
    then = f"tried again in {wait_s:.0f} s" if wait_s > 0 else "a trial is under way"
    return because(
        Code.PROTECTED,
        f"no mom is started anywhere: the last {len(now.row)} starts failed on"
        f" {len(set(now.row))} agents, {then}: {why or 'no cause was told'}",
        failures=len(now.row),
        agents=len(set(now.row)),
        wait_s=max(0.0, wait_s),
    )
