"""A turn that nothing asked for changes nothing: `again_s` is when time alone does."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from tests.simulate.worlds import played, small
from torque_mesos.decide import Plan, Policy, Snapshot, decide
from torque_mesos.decide.pool import Schedule
from torque_mesos.simulate import elastic
from torque_mesos.simulate.faults import Rates
from torque_mesos.simulate.run import Options

_LONG_S = 3600.0
_FAULTS = Options(faults=1, rates=Rates(host_up_s=10_000, host_away_s=2000, failed_starts=0.2))
_MORNING = Schedule(frozenset(range(7)), 8 * 3600, 10 * 3600, 6)


def at(snapshot: Snapshot, now_s: float, before: Plan) -> Snapshot:
    """The same later, after a plan."""
    assert snapshot.wall_s is not None
    wall_s = snapshot.wall_s + now_s - snapshot.now_s
    return replace(snapshot, now_s=now_s, wall_s=wall_s, memory=before.memory)


@pytest.mark.parametrize(
    ("options", "policy"),
    [
        (Options(), Policy(grace_s=5)),
        (Options(other_share=0.4), Policy(grace_s=30)),
        (_FAULTS, Policy(grace_s=5)),
        (Options(), Policy(grace_s=60, floor_slots=4, schedules=(_MORNING,))),
    ],
    ids=["plain", "shared", "faults", "floors"],
)
def test_a_turn_between_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, options: Options, policy: Policy
) -> None:
    random = Random(7)
    quiet = 0

    def watched(snapshot: Snapshot, policy: Policy) -> Plan:
        nonlocal quiet
        plan = decide(snapshot, policy)
        if plan.actions:
            return plan
        quiet += 1
        due_s = plan.again_s if plan.again_s is not None else snapshot.now_s + _LONG_S
        between_s = random.uniform(snapshot.now_s, due_s)
        between = decide(at(snapshot, between_s, plan), policy)
        assert not between.actions, (snapshot.now_s, between_s, due_s)
        late = decide(at(snapshot, due_s, plan), policy)
        assert decide(at(snapshot, due_s, between), policy).actions == late.actions
        return plan

    monkeypatch.setattr(elastic, "decide", watched)
    played(small(40), options, policy)
    assert quiet > 50
