"""The one function: a Snapshot in, a Plan with reasons out."""

from __future__ import annotations

from torque_mesos.decide.demand import demands
from torque_mesos.decide.departures import leave_maintained
from torque_mesos.decide.explain import explain_nodes, explain_waiting
from torque_mesos.decide.grow import grow
from torque_mesos.decide.maintenance import accepted
from torque_mesos.decide.offers import answer_offers
from torque_mesos.decide.plan import Decline, Memory, Plan, Snapshot
from torque_mesos.decide.policy import Policy
from torque_mesos.decide.protect import judge_starts
from torque_mesos.decide.reason import Code, Reason
from torque_mesos.decide.records import keep_records
from torque_mesos.decide.shrink import shrink
from torque_mesos.decide.turn import Turn, because
from torque_mesos.model import frozen_map


def decide(snapshot: Snapshot, policy: Policy) -> Plan:
    """Decide what to do now. Pure: the same snapshot and policy give the same plan.

    Where the server could not be read, or Mesos' side is not known, nothing is changed;
    offers that would be kept too long are declined.
    """
    if snapshot.reading is None or not snapshot.mesos_ready:
        return _wait(snapshot, policy)
    turn = Turn(snapshot, snapshot.reading, policy)
    judge_starts(turn)
    wanted = demands(turn)
    leave_maintained(turn, snapshot, wanted)
    keep_records(turn)
    growth = grow(turn, wanted)
    shrink(turn, growth)
    answer_offers(turn, growth, snapshot.suppressed)
    inverse, due_s = accepted(snapshot)
    if inverse is not None:
        turn.do(inverse)
    if due_s is not None:
        turn.timer(due_s)
    explain_nodes(turn, growth)
    return Plan(
        actions=tuple(turn.actions),
        jobs=frozen_map(turn.jobs),
        nodes=frozen_map(turn.nodes),
        memory=turn.remember(),
        wants_fresh=turn.wants_fresh,
        again_s=turn.again_s,
        protected=growth.protected,
    )


def _wait(snapshot: Snapshot, policy: Policy) -> Plan:
    """Nothing is known well enough: answer old offers, remember all, change nothing."""
    old = tuple(
        offer.offer_id
        for offer in snapshot.offers
        if snapshot.now_s - offer.received_s >= policy.offer_hold_s
    )
    code = Code.NOT_CONNECTED if snapshot.reading is not None else Code.SERVER_UNREADABLE
    what = "the batch server cannot be read"
    if snapshot.reading is not None:
        what = "the Mesos master is not connected, or has not told of all our tasks"
    reason = because(code, f"nothing is changed: {what}")
    jobs: dict[str, Reason] = {}
    if snapshot.reading is not None:
        turn = Turn(snapshot, snapshot.reading, policy)
        text = "no node is started for it: the Mesos master does not answer, or not yet"
        waiting = {demand.job.job_id for demand in demands(turn)}
        jobs = turn.jobs | dict.fromkeys(sorted(waiting), because(Code.NOT_CONNECTED, text))
    due = [o.received_s + policy.offer_hold_s for o in snapshot.offers if o.offer_id not in old]
    # Nodes may have been busy meanwhile: being idle and being down are timed anew.
    memory = Memory(
        unseen_since=snapshot.memory.unseen_since,
        killed_at=snapshot.memory.killed_at,
        created_at=snapshot.memory.created_at,
        rerun_at=snapshot.memory.rerun_at,
        failures=snapshot.memory.failures,
        tries=snapshot.memory.tries,
        protection=snapshot.memory.protection,
        woken_s=snapshot.memory.woken_s,
        spending=snapshot.memory.spending,
    )
    return Plan(
        actions=(Decline(old, 1.0, reason),) if old else (),
        jobs=frozen_map(jobs),
        nodes=frozen_map(explain_waiting(snapshot, policy, reason)),
        memory=memory,
        again_s=min(due, default=None),
    )
