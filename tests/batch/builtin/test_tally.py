"""The members of an array, counted as they change."""

from __future__ import annotations

import random
from dataclasses import fields

from torque_mesos.batch.builtin.records import Job
from torque_mesos.batch.builtin.tally import Tally


def _member(index: int) -> Job:
    texts = {each.name: "" for each in fields(Job) if each.type == "str" and each.name != "hold"}
    values = {**texts, "job_id": f"4[{index}].head", "state": "Q", "hold": "n"}
    numbers = {"uid": 1000, "rank": index, "created": 0.0, "resources": {}, "variables": {}}
    return Job(**values, **numbers, array_id=index)  # type: ignore[arg-type]


def test_whatever_changes_the_counts_are_those_of_the_members() -> None:
    chance, tally, known = random.Random(4), Tally(), {}
    for _ in range(5000):
        index = chance.randrange(12)
        job = known.setdefault(index, _member(index))
        job.state = chance.choice("QHRECW")
        job.hold = chance.choice(["n", "l", "u", "ul"])
        job.exit_status = chance.choice([None, 0, 1])
        if chance.random() < 0.1:
            del known[index]
            tally.drop(job)
        else:
            tally.note(job)
        jobs = known.values()
        over = [each for each in jobs if each.state == "C"]
        assert len(tally) == len(known)
        assert tally.idle == sum(each.state == "Q" for each in jobs)
        assert tally.holding == sum(each.state != "C" and "l" not in each.hold for each in jobs)
        assert tally.started == all(each.state in "REC" for each in jobs)
        assert (tally.ended, tally.failed) == (len(over), sum(map(bool, _statuses(over))))
        waiting = [index for index, each in known.items() if each.state == "H" and "l" in each.hold]
        assert tally.next_waiting() == min(waiting, default=None)


def _statuses(jobs: list[Job]) -> list[int | None]:
    return [each.exit_status for each in jobs]


def test_the_state_of_the_whole() -> None:
    tally, members = Tally(), [_member(0), _member(1)]
    assert tally.state == "Q"
    for states, whole in (("QQ", "Q"), ("RQ", "R"), ("EC", "R"), ("CQ", "Q"), ("CC", "C")):
        for member, state in zip(members, states, strict=True):
            member.state = state
            tally.note(member)
        assert tally.state == whole, states
