"""Where held cpus go: by hand, and that nothing is counted twice or left out."""

from __future__ import annotations

import pytest

from tests.simulate.worlds import EXACT, hosts, job, played, small, trace
from torque_mesos.decide import Policy
from torque_mesos.simulate.faults import Rates
from torque_mesos.simulate.ledger import Use
from torque_mesos.simulate.run import Options


@pytest.mark.parametrize(
    "options",
    [
        Options(),
        Options(other_share=0.4, scheduler="easy"),
        Options(faults=1, rates=Rates(host_up_s=10_000, host_away_s=2000, failed_starts=0.1)),
    ],
    ids=["plain", "shared", "faults"],
)
def test_the_uses_sum_up_to_what_is_held(options: Options) -> None:
    run = played(small(90), options)
    assert sum(run.uses_cpu_s.values()) == pytest.approx(run.account.held_cpu_s)
    jobs_s = run.uses_cpu_s[Use.JOBS] + (run.uses_cpu_s[Use.LOST] if options.faults else 0.0)
    assert run.uses_cpu_s[Use.JOBS] <= run.account.used_cpu_s * (1 + 1e-9) <= jobs_s * (1 + 1e-6)
    assert (run.uses_cpu_s[Use.LOST] > 0) is (options.faults is not None)


def test_one_job_by_hand() -> None:
    run = played(trace(hosts(1, 4), job(1, 0, 100, "1:ppn=3")), policy=Policy(grace_s=50))
    d, uses = EXACT, run.uses_cpu_s
    assert uses[Use.JOBS] == pytest.approx(300)
    assert uses[Use.STARTING] == pytest.approx(3 * d.mom_start_s)
    assert uses[Use.FIRST] == pytest.approx(3 * d.kick_s, abs=3 * d.turn_s)
    assert uses[Use.ENDING] == pytest.approx(3 * d.obit_s)
    assert uses[Use.IDLE] == pytest.approx(3 * 50, abs=3 * d.turn_s)
    assert uses[Use.STOPPING] == pytest.approx(3 * d.mom_stop_s)
    assert uses[Use.BELOW] == uses[Use.TOP_YOUNG] == uses[Use.TOP_OLD] == uses[Use.LOST] == 0


def test_free_slots_beside_a_job_are_told_apart() -> None:
    """Slots 0-1 are job 1's, slot 2 job 2's, slot 3 job 3's: the ends leave holes and a top."""
    jobs = (
        job(1, 0, 100, "1:ppn=2"),
        job(2, 0, 300, "1"),
        job(3, 0, 200, "1"),
    )
    uses = played(trace(hosts(1, 4), *jobs), policy=Policy(grace_s=1000)).uses_cpu_s
    small_s = 2.0  # starts and delays
    assert uses[Use.BELOW] == pytest.approx(2 * 200, abs=small_s)  # from 100 to 300
    assert uses[Use.TOP_YOUNG] == pytest.approx(100, abs=small_s)  # slot 3, from 200
    assert uses[Use.TOP_OLD] == pytest.approx(0, abs=small_s)
    # With a short grace all of it is given back: two slots after job 1, one after job 3.
    uses = played(trace(hosts(1, 4), *jobs), policy=Policy(grace_s=30)).uses_cpu_s
    assert uses[Use.BELOW] == pytest.approx(2 * 30 + 30, abs=small_s)
    assert uses[Use.TOP_OLD] == pytest.approx(0, abs=small_s)
