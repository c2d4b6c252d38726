"""Jobs of users whom an agent does not know."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field, replace

import pytest

from torque_mesos.batch.base import Refused
from torque_mesos.framework.tasks import TaskId
from torque_mesos.framework.unknown_users import UnknownUsers
from torque_mesos.framework.view import FROM_EXECUTOR, View
from torque_mesos.mesos.base import TaskStatus
from torque_mesos.model import Job, JobState, Node, NodeState, Reading, Resources, TaskState

COMMENT = "Held: user bob is not known on n1. When the account is there: qrls."
NODES = tuple(
    Node(name, frozenset({NodeState.OFFLINE}), 2, frozenset({"mesos", kind}))
    for name, kind in (("n1", "fast"), ("n2", "slow"))
)


def job(user: str = "bob", nodes: str = "1", state: JobState = JobState.QUEUED) -> Job:
    owner = f"{user}@head"
    return Job("7.head", "name", owner, "batch", state, {"nodes": nodes}, user=user)


@dataclass
class Server:
    """Notes what is held."""

    told: list[tuple[str, str]] = field(default_factory=list)
    refuses: bool = False

    def hold(self, job_id: str, comment: str) -> None:
        self.told.append((job_id, comment))
        if self.refuses:
            raise Refused("no")


class Site:
    def __init__(self) -> None:
        self.server, self.view = Server(), View()
        self.unknown = UnknownUsers(self.server, self.view)
        self.task_id = TaskId("n1", 2, Resources(2, 512), "aa", "bb")
        self.view.launched(self.task_id, "a-n1", 0.0)

    def answer(self, *users: str, data: str | None = None, source: str = FROM_EXECUTOR) -> None:
        text = base64.b64encode(json.dumps({"lacks": users}).encode()).decode()
        status = TaskStatus(str(self.task_id), TaskState.RUNNING, "a-n1", source=source)
        self.view.status(replace(status, data=text if data is None else data), 1.0)

    def look(self, *jobs: Job) -> list[Job]:
        return list(self.unknown.look(Reading(jobs=jobs, nodes=NODES)).jobs)


@pytest.fixture
def site() -> Site:
    return Site()


def test_a_job_is_held_with_the_reason_before_it_runs(site: Site) -> None:
    assert site.look(job()) == [job()]
    assert list(site.unknown.asked) == ["bob"]
    site.answer("bob")
    (held,) = site.look(job())
    assert site.server.told == [("7.head", COMMENT)]
    assert (held.state, held.holds, held.comment) == (JobState.HELD, "s", COMMENT)


@pytest.mark.parametrize(
    "other",
    [
        job("alice"),
        job(nodes="n2"),
        job(nodes="2:slow"),
        job(nodes="1:ppn"),
        job(state=JobState.HELD),
        job(state=JobState.RUNNING),
        job(state=JobState.COMPLETE),
    ],
)
def test_others_are_left_alone(site: Site, other: Job) -> None:
    site.answer("bob")
    assert site.look(other) == [other]
    assert site.server.told == []


@pytest.mark.parametrize("nodes", ["n1", "1:fast", "1:slow+1:mesos", "2:ppn=2"])
def test_one_part_that_may_run_there_is_enough(site: Site, nodes: str) -> None:
    site.answer("bob")
    site.look(job(nodes=nodes))
    assert len(site.server.told) == 1


def test_once_the_account_is_there_the_job_may_run(site: Site) -> None:
    site.answer("bob")
    site.answer()
    site.look(job())
    assert site.server.told == []


def test_what_others_say_of_a_task_is_no_answer(site: Site) -> None:
    site.answer("bob")
    site.answer(source="SOURCE_MASTER")
    site.answer(data="no base64")
    site.look(job())
    assert len(site.server.told) == 1


def test_an_executor_that_is_gone_lacks_nobody(site: Site) -> None:
    site.answer("bob")
    failed = TaskStatus(str(site.task_id), TaskState.FAILED, "a-n1", source=FROM_EXECUTOR)
    site.view.status(failed, 2.0)
    site.look(job())
    assert site.server.told == []


def test_a_hold_that_is_refused_is_tried_again(site: Site) -> None:
    site.answer("bob")
    site.server.refuses = True
    assert site.look(job()) == [job()]
    site.server.refuses = False
    assert site.look(job())[0].state is JobState.HELD


def test_all_are_asked_for_but_of_jobs_that_are_over(site: Site) -> None:
    site.look(job("carol"), job("alice"), job("dave", state=JobState.COMPLETE))
    assert list(site.unknown.asked) == ["alice", "carol"]
    before = site.unknown.asked
    site.look(job("alice"))
    assert site.unknown.asked is before


def test_a_server_that_holds_no_jobs_is_left_alone() -> None:
    unknown = UnknownUsers(object(), View())
    reading = Reading(jobs=(job(),))
    assert unknown.look(reading) is reading
    assert unknown.asked == ()
