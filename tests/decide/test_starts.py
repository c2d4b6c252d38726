"""Which jobs count: limits on running jobs, arrays, holds, and the scheduler's order."""

from __future__ import annotations

import pytest

from tests.decide.site import Site, codes, one, some
from torque_mesos.decide.plan import Launch
from torque_mesos.decide.reason import Code
from torque_mesos.model import JobState, Queue, RunLimit, Scheduling, Whose, frozen_map

Q, R, H = JobState.QUEUED, JobState.RUNNING, JobState.HELD
USER2 = RunLimit(Whose.USER, 2, None, "max_user_run")


def test_a_user_gets_nodes_for_as_many_jobs_as_may_run() -> None:
    site = Site().parked("n1", 8, offered=8).reads(run_limits=(USER2,))
    for user in ("alice", "alice", "alice", "bob"):
        site.asks("1", user=user)
    plan = site.plan()
    assert one(plan, Launch).slots == 3
    assert codes(plan)["2.head"] is Code.RUN_LIMIT
    reason = plan.jobs["2.head"]
    assert "user alice has 2 jobs" in reason.text
    assert "max_user_run of the server is 2" in reason.text
    assert dict(reason.numbers) == {"running": 2, "most": 2}


def test_one_job_is_told_of_in_the_singular() -> None:
    limit = RunLimit(Whose.USER, 1, None, "max_user_run")
    site = Site().parked("n1", offered=4).reads(run_limits=(limit,))
    reason = site.asks("1", user="alice").asks("1", user="alice").plan().jobs["1.head"]
    assert reason.text == (
        "user alice has 1 job that runs or is about to, max_user_run of the server is 1"
    )


def test_jobs_that_run_count_for_the_limit() -> None:
    site = Site().parked("n1", 8, offered=8).reads(run_limits=(USER2,))
    site.asks("1", R, user="alice").asks("1", R, user="alice").asks("1", user="alice")
    plan = site.plan()
    assert not some(plan, Launch)
    assert codes(plan) == {"2.head": Code.RUN_LIMIT}


def test_a_job_that_finds_no_place_takes_nothing_of_the_limit() -> None:
    limit = RunLimit(Whose.USER, 1, None, "max_user_run")
    site = Site().parked("n1", 8).parked("n2", 8, offered=2).reads(run_limits=(limit,))
    site.asks("1:ppn=8", user="alice").asks("1:ppn=2", user="alice").asks("1", user="alice")
    assert codes(site.plan()) == {
        "0.head": Code.WAITING_FOR_OFFERS,
        "1.head": Code.STARTING_NODES,
        "2.head": Code.RUN_LIMIT,
    }


@pytest.mark.parametrize(
    ("limits", "left"),
    [
        ((RunLimit(Whose.ALL, 3, None, "max_running"),), 3),
        ((RunLimit(Whose.ALL, 0, None, "max_running"),), 0),
        ((RunLimit(Whose.GROUP, 2, None, "max_group_run"),), 2),
        ((RunLimit(Whose.GROUP, 1, "staff", "max_run"),), 1),
        ((RunLimit(Whose.GROUP, 1, "others", "max_run"),), 4),
        ((RunLimit(Whose.PROJECT, 3, "p1", "max_run"),), 3),
        ((RunLimit(Whose.USER, 1, None, "max_run"), RunLimit(Whose.USER, 3, "a", "max_run")), 3),
        ((RunLimit(Whose.USER, 3, "a", "max_run"), RunLimit(Whose.USER, 1, None, "max_run")), 3),
        ((RunLimit(Whose.USER, 3, "a", "max_run"), RunLimit(Whose.ALL, 2, None, "max_run")), 2),
    ],
)
@pytest.mark.parametrize("scope", ["server", "queue"])
def test_the_kinds_of_limits(limits: tuple[RunLimit, ...], left: int, scope: str) -> None:
    site = Site().parked("n1", 8, offered=8)
    if scope == "server":
        site.reads(run_limits=limits)
    else:
        site.queues = [Queue("batch", run_limits=limits)]
    for _ in range(4):
        site.asks("1", user="a", group="staff", project="p1")
    assert sum(launch.slots for launch in some(site.plan(), Launch)) == left


def test_the_limit_of_one_queue_is_not_that_of_another() -> None:
    site = Site().parked("n1", 8, offered=8)
    site.queues = [Queue("batch", run_limits=(RunLimit(Whose.ALL, 1, None, "m"),)), Queue("long")]
    site.asks("1").asks("1").asks("1", queue="long").asks("1", queue="long")
    plan = site.plan()
    assert one(plan, Launch).slots == 3
    assert codes(plan)["1.head"] is Code.RUN_LIMIT
    assert "of queue batch is 1" in plan.jobs["1.head"].text


@pytest.mark.parametrize(
    ("holds", "dependent", "code", "text"),
    [
        ("u", False, Code.HELD, "held by its user"),
        ("os", False, Code.HELD, "held by an operator and the system"),
        ("s", True, Code.DEPENDENT, "depends on"),
        ("us", True, Code.HELD, "held by its user and the system"),
        ("", True, Code.DEPENDENT, "depends on"),
        ("", False, Code.HELD, "it is held"),
    ],
)
def test_who_holds_a_job(holds: str, dependent: bool, code: Code, text: str) -> None:
    plan = Site().parked("n1").asks("1", H, holds=holds, dependent=dependent).plan()
    assert codes(plan) == {"0.head": code}
    assert text in plan.jobs["0.head"].text


def test_why_the_framework_holds_a_job() -> None:
    site = Site().parked("n1").asks("1", H, holds="s", comment="Held: user bob is not known on n1.")
    site.asks("1", H, holds="s", comment="Job started on Monday")
    told = [reason.text for reason in site.plan().jobs.values()]
    assert told == [
        "it is held by the system: user bob is not known on n1.",
        "it is held by the system",
    ]


def test_an_arrays_slot_limit_is_told_with_its_number() -> None:
    site = Site().parked("n1", 8, offered=8)
    site.asks("1", R, job_id="9[0].head").asks("1", job_id="9[1].head")
    site.asks("1", H, job_id="9[2].head", holds="l")
    plan = site.plan()
    assert codes(plan)["9[2].head"] is Code.ARRAY_LIMIT
    assert dict(plan.jobs["9[2].head"].numbers) == {"others": 2}
    assert one(plan, Launch).slots == 1


def test_jobs_of_the_queue_that_the_scheduler_looks_at_first_are_served_first() -> None:
    site = Site().parked("n1", 8, offered=2)
    site.queues = [Queue("batch", priority=5), Queue("fast", priority=50)]
    site.asks("1:ppn=2").asks("1:ppn=2", queue="fast")
    assert codes(site.plan())["0.head"] is Code.STARTING_NODES
    site.reads(scheduling=Scheduling(by_queue=True))
    assert codes(site.plan()) == {
        "0.head": Code.WAITING_FOR_OFFERS,
        "1.head": Code.STARTING_NODES,
    }


def test_a_formula_orders_the_jobs_of_a_queue() -> None:
    site = Site().parked("n1", 8, offered=2).asks("1:ppn=2").asks("1:ppn=2", priority=7)
    site.reads(scheduling=Scheduling(formula="10 * job_priority + eligible_time"))
    assert codes(site.plan())["1.head"] is Code.STARTING_NODES
    site.reads(scheduling=Scheduling(formula="fairshare_perc * job_priority"))
    assert codes(site.plan())["0.head"] is Code.STARTING_NODES


def test_a_starving_job_keeps_all_others_waiting() -> None:
    site = Site().parked("n1", 8, offered=2)
    site.asks("1:ppn=2", queued_s=9_000.0).asks("1", queued_s=8_000.0).asks("1", queued_s=9_999.0)
    site.reads(scheduling=Scheduling(starving_after_s=500.0))
    plan = site.plan(wall_s=10_000.0)
    assert codes(plan) == {
        "0.head": Code.BEHIND_ANOTHER,
        "1.head": Code.STARTING_NODES,
        "2.head": Code.BEHIND_ANOTHER,
    }
    assert "1.head" in plan.jobs["0.head"].text
    assert codes(site.plan(wall_s=8_400.0))["0.head"] is Code.STARTING_NODES


def test_a_job_that_can_never_run_does_not_starve_the_others() -> None:
    site = Site().parked("n1", 8, offered=2).asks("1:ppn=9", queued_s=1.0).asks("1", queued_s=2.0)
    site.reads(scheduling=Scheduling(starving_after_s=9_000.0))
    assert codes(site.plan(wall_s=9_001.5)) == {
        "0.head": Code.NEVER_TOO_LARGE,
        "1.head": Code.STARTING_NODES,
    }


def test_in_strict_order_a_job_waits_for_those_before_it_in_its_queue() -> None:
    site = Site().parked("n1", 8, offered=2).parked("n2", 8)
    site.queues = [Queue("batch"), Queue("other")]
    site.asks("1:ppn=8").asks("1").asks("1", queue="other")
    assert codes(site.plan())["1.head"] is Code.STARTING_NODES
    site.reads(scheduling=Scheduling(strict=True))
    plan = site.plan()
    assert codes(plan) == {
        "0.head": Code.WAITING_FOR_OFFERS,
        "1.head": Code.BEHIND_ANOTHER,
        "2.head": Code.STARTING_NODES,
    }
    assert "0.head comes first" in plan.jobs["1.head"].text


@pytest.mark.parametrize(
    ("limit", "waits"),
    [
        # three jobs, of 300 MB each, in this order; none runs yet
        (RunLimit(Whose.ALL, 700 * 1024, None, "resources_available.mem", "mem"), ["2.head"]),
        (RunLimit(Whose.ALL, 900 * 1024, None, "resources_available.mem", "mem"), []),
        (RunLimit(Whose.ALL, 2, None, "resources_available.nodect", "nodect"), ["2.head"]),
        (RunLimit(Whose.USER, 1, None, "max_run_res.nodect", "nodect"), ["1.head", "2.head"]),
        (
            RunLimit(Whose.ALL, 200 * 1024, None, "resources_max.mem", "mem", one_job=True),
            ["0.head", "1.head", "2.head"],
        ),
        (RunLimit(Whose.ALL, 300 * 1024, None, "resources_max.mem", "mem", one_job=True), []),
        (RunLimit(Whose.ALL, 0, None, "resources_available.ncpus", "ncpus"), []),  # asked by none
    ],
)
def test_limits_on_resources(limit: RunLimit, waits: list[str]) -> None:
    site = Site().parked("n1", 8, offered=8).reads(run_limits=(limit,))
    for _ in range(3):
        resources = frozen_map({"nodes": "1", "mem": "300mb", "nodect": "1"})
        site.asks("1", user="alice", resources=resources)
    found = codes(site.plan())
    assert [job for job, code in found.items() if code is Code.RUN_LIMIT] == waits


def test_what_running_jobs_asked_for_counts_and_is_told() -> None:
    limit = RunLimit(Whose.ALL, 3, None, "resources_available.nodect", "nodect")
    site = Site(queues=[Queue("batch", run_limits=(limit,))]).parked("n1", 8, offered=8)
    site.parked("n2", 8, offered=8).asks(
        "2", R, resources=frozen_map({"nodes": "2", "nodect": "2"})
    )
    site.asks("2", resources=frozen_map({"nodes": "2", "nodect": "2"}))
    reason = site.plan().jobs["1.head"]
    assert reason.code is Code.RUN_LIMIT
    assert reason.text == (
        "it asks for 2 nodect beside 2 of jobs of queue batch that run or are about to,"
        " resources_available.nodect of queue batch is 3"
    )
