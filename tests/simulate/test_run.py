"""Whole simulations: small ones by hand, and what holds for all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.simulate.worlds import EXACT, hosts, job, played, small, starts, trace, waits
from torque_mesos.decide import Policy
from torque_mesos.simulate.clock import Delays
from torque_mesos.simulate.faults import Rates
from torque_mesos.simulate.report import report
from torque_mesos.simulate.run import Options, Run

NO_DELAYS = Delays(**dict.fromkeys(Delays.__slots__, 0.0))
STATIC = Options(mode="static", delays=NO_DELAYS)
EASY = Options(mode="static", delays=NO_DELAYS, scheduler="easy")


def test_a_static_cluster_by_hand() -> None:
    """Two hosts of 4 slots. Job 3 waits for both hosts; what fits starts before it."""
    jobs = (
        job(1, 0, 100, "1:ppn=4"),
        job(2, 10, 50, "1:ppn=2"),
        job(3, 20, 30, "2:ppn=4"),  # when job 1 has ended: at 100
        job(4, 30, 60, "1:ppn=2"),  # fits beside job 2: delays nobody but job 3
        job(5, 40, 10, "1:ppn=1"),  # no slot until job 2 ends, at 60
    )
    run = played(trace(hosts(2, 4), *jobs), STATIC)
    assert starts(run) == {1: 0, 2: 10, 3: 100, 4: 30, 5: 60}
    found = report(run)
    assert found.waits.mean_s == pytest.approx((0 + 0 + 80 + 0 + 20) / 5)
    assert found.waits.p50_s == 0
    assert found.waits.p95_s == 80
    assert found.waits.slowdown == pytest.approx((1 + 1 + 110 / 30 + 1 + 30 / 10) / 5)
    assert found.used_cpu_h * 3600 == pytest.approx(400 + 100 + 240 + 120 + 10)
    # Eight slots, from a minute before the first job until the last one's end.
    assert found.held_cpu_h * 3600 == pytest.approx(8 * (60 + 130))
    assert found.utilisation == pytest.approx(870 / (8 * 190))
    assert {name: waits.jobs for name, waits in found.by_size.items()} == {"1 slot": 1, "2 to 8": 4}


def test_easy_backfill_by_hand() -> None:
    """Job 3 gets both hosts at 100. Job 4 would be in its way; job 5 ends before that."""
    jobs = (
        job(1, 0, 100, "1:ppn=4"),
        job(2, 10, 50, "1:ppn=2"),
        job(3, 20, 30, "2:ppn=4"),
        job(4, 30, 200, "1:ppn=2"),
        job(5, 40, 10, "1:ppn=1"),
    )
    machines = hosts(2, 4)
    assert starts(played(trace(machines, *jobs), EASY)) == {1: 0, 2: 10, 3: 100, 4: 130, 5: 40}
    # FIFO that starts what fits lets job 4 pass, and job 3 waits for it.
    assert starts(played(trace(machines, *jobs), STATIC))[3] == 230


def test_easy_lets_pass_who_leaves_enough() -> None:
    jobs = (
        job(1, 0, 100, "1:ppn=4"),
        job(2, 10, 30, "1:ppn=4"),  # gets host 1 at 100
        job(3, 20, 500, "1:ppn=2:big"),  # ends later, on a host that job 2 cannot use
    )
    thin, big = hosts(2, 4)
    machines = (thin, replace(big, cpus=3, properties=frozenset({"big"})))
    assert starts(played(trace(machines, *jobs), EASY)) == {1: 0, 2: 100, 3: 20}


def test_an_elastic_start_takes_the_sum_of_its_delays() -> None:
    run = played(trace(hosts(2, 4), job(1, 0, 100, "1:ppn=3")))
    d = EXACT
    # The queue is seen, offers are asked for and come, the mom starts, its state is told,
    # the scheduler is woken.
    steps = d.detect_s + d.offer_s + d.mom_start_s + d.offer_s + d.kick_s
    assert waits(run) == {1: pytest.approx(steps, abs=1e-3)}


def test_what_is_held_by_hand() -> None:
    run = played(trace(hosts(2, 4), job(1, 0, 100, "1:ppn=3")), policy=Policy(grace_s=50))
    d, found = EXACT, report(run)
    # From the launch to the job's start, the job, its obituary, the grace, draining and the stop.
    held_s = d.mom_start_s + d.offer_s + d.kick_s + 100 + d.obit_s + d.detect_s + 50
    held_s += d.turn_s + d.mom_stop_s
    assert found.held_cpu_h * 3600 == pytest.approx(3 * held_s, abs=3 * d.turn_s)
    assert found.used_cpu_h * 3600 == pytest.approx(300)
    assert found.held_node_h * 3600 == pytest.approx(held_s, abs=d.turn_s)
    assert (found.starts, found.stops) == (1, 1)


def test_a_node_within_its_grace_is_used_again() -> None:
    jobs = [job(n, n * 130.0, 100, "1:ppn=4") for n in range(5)]
    one = trace(hosts(1, 4), *jobs)
    assert report(played(one, policy=Policy(grace_s=60))).starts == 1
    assert report(played(one, policy=Policy(grace_s=10))).starts == 5


def test_the_originals_rule_is_one_slot_a_host_and_slow() -> None:
    jobs = (job(1, 0, 100, "1:ppn=1"), job(2, 0, 100, "1:ppn=1"), job(3, 0, 10, "1:ppn=2"))
    run = played(trace(hosts(2, 4), *jobs), Options(mode="original", delays=EXACT))
    found = report(run)
    assert (found.ended, found.unended) == (2, 1)  # no node ever has two slots
    assert all(11 <= outcome <= 16 for outcome in _waits(run))
    assert found.held_per_used > 1
    assert found.span_s < 3 * 86400  # it is seen that nothing more will happen


def _waits(run: Run) -> Iterator[float]:
    for outcome in run.account.outcomes.values():
        if outcome.start_s is not None:
            yield outcome.start_s - outcome.submit_s


# -- what holds for all -----------------------------------------------------------


@pytest.mark.parametrize("scheduler", ["fifo", "easy"])
@pytest.mark.parametrize(
    "options",
    [
        Options(mode="static"),
        Options(),
        Options(other_share=0.2),  # more, and both of the large hosts would be its own in part
        Options(faults=1, rates=Rates(host_up_s=10_000, host_away_s=2000, failed_starts=0.1)),
    ],
    ids=["static", "elastic", "shared", "faults"],
)
def test_every_job_runs_once_and_no_slot_is_used_that_is_not_held(
    options: Options, scheduler: str
) -> None:
    read = small(90)
    run = played(read, replace(options, scheduler=scheduler))
    account = run.account
    assert not run.never
    assert sorted(account.outcomes) == sorted(job.job_id for job in read.jobs)
    again = account.counts.get("jobs run again", 0)
    assert sum(outcome.starts for outcome in account.outcomes.values()) == len(read.jobs) + again
    for outcome in account.outcomes.values():
        assert outcome.start_s is not None
        assert outcome.start_s >= outcome.submit_s
        since_s = outcome.start_s - outcome.submit_s
        if outcome.starts == 1:
            assert outcome.waited_s == pytest.approx(since_s)
        else:
            assert outcome.waited_s < since_s, "the run that was lost is no wait"
        assert outcome.end_s == pytest.approx(outcome.start_s + outcome.job.run_s)
    whole = sum(job.run_s * job.request.slots for job in read.jobs)
    assert account.used_cpu_s == pytest.approx(whole + account.lost_cpu_s)
    for point in account.points:
        assert 0 <= point.used <= point.held <= run.slots
        assert point.queued >= 0
    assert (account.queued, account.used) == (0, 0)
    if options.mode == "elastic":
        assert (account.held, account.nodes) == (0, 0)
    if options.faults is not None:
        assert account.counts["hosts lost"] > 0
        assert account.counts["failed starts"] > 0


def test_the_same_seed_gives_the_same_and_another_does_not() -> None:
    read = small(50)
    first, again = (waits(played(read, Options(seed=3, other_share=0.3))) for _ in range(2))
    assert first == again
    assert waits(played(read, Options(seed=4, other_share=0.3))) != first
    faults = Options(faults=5, rates=Rates(host_up_s=10_000))
    assert waits(played(read, faults)) == waits(played(read, faults))


def test_a_second_framework_gets_its_share_and_no_more() -> None:
    read = small(50)
    run = played(read, Options(other_share=0.4))
    assert run.account.counts["tasks of the second framework"] > 0
    assert max(point.held for point in run.account.points) <= 0.6 * run.slots + 8
    assert report(run).waits.mean_s > report(played(read, Options())).waits.mean_s


def test_the_second_framework_comes_first_while_it_has_less() -> None:
    """A queue that would take everything, for days: what they free goes back to them."""
    jobs = [job(n, n, 4 * 3600, "1:ppn=4") for n in range(100)]
    run = played(trace(hosts(4, 8), *jobs), Options(other_share=0.5), Policy(grace_s=0))
    full = [point for point in run.account.points if point.queued and point.at_s > 3600]
    assert len(full) > 50
    assert max(point.held for point in full) <= 0.5 * run.slots + 4


def test_a_job_that_no_machine_can_run_is_set_apart() -> None:
    jobs = (job(1, 0, 10, "1:ppn=5"), job(2, 0, 10, "1:ppn=1"))
    run = played(trace(hosts(2, 4), *jobs), Options())
    assert [never.job_id for never in run.never] == ["1.sim"]
    found = report(run)
    assert (found.jobs, found.ended, found.never) == (2, 1, 1)


def test_a_lost_host_costs_its_jobs_what_they_did() -> None:
    """One host that goes at a known time; its job runs again on the other."""
    rates = Rates(host_up_s=3000, host_away_s=1e6, failed_starts=0.0)
    one = trace(hosts(4, 4), job(1, 0, 2000, "4:ppn=1"))
    for seed in range(20):
        run = played(one, Options(delays=EXACT, faults=seed, rates=rates))
        if run.account.counts.get("jobs run again"):
            assert run.account.lost_cpu_s > 0
            return
    pytest.fail("no seed broke the job")


@pytest.mark.parametrize("grace_s", [0.0, 900.0])
def test_what_a_second_framework_gives_back_is_of_use(grace_s: float) -> None:
    """Jobs want one of two large hosts whole: tasks there end, and others begin elsewhere."""
    found = report(played(small(), Options(other_share=0.4), Policy(grace_s=grace_s)))
    assert (found.ended, found.unended, found.beside) == (found.jobs, 0, 0)


def test_a_job_that_never_fits_beside_a_second_framework_is_told_apart() -> None:
    """Ten hosts, of which it always has four: six are left."""
    jobs = (job(1, 0, 10, "7:ppn=4"), job(2, 20_000, 10, "6:ppn=4"), job(3, 20_001, 10, "1"))
    run = played(trace(hosts(10, 4), *jobs), Options(other_share=0.4))
    assert [job.job_id for job in run.beside] == ["1.sim"]
    found = report(run)
    assert (found.jobs, found.ended, found.unended, found.beside) == (3, 2, 0, 1)
