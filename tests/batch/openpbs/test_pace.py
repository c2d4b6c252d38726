import itertools

import pytest

from tests.batch.openpbs.answers import Clock
from tests.batch.recorded import FakeRunner, said
from torque_mesos.batch.openpbs_commands import PacedRunner
from torque_mesos.batch.openpbs_settings import BURST, CALLS_A_SECOND


class TestPace:
    """512 privileged ports, each away for 60 s: above eight calls a second all calls hang."""

    def test_a_burst_is_free_and_then_calls_wait_their_turn(self):
        clock = Clock()
        waits: list[float] = []

        def sleep(seconds: float) -> None:
            waits.append(seconds)
            clock.now_s += seconds

        paced = PacedRunner(FakeRunner(), 6.0, 10, clock=clock, sleep=sleep)
        for _ in range(70):
            paced.run(["qstat"], timeout_s=1)
        assert len(waits) == 60
        assert clock.now_s - 1000.0 == pytest.approx(10.0)

    def test_no_minute_has_more_than_512_calls(self):
        clock = Clock()
        at: list[float] = []

        def sleep(seconds: float) -> None:
            clock.now_s += seconds

        runner = FakeRunner([((), lambda: (at.append(clock.now_s), said())[1])])
        paced = PacedRunner(runner, CALLS_A_SECOND, BURST, clock=clock, sleep=sleep)
        for _ in range(1000):
            paced.run(["qstat"], timeout_s=1)
        for start, end in itertools.pairwise(at[::419]):
            assert end - start >= 59.9
