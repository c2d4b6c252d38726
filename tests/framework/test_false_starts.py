"""Jobs that are started again and again, and never run."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from tests.framework.fake_server import FakeServer
from torque_mesos.batch.base import Refused
from torque_mesos.framework.false_starts import STARTS, WITHIN_S, FalseStarts, Holder
from torque_mesos.model import Job, JobState

JOB = Job("7.head", "name", "bob@head", "batch", JobState.QUEUED, user="bob")


@dataclass
class Server:
    """Notes what is held."""

    told: list[tuple[str, str]] = field(default_factory=list)
    refuses: bool = False

    def hold(self, job_id: str, comment: str) -> None:
        self.told.append((job_id, comment))
        if self.refuses:
            raise Refused("no")


@pytest.fixture
def server() -> Server:
    return Server()


def start_often(looker: FalseStarts, every_s: float, first: int = 1, count: int = STARTS) -> None:
    for number in range(count + 1):
        running = replace(
            JOB, starts=first + number, state=JobState.RUNNING, exec_nodes=("n2", "n1", "n1")
        )
        looker.look([running], number * every_s)


def test_a_job_that_no_mom_keeps_is_held_with_the_reason(server: Server) -> None:
    start_often(FalseStarts(server), every_s=2.0)
    ((job_id, comment),) = server.told
    assert job_id == "7.head"
    assert comment == (
        "Held: started 5 times in 10 s, and no mom kept it. Is user bob known on n1 n2?"
        " See mom_logs there; then qrls."
    )


def test_what_is_started_now_and_then_is_left_alone(server: Server) -> None:
    start_often(FalseStarts(server), every_s=WITHIN_S / 2, count=20)
    assert server.told == []


def test_starts_before_it_was_seen_do_not_count(server: Server) -> None:
    looker = FalseStarts(server)
    looker.look([replace(JOB, starts=100)], 0.0)
    looker.look([replace(JOB, starts=100 + STARTS - 1)], 1.0)
    assert server.told == []
    looker.look([replace(JOB, starts=100 + STARTS)], 2.0)
    assert len(server.told) == 1


def test_the_comment_is_written_until_it_stays(server: Server) -> None:
    looker = FalseStarts(server)
    start_often(looker, every_s=1.0)
    comment = server.told[0][1]
    other = replace(JOB, starts=6, state=JobState.HELD, holds="s", comment="Job started on ...")
    looker.look([other], 6.0)
    assert server.told == [(JOB.job_id, comment)] * 2
    looker.look([replace(other, comment=comment)], 7.0)
    assert len(server.told) == 2


def test_a_job_that_was_released_may_begin_anew(server: Server) -> None:
    looker = FalseStarts(server)
    start_often(looker, every_s=1.0)
    released = replace(JOB, comment=server.told[0][1])
    for number in range(STARTS + 1):
        looker.look([replace(released, starts=6 + number)], 10.0 + number)
        assert len(server.told) == (2 if number == STARTS else 1)


def test_a_server_that_refuses_is_not_asked_for_ever(server: Server) -> None:
    server.refuses = True
    looker = FalseStarts(server)
    start_often(looker, every_s=1.0)
    for at in range(50):
        looker.look([replace(JOB, starts=6)], 6.0 + at)
    assert 1 < len(server.told) < 10


def test_servers_that_hold_such_jobs_themselves_are_not_asked() -> None:
    assert isinstance(Server(), Holder)
    assert not isinstance(FakeServer(), Holder)
