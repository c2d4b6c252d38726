"""Memory, gpus and maintenance in simulations."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.simulate.worlds import EXACT, hosts, job, outcomes, played, starts, trace, waits
from torque_mesos.decide import Policy
from torque_mesos.decide.request import parse_request
from torque_mesos.simulate.machines import FormatError, read_machines
from torque_mesos.simulate.maintenance import Window, read_windows
from torque_mesos.simulate.report import report
from torque_mesos.simulate.run import Options
from torque_mesos.simulate.trace import TraceJob, read_trace

ROW = "{} {} 0 100 2 -1 -1 2 200 {} 1 7 1 1 -1 1 -1 -1 {{-}} batch 1:ppn=2\n"


def with_memory(one: TraceJob, asked: str) -> TraceJob:
    request = parse_request({"nodes": one.nodes, "pmem": asked})
    return replace(one, memory=("pmem", asked), request=request)


def test_machines_with_gpus(tmp_path: Path) -> None:
    file = tmp_path / "machines"
    file.write_text("0 g 2 4 1 1048576 gpus=3 rack=r1\n")
    machines = read_machines(file)
    assert [machine.gpus for machine in machines] == [3, 3]
    assert machines[0].resources.gpus == 3
    assert dict(machines[0].attributes) == {"rack": "r1"}
    file.write_text("0 g 2 4 1 1048576 gpus=many\n")
    with pytest.raises(FormatError, match="gpus=many"):
        read_machines(file)


@pytest.mark.parametrize("scheduler", ["fifo", "easy"])
@pytest.mark.parametrize("mode", ["static", "elastic"])
def test_gpus_are_given_once_at_a_time(mode: str, scheduler: str) -> None:
    machines = tuple(replace(machine, gpus=2) for machine in hosts(2, 8))
    jobs = (
        job(1, 0, 1000, "1:ppn=1:gpus=2"),
        job(2, 10, 1000, "1:ppn=1:gpus=1"),
        job(3, 20, 500, "1:ppn=1:gpus=2"),  # one host has none left, the other one gpu
        job(4, 30, 100, "1:ppn=1"),  # needs none
        job(5, 40, 10, "1:ppn=1:gpus=3"),
    )
    options = Options(mode=mode, delays=EXACT, scheduler=scheduler)
    run = played(trace(machines, *jobs), options)
    assert [never.job_id for never in run.never] == ["5.sim"]
    began = starts(run)
    assert began[3] == pytest.approx(1000, abs=3)
    assert max(began[1], began[2] - 10, began[4] - 30) < 3
    found = report(run)
    assert found.used_gpu_h * 3600 == pytest.approx(2 * 1000 + 1000 + 2 * 500)
    assert found.held_gpu_h >= found.used_gpu_h
    if mode == "elastic":
        assert found.held_gpu_h < 1.5 * found.used_gpu_h


def test_memory_is_held_as_it_was_asked_for() -> None:
    """8 GB for a slot where a slot has one: a grant with more."""
    large = with_memory(job(1, 0, 1000, "1:ppn=1"), "8gb")
    jobs = large, job(2, 2000, 1000, "1:ppn=1")
    run = played(trace(hosts(2, 4), *jobs), policy=Policy(grace_s=1))
    assert max(waits(run).values()) < 3
    assert report(run).held_mem_gb_h * 3600 == pytest.approx((8 + 1) * 1000, rel=0.02)


def test_a_job_that_asks_for_more_memory_than_any_host_has_never_runs() -> None:
    large = with_memory(job(1, 0, 10, "1:ppn=2"), "16gb")
    run = played(trace(hosts(2, 4), large, job(2, 0, 10, "1")))
    assert [never.job_id for never in run.never] == ["1.sim"]


@pytest.mark.parametrize(
    ("memory", "slot", "asked"),
    [("none", 0, None), ("slot", 2048, ("pmem", "2097152kb")), ("job", 1, ("mem", "2097152b"))],
)
def test_the_column_of_memory(
    tmp_path: Path, memory: str, slot: int, asked: tuple[str, str] | None
) -> None:
    file = tmp_path / "t.swf"
    file.write_text(ROW.format(1, 0, 2097152) + ROW.format(2, 5, -1))
    read = read_trace(file, hosts(1, 4), memory=memory)  # type: ignore[arg-type]
    assert [each.memory for each in read.jobs] == [asked, None]
    assert read.jobs[0].request.mem_mb == 2 * slot


# -- maintenance ------------------------------------------------------------------


def test_a_host_is_empty_when_its_maintenance_begins() -> None:
    """Two hosts, one goes from 5,000 to 9,000 s: no job is begun there that could not end."""
    jobs = (
        job(1, 0, 1000, "1:ppn=4"),
        job(2, 0, 1000, "1:ppn=4"),
        job(3, 3000, 4000, "1:ppn=4"),
        job(4, 3001, 3500, "1:ppn=4"),  # no host for it until job 3 ends
        job(5, 11000, 100, "2:ppn=4"),
    )
    windows = (Window("h1", 5000, 9000),)
    run = played(trace(hosts(2, 4), *jobs), Options(delays=EXACT, maintenance=windows))
    assert run.account.counts["hosts in maintenance"] == 1
    assert "hosts in maintenance with moms of ours" not in run.account.counts
    assert "jobs run again" not in run.account.counts
    began = starts(run)
    assert max(began[1], began[2], began[3] - 3000, began[5] - 11000) < 3
    assert began[4] == pytest.approx(7000, abs=5)


def test_a_job_that_outlives_its_wall_time_is_lost_with_its_host() -> None:
    """Nobody could know: its wall time ends before the window, it does not."""
    jobs = (job(1, 0, 4000, "1:ppn=4", walltime_s=100), job(2, 5000, 10, "1:ppn=4"))
    windows = (Window("h1", 2000, 3000), Window("h1", 2500, 3500))
    run = played(trace(hosts(1, 4), *jobs), Options(delays=EXACT, maintenance=windows))
    assert run.account.counts["hosts in maintenance with moms of ours"] == 1
    assert run.account.counts["jobs run again"] == 1
    assert run.account.lost_cpu_s > 4 * 1900
    assert all(outcome.end_s is not None for outcome in outcomes(run).values())
    assert starts(run)[1] >= 3500


def test_windows_are_read_and_faults_quoted(tmp_path: Path) -> None:
    file = tmp_path / "windows"
    file.write_text("# host from until\nh1 10 20.5  # a disk\n\n")
    assert read_windows(file, {"h1"}) == (Window("h1", 10, 20.5),)
    for line, why in (
        ("h1 10", "is not `host from until`"),
        ("h2 1 2", "no host h2"),
        ("h1 2 1", "order"),
    ):
        file.write_text(f"{line}\n")
        with pytest.raises(FormatError, match=f"windows:1: '{line}'.*{why}"):
            read_windows(file, {"h1"})
