from __future__ import annotations

import json
from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from tests.admin.published import POLICY, published
from torque_mesos.admin.board import StatusBoard, status_of
from torque_mesos.admin.status import Amounts, PoolStatus, QueueStatus, Spent, Status
from torque_mesos.cli import show
from torque_mesos.decide import Limit
from torque_mesos.decide.budget import Spending
from torque_mesos.decide.pool import Budget, Pool, Share
from torque_mesos.decide.reason import Code, Reason


def test_a_turn_becomes_a_status() -> None:
    status = status_of(published(), POLICY, ("the journal is full",))
    assert status.held == Amounts(1, 4.0, 4096.0)
    assert status.limit == Amounts(nodes=4)
    assert status.floor_slots == 1
    assert status.problems == ("job 7: no state", "SetNp: refused", "the journal is full")
    assert status.queues == (
        QueueStatus("batch", True, waiting=2, running=1),
        QueueStatus("long", False, waiting=1, running=0),
    )
    assert [job.job_id for job in status.waiting] == ["2.head", "3[1].head", "3[2].head"]
    assert status.counters.turns == 7


def test_jobs_tell_why_they_wait_or_where_they_run() -> None:
    runs, waits, *_ = status_of(published(), POLICY).jobs
    assert runs.why is None
    assert runs.sentence == "it runs on n1"
    assert waits.why is not None
    assert (waits.why.code, waits.why.numbers) == ("at-limit", {"nodes": 4})
    assert waits.sentence == "it waits for slots"


def test_nodes_are_ours_and_those_to_be() -> None:
    nodes = {node.name: node for node in status_of(published(), POLICY).nodes}
    assert {name: node.phase for name, node in nodes.items()} == {
        "n1": "online",
        "n2": "parked",
        "n3": "absent",
    }
    assert (nodes["n1"].np, nodes["n1"].used, nodes["n1"].granted) == (4, 2, 4)
    assert nodes["n1"].jobs == ("1.head",)
    assert nodes["n2"].why is not None
    assert nodes["n2"].why.code == "no-demand"


def test_why_no_mom_is_started_is_told_while_starts_fail_everywhere() -> None:
    def shown(status: Status) -> str:
        console = Console(width=100, record=True, file=StringIO())
        console.print(show.picture(status, now=1.7e9))
        return console.export_text()

    well = status_of(published(), POLICY)
    assert well.protected is None
    assert "protected" not in shown(well)
    plan = replace(published().plan, protected=Reason(Code.PROTECTED, "no mom is started anywhere"))
    status = status_of(published(plan=plan), POLICY)
    assert status.protected is not None
    assert status.protected.code == "protected"
    assert "protected: no mom is started anywhere" in shown(status)
    assert Status.from_json(json.loads(status.to_text())) == status


def test_json_and_back() -> None:
    status = status_of(published(), POLICY)
    assert Status.from_json(json.loads(status.to_text())) == status
    with pytest.raises(ValueError, match="form 99"):
        Status.from_json({**status.to_json(), "api": 99})


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2.head", ["2.head"]),
        ("2", ["2.head"]),
        ("3[]", ["3[1].head", "3[2].head"]),
        ("3[].head", ["3[1].head", "3[2].head"]),
        ("3[2]", ["3[2].head"]),
        ("2.other", []),
        ("4", []),
        ("", []),
    ],
)
def test_jobs_are_found(text: str, found: list[str]) -> None:
    assert [job.job_id for job in status_of(published(), POLICY).find(text)] == found


def test_a_server_that_cannot_be_read_leaves_jobs_unknown() -> None:
    snapshot = replace(published().snapshot, reading=None)
    lost = published(snapshot=snapshot, server_error="no answer", action_errors=())
    status = status_of(lost, POLICY)
    assert not status.server_reachable
    assert status.jobs == ()
    assert status.problems == ("no answer",)


def test_the_board_gives_the_last_turn() -> None:
    board = StatusBoard(POLICY)
    assert board.read() is None
    board.publish(published(turns=1))
    first = board.read()
    assert first is not None
    assert board.read() is first
    board.publish(published(turns=2))
    second = board.read()
    assert second is not None
    assert second.counters.turns == 2


def test_ailments() -> None:
    now_s = 100.0
    problems: tuple[str, ...] = ()
    board = StatusBoard(POLICY, lambda: problems, lambda: now_s)
    assert board.ailments(90) == ("no turn has been made yet",)
    board.publish(published())
    assert board.ailments(90) == ()
    board.publish(published(connected=False, server_error="no answer"))
    problems = ("the journal is full",)
    now_s = 191.0
    assert board.ailments(90) == (
        "the last turn was 91 s ago",
        "not connected with the Mesos master",
        "the batch server cannot be read: no answer",
        "the journal is full",
    )
    snapshot = replace(published().snapshot, mesos_ready=False)
    board.publish(published(at_s=191.0, snapshot=snapshot))
    assert board.ailments(90)[0] == "the master has not told of all our tasks yet"


def test_pools_and_what_was_spent() -> None:
    assert (status_of(published(), POLICY).pools, status_of(published(), POLICY).spent) == (
        (),
        None,
    )
    share = Share(limit=Limit(cpus=8), floor_slots=2, budget=Budget(day=9))
    gpu = Pool("gpu", queues=("gpu",), attributes=(("kind", ("gpu",)),), share=share)
    policy = replace(POLICY, pools=(gpu,), price=2.0, budget=Budget(month=100))
    turn = published()
    spending = Spending().until(1.7e9, 0.0, {}).until(1.7e9 + 3600, 0.0, {"": 3.0, "gpu": 1.0})
    memory = replace(turn.plan.memory, spending=spending)
    turn = replace(
        turn,
        snapshot=replace(turn.snapshot, wall_s=1.7e9 + 3600),
        plan=replace(turn.plan, memory=memory),
    )
    status = status_of(turn, policy)
    assert status.spent == Spent(3.0, 3.0, None, 100)
    assert status.pools == (
        PoolStatus("gpu", Amounts(0, 0.0, 0.0), Amounts(cpus=8), 2, Spent(1.0, 1.0, 9, None)),
        PoolStatus("default", Amounts(1, 4.0, 4096.0), Amounts(), 0, Spent(0.0, 0.0)),
    )
    assert Status.from_json(json.loads(status.to_text())) == status
    console = Console(width=100, record=True, file=StringIO())
    console.print(show.picture(status, now=1.7e9))
    text = console.export_text()
    assert "spent: 3.00 today, 3.00 of 100 this month" in text
    assert "pool gpu: 0 nodes, 0 of 8 cpus; spent: 1.00 of 9 today, 1.00 this month" in text
