"""The trace that benchmarks run, and how.

It is the one that $TORQUE_MESOS_TRACE names, with the machines of $TORQUE_MESOS_MACHINES;
without them, the small made-up one of the tests. $TORQUE_MESOS_JOBS tells how many jobs of it
(all), $TORQUE_MESOS_SEEDS how many seeds of the delays' jitter (1).
"""

from __future__ import annotations

import os
from pathlib import Path

from torque_mesos.config import Settings
from torque_mesos.decide import Policy
from torque_mesos.simulate.machines import read_machines
from torque_mesos.simulate.report import Prices, Report, report
from torque_mesos.simulate.run import Mode, Options, simulate
from torque_mesos.simulate.trace import Trace, read_trace

DATA = Path(__file__).resolve().parent.parent / "tests" / "data" / "simulate"
LIMIT = int(os.environ.get("TORQUE_MESOS_JOBS", "0")) or None
SEEDS = range(int(os.environ.get("TORQUE_MESOS_SEEDS", "1")))
# What a start and the parking after it are worth in cpu-seconds: executor, mom and the server's
# commands take about one; the rest stands for the third of a second that a job waits longer.
# (The slots that are held while a mom starts and stops are in what is wasted.)
PRICES = Prices(start_cpu_s=5.0)


def chosen() -> tuple[Trace, str]:
    """The trace, and what a result calls it."""
    path, machines = DATA / "small.swf", DATA / "small.machines"
    if named := os.environ.get("TORQUE_MESOS_TRACE"):
        path = Path(named)
        machines = Path(os.environ.get("TORQUE_MESOS_MACHINES", f"{named}.machines"))
    trace = read_trace(path, read_machines(machines), LIMIT)
    return trace, f"{path.name}, {len(trace.jobs):,} jobs"


def default_policy() -> Policy:
    """What follows from settings in which nothing is set."""
    return Settings().policy("benchmark", None)


def played(trace: Trace, policy: Policy, seed: int, mode: Mode, other_share: float = 0.0) -> Report:
    """The figures of one run."""
    options = Options(mode=mode, seed=seed, other_share=other_share)
    return report(simulate(trace, policy, options), PRICES)
