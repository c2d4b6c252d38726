"""A trace of jobs through the live code, beside a cluster whose nodes are always there.

The trace is that of `benchmarks.traces`. News that comes while a turn is due is part of that
turn. Both sides have the same batch-scheduler model and the same delays, drawn by the same
seeds; offers are plentiful.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from benchmarks.result import Result
from benchmarks.traces import SEEDS, chosen, default_policy, played

NEEDS_TORQUE = False


def run() -> Iterator[Result]:
    """Measure: the time it takes, waits beside static, held beside used."""
    trace, size = chosen()
    policy = default_policy()
    pairs = [
        (played(trace, policy, seed, "elastic"), played(trace, policy, seed, "static"))
        for seed in SEEDS
    ]
    elastic, static = (tuple(side) for side in zip(*pairs, strict=True))
    # The process's time: what else runs on this computer is not in it.
    yield Result("replay_time", statistics.fmean(r.cpu_s for r in elastic), "s", size=size)
    yield Result("replay_turns", elastic[0].turns, "turns", size=size)
    for what in ("mean_s", "p50_s", "p95_s", "p99_s"):
        beside = statistics.fmean(getattr(r.waits, what) for r in static)
        more = [getattr(e.waits, what) - getattr(s.waits, what) for e, s in pairs]
        label = f"replay_wait_{what.removesuffix('_s')}"
        value = statistics.fmean(getattr(r.waits, what) for r in elastic)
        yield Result(label, value, "s", f"static, {beside:.4g} s", _ratio(value, beside), size)
        yield Result(
            f"{label}_more", max(more), "s", f"static; the worst of {len(pairs)} seeds", None, size
        )
    held = statistics.fmean(r.held_cpu_h for r in elastic)
    used = statistics.fmean(r.used_cpu_h for r in elastic)
    yield Result("replay_held", held, "cpu-h", f"used, {used:.6g} cpu-h", held / used, size)
    for use in elastic[0].uses_cpu_h:
        spent = statistics.fmean(r.uses_cpu_h[use] for r in elastic)
        yield Result("replay_held_for", spent, "cpu-h", f"used; {use}", spent / used, size)
    yield Result("replay_starts", statistics.fmean(r.starts for r in elastic), "starts", size=size)


def _ratio(value: float, beside: float) -> float | None:
    return value / beside if beside else None
