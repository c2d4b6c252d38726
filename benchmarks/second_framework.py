"""A second framework that takes 40 % of Mesos: what each policy makes of the rest.

The trace as for `replay`. `default`: ours; `grace_0` and `grace_900`: the same with other
graces; `original`: the rule of the first framework of this kind; `static`: a cluster of the
other 60 % of the hosts, which are nodes for ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from benchmarks.result import Result
from benchmarks.traces import chosen, default_policy, played
from torque_mesos.decide import Policy
from torque_mesos.simulate.run import Mode

NEEDS_TORQUE = False

OTHER_SHARE = 0.4


def run() -> Iterator[Result]:
    """Measure."""
    trace, size = chosen()
    policy = default_policy()
    rows: tuple[tuple[str, Policy, Mode], ...] = (
        ("default", policy, "elastic"),
        ("grace_0", replace(policy, grace_s=0.0), "elastic"),
        ("grace_900", replace(policy, grace_s=900.0), "elastic"),
        ("original", policy, "original"),
        ("static", policy, "static"),
    )
    for name, each, mode in rows:
        found = played(trace, each, 0, mode, OTHER_SHARE)
        yield Result(
            f"second_{name}",
            found.waits.mean_s,
            "s of wait",
            f"p50 {found.waits.p50_s:.4g} s, p95 {found.waits.p95_s:.5g} s, {found.ended} jobs"
            f" ended, {found.unended} never ran, {found.beside} never fit beside the other"
            f" framework, {found.starts} starts, held / used",
            found.held_per_used,
            size,
        )
