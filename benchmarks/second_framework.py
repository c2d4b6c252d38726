"""A second framework that takes 40 % of Mesos: what each policy makes of the rest.

The trace as for `replay`. The second framework starts its tasks of eight cpus wherever Mesos
offers room, as frameworks do, so in the course of time they are on every host. `default`: ours
beside it; `grace_0` and `grace_900`: the same with other graces; `original`: the rule of the first
framework of this kind. `apart`: ours where the second framework keeps to hosts of its own, 40 % of
each kind; `static`: the other 60 % of the hosts are nodes for ever. So `static` is to be held
against `apart`, which has the same hosts, and the rest against each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from benchmarks.result import Result
from benchmarks.traces import chosen, default_policy, played
from torque_mesos.decide import Policy
from torque_mesos.simulate.run import Mode, without_share
from torque_mesos.simulate.trace import Trace

NEEDS_TORQUE = False

OTHER_SHARE = 0.4


def run() -> Iterator[Result]:
    """Measure."""
    trace, size = chosen()
    own = replace(trace, machines=tuple(without_share(trace.machines, OTHER_SHARE)))
    policy = default_policy()
    rows: tuple[tuple[str, Trace, Policy, Mode, float], ...] = (
        ("static", trace, policy, "static", OTHER_SHARE),
        ("apart", own, policy, "elastic", 0.0),
        ("default", trace, policy, "elastic", OTHER_SHARE),
        ("grace_0", trace, replace(policy, grace_s=0.0), "elastic", OTHER_SHARE),
        ("grace_900", trace, replace(policy, grace_s=900.0), "elastic", OTHER_SHARE),
        ("original", trace, policy, "original", OTHER_SHARE),
    )
    for name, jobs, each, mode, share in rows:
        found = played(jobs, each, 0, mode, share)
        sizes = ", ".join(f"{of} {waits.mean_s:.5g} s" for of, waits in found.by_size.items())
        yield Result(
            f"second_{name}",
            found.waits.mean_s,
            "s of wait",
            f"p50 {found.waits.p50_s:.4g} s, p95 {found.waits.p95_s:.5g} s (mean of {sizes}),"
            f" {found.ended} jobs ended, {found.unended} never ran, {found.beside} never fit"
            f" beside the other framework, {found.starts} starts, {found.held_cpu_h:.0f} cpu-h"
            " held, held / used",
            found.held_per_used,
            size,
        )
