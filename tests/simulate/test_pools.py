"""Pools, schedules and budgets in simulated time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.simulate.worlds import EXACT, job, played, trace
from torque_mesos.decide import Limit, Policy
from torque_mesos.decide.pool import Budget, Pool, Schedule, Share
from torque_mesos.simulate.machines import FormatError, read_machines
from torque_mesos.simulate.run import LEAD_S, Options
from torque_mesos.simulate.trace import read_trace

MONDAY_S = 4 * 86400.0  # 5 January 1970


def test_a_word_with_a_value_is_an_attribute(tmp_path: Path) -> None:
    file = tmp_path / "machines"
    file.write_text("0 big 2 8 1 8388608 pool=fast lustre\n")
    machine, _ = read_machines(file)
    assert dict(machine.attributes) == {"pool": "fast"}
    assert {"fast", "lustre", "big"} <= machine.properties
    file.write_text("0 big 2 8 1 8388608 pool=\n")
    with pytest.raises(FormatError, match="KEY=VALUE"):
        read_machines(file)


def test_a_pool_keeps_to_its_agents_and_its_limit(tmp_path: Path) -> None:
    file = tmp_path / "machines"
    file.write_text("0 fast 2 4 1 16777216 pool=fast\n1 slow 2 4 1 16777216\n")
    pools = (
        Pool("fast", ("urgent",), attributes=(("pool", ("fast",)),)),
        Pool("rest", share=Share(limit=Limit(nodes=1))),
    )
    jobs = [job(n, 0, 100, "1:ppn=4:slow") for n in (1, 2)]
    jobs += [replace(job(n, 0, 100, "1:ppn=4:fast"), queue="urgent") for n in (3, 4)]
    run = played(trace(read_machines(file), *jobs), policy=Policy(grace_s=0, pools=pools))
    waits = {
        key: outcome.start_s - outcome.submit_s
        for key, outcome in run.account.outcomes.items()
        if outcome.start_s is not None
    }
    assert len(waits) == 4
    late = [key for key, wait_s in waits.items() if wait_s > 100]
    assert len(late) == 1  # two jobs and one node for the rest, two and two for the urgent
    assert late[0] in {"1.sim", "2.sim"}


def test_a_schedule_holds_its_floor_at_its_time_of_the_traces_day(tmp_path: Path) -> None:
    schedule = Schedule(slots=4, days=frozenset({0}), from_s=8 * 3600.0, until_s=9 * 3600.0)
    one = trace(
        read_machines(_machines(tmp_path)),
        job(1, 0, 10, "1"),
        job(2, 10 * 3600.0, 10, "1"),
    )
    began = replace(one, start_s=MONDAY_S)  # Monday, midnight
    run = played(began, Options(delays=EXACT), Policy(grace_s=10, schedules=(schedule,)))
    held_s = run.account.held_cpu_s
    assert 4 * 3600 < held_s < 4 * 3700
    tuesday = replace(one, start_s=MONDAY_S + 86400.0)
    run = played(tuesday, Options(delays=EXACT), Policy(grace_s=10, schedules=(schedule,)))
    assert run.account.held_cpu_s < 100
    assert LEAD_S < 8 * 3600


def test_a_budget_of_a_day_makes_jobs_wait_for_the_next(tmp_path: Path) -> None:
    """Ten cpu-hours a day at a price of one: the second job starts after midnight."""
    jobs = (job(1, 0, 9 * 3600, "1"), job(2, 10 * 3600, 3 * 3600, "1"))
    one = replace(trace(read_machines(_machines(tmp_path)), *jobs), start_s=MONDAY_S)
    policy = Policy(grace_s=0, price=1.0, budget=Budget(day=9.5))
    run = played(one, Options(delays=EXACT), policy)
    start_s = run.account.outcomes["2.sim"].start_s
    assert start_s is not None
    assert start_s - LEAD_S >= 86400 - LEAD_S


def test_a_trace_knows_its_day(tmp_path: Path) -> None:
    line = "1 7 0 60 1 -1 -1 1 60 -1 1 1 1 1 -1 1 -1 -1\n"
    file, machines = tmp_path / "t.swf", read_machines(_machines(tmp_path))
    file.write_text(f"; UnixStartTime: 1000000\n{line}")
    assert read_trace(file, machines).start_s == 1_000_007
    file.write_text(line)
    assert read_trace(file, machines).start_s == 7


def _machines(folder: Path) -> Path:
    file = folder / "machines"
    file.write_text("0 h 1 4 1 16777216\n")
    return file
