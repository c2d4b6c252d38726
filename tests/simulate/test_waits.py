"""No job waits while there is room for it: what is waited for is other jobs' slots.

And what counts as a wait.
"""

from __future__ import annotations

from collections import Counter

import pytest

from tests.simulate.worlds import job, small
from torque_mesos.decide import Policy
from torque_mesos.decide.packing import Host, Tier, place
from torque_mesos.simulate import run as runs
from torque_mesos.simulate.account import Account
from torque_mesos.simulate.clock import Clock
from torque_mesos.simulate.report import waits
from torque_mesos.simulate.run import Options, simulate
from torque_mesos.simulate.server import Server

_LOOK_S, _PATIENCE_S = 30.0, 5.0


def test_no_job_waits_that_would_fit_beside_the_jobs_that_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read, policy = small(150), Policy(grace_s=1.0)
    looks: Counter[bool] = Counter()
    play = runs._play

    def watched(clock: Clock, account: Account, server: Server, last_s: float) -> None:
        def look() -> None:
            clock.at(clock.now_s + _LOOK_S, look)
            used: Counter[str] = Counter()
            for running in server.running.values():
                used.update({name: share.slots for name, share in running.at.items()})
            free = [
                Host(
                    m.name,
                    m.slots(policy.slot) - used[m.name],
                    Tier.ONLINE,
                    m.properties | {m.name},
                )
                for m in read.machines
            ]
            for queued in server.waiting.values():
                if clock.now_s - account.outcomes[queued.job_id].submit_s > _PATIENCE_S:
                    looks[place(queued.request, free) is not None] += 1

        clock.at(0.0, look)
        play(clock, account, server, last_s)

    monkeypatch.setattr(runs, "_play", watched)
    simulate(read, policy, Options())
    assert looks[False] > 20
    assert looks[True] == 0


def test_a_run_that_was_lost_is_no_wait() -> None:
    """Submitted at 0, started at 10; its host dies at 110, it is queued at 150, starts at 170."""
    one, clock = job(1, 0, 300, "1:ppn=2"), Clock()
    account = Account(clock)
    deeds = (
        (0, account.submitted),
        (10, account.started),
        (110, lambda one: account.broken(one, 10)),
        (150, account.requeued),
        (170, account.started),
        (470, account.ended),
    )
    for at_s, deed in deeds:
        clock.now_s = at_s
        deed(one)
    (outcome,) = account.outcomes.values()
    assert outcome.starts == 2
    assert waits([outcome]).mean_s == 10 + 20
    assert waits([outcome]).slowdown == pytest.approx((30 + 300) / 300)
