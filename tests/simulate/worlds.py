"""Small traces for tests."""

from __future__ import annotations

from pathlib import Path

from torque_mesos.decide import Policy
from torque_mesos.decide.request import parse_nodes
from torque_mesos.simulate.account import Outcome
from torque_mesos.simulate.clock import Delays
from torque_mesos.simulate.machines import Machine, read_machines
from torque_mesos.simulate.run import LEAD_S, Options, Run, simulate
from torque_mesos.simulate.trace import Trace, TraceJob, read_trace

DATA = Path(__file__).resolve().parent.parent / "data" / "simulate"
SWF = DATA / "small.swf"
MACHINES = DATA / "small.machines"
EXACT = Delays(jitter=0.0)


def small(limit: int | None = None) -> Trace:
    """The made-up trace."""
    return read_trace(SWF, read_machines(MACHINES), limit)


def hosts(count: int, cpus: int) -> tuple[Machine, ...]:
    """Equal machines, h1 and so on."""
    return tuple(Machine(f"h{i}", cpus, cpus * 4096.0) for i in range(1, count + 1))


def job(
    number: int, submit_s: float, run_s: float, nodes: str, walltime_s: float | None = None
) -> TraceJob:
    return TraceJob(
        f"{number}.sim",
        submit_s,
        run_s,
        run_s if walltime_s is None else walltime_s,
        nodes,
        parse_nodes(nodes),
        "batch",
        "user1@sim",
    )


def trace(machines: tuple[Machine, ...], *jobs: TraceJob) -> Trace:
    return Trace(jobs, machines)


def played(trace: Trace, options: Options | None = None, policy: Policy | None = None) -> Run:
    return simulate(trace, policy or Policy(), options or Options(delays=EXACT))


def outcomes(run: Run) -> dict[int, Outcome]:
    """By the job's number."""
    return {int(key.partition(".")[0]): value for key, value in run.account.outcomes.items()}


def waits(run: Run) -> dict[int, float]:
    """Waiting times by the job's number, exact to a microsecond."""
    found = {}
    for number, outcome in outcomes(run).items():
        assert outcome.start_s is not None
        found[number] = round(outcome.start_s - outcome.submit_s, 6)
    return found


def starts(run: Run) -> dict[int, float]:
    """When each job started, from the first submission."""
    return {
        number: round((outcome.start_s or float("nan")) - LEAD_S, 6)
        for number, outcome in outcomes(run).items()
    }
