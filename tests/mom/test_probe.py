"""When a mom counts as hanging: after several questions without an answer, and only then."""

from __future__ import annotations

import subprocess
import sys
from typing import cast

import pytest

from tests.waiting import wait_for
from torque_mesos.mom.probe import EVERY_S, MISSES, TIMEOUT_S, Probe
from torque_mesos.mom.process import Mom

ANSWERS, REFUSES, WAITS = "pass", "raise SystemExit(1)", "import time; time.sleep(600)"


class Stand:
    """What a Probe sees of a mom. `momctl`: what that does, as Python; None: there is none."""

    def __init__(self, momctl: str | None) -> None:
        self.momctl = momctl
        self.job_ids: list[str] = []
        self.asked: list[subprocess.Popen[bytes]] = []

    @property
    def home(self) -> Stand:
        return self

    def jobs(self) -> list[str]:
        return self.job_ids

    def reap(self) -> None:
        for process in self.asked:
            process.poll()

    def ask_how_it_is(self) -> subprocess.Popen[bytes] | None:
        if self.momctl is None:
            return None
        self.asked.append(subprocess.Popen([sys.executable, "-ISc", self.momctl]))
        return self.asked[-1]


class Asked:
    """A probe and its clock."""

    def __init__(self) -> None:
        self.probe, self.stand, self.now_s = Probe(), Stand(ANSWERS), 1000.0
        assert not self.looks()
        assert not self.stand.asked, "not when it has just begun"

    def looks(self) -> bool:
        return self.probe.hangs(cast("Mom", self.stand), self.now_s)

    def ask(self, momctl: str | None) -> bool:
        """One question, to its end."""
        self.stand.momctl = momctl
        before = len(self.stand.asked)
        self.now_s += EVERY_S
        assert not self.looks()
        if len(self.stand.asked) == before:
            return False
        if momctl == WAITS:
            assert not self.looks()
            self.now_s += TIMEOUT_S
        else:
            wait_for(lambda: self.stand.asked[-1].poll() is not None, 60, "momctl has ended")
        return self.looks()


@pytest.mark.parametrize("silence", [WAITS, REFUSES])
def test_a_mom_that_answered_once_hangs_after_some_misses(silence: str) -> None:
    asked = Asked()
    assert not asked.ask(ANSWERS)
    assert [asked.ask(silence) for _ in range(MISSES)] == [False] * (MISSES - 1) + [True]
    assert all(process.poll() is not None for process in asked.stand.asked), "none is left"


def test_an_answer_between_them_begins_the_count_anew() -> None:
    asked = Asked()
    answers = (ANSWERS, *[REFUSES] * (MISSES - 1), ANSWERS, *[REFUSES] * (MISSES - 1))
    assert not any(asked.ask(momctl) for momctl in answers)
    assert asked.ask(REFUSES)


def test_where_momctl_never_worked_nothing_follows() -> None:
    asked = Asked()
    assert not any(asked.ask(REFUSES) for _ in range(2 * MISSES))
    assert not any(asked.ask(None) for _ in range(2 * MISSES))


def test_a_mom_with_jobs_is_not_asked() -> None:
    asked = Asked()
    asked.ask(ANSWERS)
    asked.stand.job_ids = ["1.head"]
    assert not any(asked.ask(REFUSES) for _ in range(2 * MISSES))
    assert len(asked.stand.asked) == 1
    asked.stand.job_ids = []
    assert [asked.ask(REFUSES) for _ in range(MISSES)][-1]
