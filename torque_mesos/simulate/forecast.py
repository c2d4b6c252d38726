"""What would be decided now, and what next if nothing happens: a dry run of the last turn."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torque_mesos.decide import Plan, Policy, Snapshot, decide
from torque_mesos.decide.plan import Action, Decline, Launch, Revive, Suppress, Wake

_QUIET = (Decline, Revive, Suppress, Wake)  # these change nothing but the offers
_LOOK_AHEAD_S = 7 * 86400.0
_TIMERS = 100  # at most so many turns ahead


@dataclass(frozen=True, slots=True)
class Forecast:
    """`now` is what would be done now; `next` what would be done in `next_s`, if anything.

    `next` is told only when what comes before it changes neither nodes nor tasks: else what
    the batch server and Mesos answer would be known first.
    """

    now: Plan
    next_s: float | None = None
    next: Plan | None = None


def settled(actions: tuple[Action, ...]) -> bool:
    """Whether a turn has left nodes and tasks as its snapshot has them."""
    return all(isinstance(action, _QUIET) for action in actions)


def forecast(snapshot: Snapshot, policy: Policy, now_s: float) -> Forecast:
    """Decide again on what a turn knew. `now_s`: by the clock of `snapshot.now_s`.

    The turn's own plan must have been `settled`; its answers to offers are taken as given.
    """
    # A live loop would read the batch server again where a decision needs it.
    snapshot = replace(snapshot, fresh=snapshot.reading is not None)
    snapshot = _after(snapshot, decide(snapshot, policy))
    snapshot = _at(snapshot, max(now_s, snapshot.now_s))
    now = plan = decide(snapshot, policy)
    start_s = snapshot.now_s
    for _ in range(_TIMERS):
        due_s = plan.again_s
        if not settled(plan.actions) or due_s is None or due_s > start_s + _LOOK_AHEAD_S:
            break
        snapshot = _at(_after(snapshot, plan), due_s)
        plan = decide(snapshot, policy)
        if plan.actions:
            return Forecast(now, due_s - start_s, plan)
    return Forecast(now)


def _at(snapshot: Snapshot, now_s: float) -> Snapshot:
    """The same, later; by both clocks."""
    wall_s = snapshot.wall_s
    if wall_s is not None:
        wall_s += now_s - snapshot.now_s
    return replace(snapshot, now_s=now_s, wall_s=wall_s)


def _after(snapshot: Snapshot, plan: Plan) -> Snapshot:
    """What the next turn knows, as far as a plan alone tells it."""
    answered = {
        offer_id
        for action in plan.actions
        if isinstance(action, Decline | Launch)
        for offer_id in action.offer_ids
    }
    suppressed = snapshot.suppressed
    for action in plan.actions:
        if isinstance(action, Suppress | Revive):
            suppressed = isinstance(action, Suppress)
    return replace(
        snapshot,
        offers=tuple(offer for offer in snapshot.offers if offer.offer_id not in answered),
        suppressed=suppressed,
        memory=plan.memory,
    )
