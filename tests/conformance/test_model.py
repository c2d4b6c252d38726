"""A model of jobs, slots and nodes beside the real built-in server.

Hypothesis does what users, operators and faults do, the server is killed at any step, and
after each step what it shows must be what the model says; a sequence that fails is made
shorter. MODEL_STEPS and MODEL_SEED set how many steps, and which.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, run_state_machine_as_test

from tests.conformance.model_machine import Machine, sizes
from tests.conformance.model_of_operators import Operators
from tests.conformance.model_of_users import Users
from tests.conformance.model_site import QUEUES, Site

STEPS = int(os.environ.get("MODEL_STEPS", "1500"))
SEED = int(os.environ.get("MODEL_SEED", "1"))
STEPS_OF_A_SEQUENCE = 30


class Everybody(Users, Operators):
    """All that may happen, on a server that has some jobs."""

    @initialize(jobs=st.lists(sizes, max_size=4), slots=st.none() | st.integers(1, 3))
    def jobs_there(self, jobs: list[tuple[int, int]], slots: int | None) -> None:
        for size in jobs:
            self.qsub(size, 0, QUEUES[0], False, None, False, False)
        if slots is not None:
            self.qsub_array((1, 1), slots + 2, slots, False, False, False)
        self.cycle()


@pytest.fixture
def site() -> Iterator[Site]:
    running = Site()
    yield running
    running.close()


@pytest.mark.system
def test_the_server_agrees_with_the_model(site: Site) -> None:
    Machine.site = site
    Machine.done.clear()
    Machine.states.clear()
    Machine.failed = False
    sequences = settings(
        max_examples=-(-STEPS // STEPS_OF_A_SEQUENCE) + 1,
        stateful_step_count=STEPS_OF_A_SEQUENCE,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(seed(SEED)(Everybody), settings=sequences)
    print(f"{sum(Machine.done.values())} steps: {dict(Machine.done.most_common())}")
    print(f"states that jobs were seen in after a step: {dict(Machine.states)}")
    assert sum(Machine.done.values()) >= STEPS
    assert set(Machine.states) == set("QHREC")
