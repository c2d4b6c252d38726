"""A trace of jobs through the live code, beside a cluster whose nodes are always there.

The trace is the one that $TORQUE_MESOS_TRACE names, with the machines of
$TORQUE_MESOS_MACHINES; without them, the small made-up one of the tests. News that comes
while a turn is due is part of that turn. Both sides have the same batch-scheduler model and
the same delays, drawn by the same seeds; offers are plentiful. $TORQUE_MESOS_SEEDS tells how
many seeds (1), $TORQUE_MESOS_JOBS how many jobs of the trace (all). With
$TORQUE_MESOS_SWEEP=1, graces are swept, and the table with a second framework is made, too.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks.result import Result
from torque_mesos.config import Settings
from torque_mesos.decide import Policy
from torque_mesos.simulate.machines import read_machines
from torque_mesos.simulate.report import Prices, Report, report
from torque_mesos.simulate.run import Mode, Options, simulate
from torque_mesos.simulate.trace import Trace, read_trace

NEEDS_TORQUE = False

DATA = Path(__file__).resolve().parent.parent / "tests" / "data" / "simulate"
LIMIT = int(os.environ.get("TORQUE_MESOS_JOBS", "0")) or None  # jobs of the trace; None: all
GRACES_S = (0.0, 2.0, 5.0, 10.0, 20.0, 60.0, 300.0, 900.0)
OTHER_SHARE = 0.4
# What a start and the parking after it are worth in cpu-seconds: executor, mom and the server's
# commands take about one; the rest stands for the third of a second that a job waits longer.
# (The slots that are held while a mom starts and stops are in what is wasted.)
PRICES = Prices(start_cpu_s=5.0)


def run() -> Iterator[Result]:
    """Measure: the time it takes, waits beside static, held beside used."""
    trace, name = _trace()
    policy = Settings().policy("benchmark", None)
    seeds = range(int(os.environ.get("TORQUE_MESOS_SEEDS", "1")))
    size = f"{name}, {len(trace.jobs):,} jobs"
    pairs = [
        (_played(trace, policy, seed, "elastic"), _played(trace, policy, seed, "static"))
        for seed in seeds
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
    if os.environ.get("TORQUE_MESOS_SWEEP"):
        yield from _sweep(trace, policy, size)
        yield from _shared(trace, policy, size)


def _ratio(value: float, beside: float) -> float | None:
    return value / beside if beside else None


def _trace() -> tuple[Trace, str]:
    path, machines = DATA / "small.swf", DATA / "small.machines"
    if named := os.environ.get("TORQUE_MESOS_TRACE"):
        path = Path(named)
        machines = Path(os.environ.get("TORQUE_MESOS_MACHINES", f"{named}.machines"))
    return read_trace(path, read_machines(machines), LIMIT), path.name


def _played(
    trace: Trace, policy: Policy, seed: int, mode: Mode, other_share: float = 0.0
) -> Report:
    options = Options(mode=mode, seed=seed, other_share=other_share)
    return report(simulate(trace, policy, options), PRICES)


def _sweep(trace: Trace, policy: Policy, size: str) -> Iterator[Result]:
    """What graces cost: cpu-hours wasted, and those that the starts are worth."""
    for grace_s in GRACES_S:
        found = _played(trace, replace(policy, grace_s=grace_s), 0, "elastic")
        starts_h = found.starts * PRICES.start_cpu_s / 3600
        yield Result(
            f"replay_grace_{grace_s:g}",
            found.wasted_cpu_h + starts_h,
            "cpu-h",
            f"wasted {found.wasted_cpu_h:.5g}, {found.starts} starts,"
            f" mean wait {found.waits.mean_s:.5g} s, held / used",
            found.held_per_used,
            size,
        )


def _shared(trace: Trace, policy: Policy, size: str) -> Iterator[Result]:
    """The same with a second framework."""
    modes: tuple[tuple[str, Policy, Mode], ...] = (
        ("default", policy, "elastic"),
        ("grace_0", replace(policy, grace_s=0.0), "elastic"),
        ("grace_900", replace(policy, grace_s=900.0), "elastic"),
        ("original", policy, "original"),
    )
    for name, each, mode in modes:
        found = _played(trace, each, 0, mode, OTHER_SHARE)
        yield Result(
            f"replay_shared_{name}",
            found.waits.mean_s,
            "s of wait",
            f"p95 {found.waits.p95_s:.5g} s, {found.ended} jobs ended, {found.unended} never ran,"
            f" {found.beside} never fit beside the other framework, {found.starts} starts,"
            " held / used",
            found.held_per_used,
            size,
        )
