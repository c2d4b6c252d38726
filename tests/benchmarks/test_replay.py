"""The benchmarks of decisions and of replayed traces tell what they should."""

from __future__ import annotations

import pytest

from benchmarks import decide, replay, traces
from torque_mesos.decide.plan import Launch


def test_the_decision_has_work_to_do() -> None:
    snapshot = decide.cluster(200, 30)
    assert snapshot.reading is not None
    assert len(snapshot.reading.jobs) == 200
    assert len(snapshot.agents) == len(snapshot.offers) == 30
    plan = decide.decide(snapshot, decide.POLICY)
    codes = {reason.code.value for reason in plan.jobs.values()}
    assert {"runs-soon", "starting-nodes", "waiting-for-offers"} <= codes
    assert any(isinstance(action, Launch) for action in plan.actions)


def test_decide_tells_time_growth_and_peak(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decide, "SIZES", ((20, 5), (40, 10)))
    monkeypatch.setattr(decide, "ROUNDS", 1)
    results = list(decide.run())
    assert [result.name for result in results] == [
        "decide_first",
        "decide_next",
        "decide_peak",
        "decide_first",
        "decide_next",
        "decide_first_growth",
        "decide_next_growth",
        "decide_peak",
    ]
    assert all(result.value > 0 for result in results)
    assert results[0].size == "20 jobs x 5 nodes x 5 offers"


def test_replay_compares_with_a_static_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TRACE", "MACHINES", "SEEDS", "SWEEP"):
        monkeypatch.delenv(f"TORQUE_MESOS_{name}", raising=False)
    monkeypatch.setattr(traces, "LIMIT", 60)
    found = {result.name: result for result in replay.run()}
    assert found["replay_wait_mean"].size == "small.swf, 60 jobs"
    assert found["replay_wait_mean"].reference.startswith("static")
    assert found["replay_held"].ratio is not None
    assert found["replay_held"].ratio >= 1
    assert found["replay_turns"].value > 60
