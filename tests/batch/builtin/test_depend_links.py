"""A job that is not accepted after all leaves nothing behind at those it was linked with."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from torque_mesos.batch.builtin.depend import Dependencies
from torque_mesos.batch.builtin.records import HELD, QUEUED


def _job(job_id: str, *depend: list[str]) -> Any:
    return SimpleNamespace(
        job_id=job_id, uid=1, state=HELD if depend else QUEUED, hold="n", depend=list(depend)
    )


@pytest.fixture
def state() -> Any:
    jobs: dict[str, Any] = {}
    saved: list[str] = []
    return SimpleNamespace(
        jobs=jobs,
        arrays={},
        find_job=jobs.get,
        saved=saved,
        save_job=lambda job: saved.append(job.job_id),
    )


@pytest.mark.parametrize(
    "wanted",
    [
        [["afterok", "0.head"]],
        [["afterany", "0.head", "1.head"], ["afternotok", "1.head"]],
        [["before", "2.head"]],
        [["beforeok", "2.head"], ["after", "0.head"]],
        [["beforeany", "3.head"]],
    ],
)
def test_links_go_with_the_job(state: Any, wanted: list[list[str]]) -> None:
    first = [
        _job("0.head"),
        _job("1.head"),
        _job("2.head", ["on", "2"]),
        _job("3.head", ["on", "1"]),
    ]
    state.jobs.update({job.job_id: job for job in first})
    before = {job.job_id: [list(words) for words in job.depend] for job in first}
    made = _job("4.head")
    links = Dependencies(state, SimpleNamespace(), SimpleNamespace(), SimpleNamespace())  # type: ignore[arg-type]
    links.link(made, wanted)
    assert any(job.depend != before[job.job_id] for job in first)
    state.saved.clear()
    links.unlink(made)
    assert {job.job_id: job.depend for job in first} == before
    assert set(state.saved) == {name for _, *names in wanted for name in names}
