"""What it costs to keep idle nodes for longer or shorter: the sum that `grace_s` is chosen by.

The trace as for `replay`; a made-up queue that breathes: one job of eight slots after the other,
each submitted up to 20 s after the one before it has ended; and a chain of such jobs, each let go
in the moment in which the one before it has ended. The sum is of what is held and not used, and
of the starts, each with the parking after it at its price in cpu-seconds.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator
from dataclasses import replace
from random import Random

from benchmarks.result import Result
from benchmarks.traces import PRICES, SEEDS, chosen, default_policy, played
from torque_mesos.decide import Policy
from torque_mesos.decide.request import parse_nodes
from torque_mesos.simulate.machines import Machine
from torque_mesos.simulate.trace import Trace, TraceJob

NEEDS_TORQUE = False

GRACES_S = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 30.0)
_BREATHS, _RUN_S, _NODES = 200, 60.0, "1:ppn=8"
_BREATH_S, _CHAIN_S = (0.5, 20.0), (0.2, 0.3)  # from a job's end until the next one is queued


def run() -> Iterator[Result]:
    """Measure."""
    trace, name = chosen()
    policy = default_policy()
    yield from _sweep(trace, policy, name, "grace")
    size = f"{_BREATHS} jobs, one after the other"
    yield from _sweep(one_by_one(*_BREATH_S), policy, size, "breathing")
    yield from _sweep(one_by_one(*_CHAIN_S), policy, size, "chain")


def _sweep(trace: Trace, policy: Policy, size: str, label: str) -> Iterator[Result]:
    for grace_s in GRACES_S:
        kept = replace(policy, grace_s=grace_s)
        found = [played(trace, kept, seed, "elastic") for seed in SEEDS]
        starts = statistics.fmean(each.starts for each in found)
        wasted = statistics.fmean(each.wasted_cpu_h for each in found)
        wait_s = statistics.fmean(each.waits.mean_s for each in found)
        yield Result(
            f"{label}_{grace_s:g}",
            wasted + starts * PRICES.start_cpu_s / 3600,
            "cpu-h",
            f"wasted {wasted:.4g} cpu-h, {starts:.0f} starts, mean wait {wait_s:.4g} s,"
            " held / used",
            statistics.fmean(each.held_per_used for each in found),
            size,
        )


def one_by_one(least_s: float, most_s: float) -> Trace:
    """Jobs with gaps between them of all lengths, as many twice as long as half as long."""
    random = Random("gaps")
    least, most = math.log(least_s), math.log(most_s)
    jobs, at_s = [], 0.0
    for number in range(_BREATHS):
        jobs.append(
            TraceJob(
                job_id=f"{number}.sim",
                submit_s=at_s,
                run_s=_RUN_S,
                walltime_s=_RUN_S,
                nodes=_NODES,
                request=parse_nodes(_NODES),
                queue="batch",
                owner="user1@sim",
            )
        )
        at_s += _RUN_S + math.exp(random.uniform(least, most))
    return Trace(tuple(jobs), tuple(Machine(f"h{n}", 8, 32768.0) for n in range(1, 5)))
