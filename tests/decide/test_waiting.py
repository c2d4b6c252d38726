"""Jobs that wait: which of them count, and the reason that each is told."""

from __future__ import annotations

import pytest

from tests.decide.site import (
    CAPACITY,
    DOWN,
    NOW_S,
    OFFLINE,
    Site,
    codes,
    kinds,
    one,
    some,
)
from torque_mesos.decide import Limit
from torque_mesos.decide.plan import (
    CreateNode,
    Decline,
    Failures,
    Launch,
)
from torque_mesos.decide.pool import Pool
from torque_mesos.decide.reason import Code
from torque_mesos.decide.worker import ONLINE_NOTE, PARKED_NOTE
from torque_mesos.model import Job, JobState, Queue, frozen_map


@pytest.mark.parametrize(
    ("site", "code"),
    [
        (Site().online("n1").asks("1"), Code.RUNS_SOON),
        (Site().ready("n1").asks("1"), Code.RUNS_SOON),
        (Site().draining("n1").asks("1"), Code.RUNS_SOON),
        (Site().starting("n1").asks("1"), Code.STARTING_NODES),
        (Site().parked("n1", offered=4).asks("1"), Code.STARTING_NODES),
        (Site().parked("n1").asks("1"), Code.WAITING_FOR_OFFERS),
        (Site().parked("n1", offered=4).parked("n2").asks("2"), Code.WAITING_FOR_OFFERS),
        (Site().asks("1"), Code.NO_AGENTS),
        (Site().parked("n1").asks("1:ppn=5"), Code.NEVER_TOO_LARGE),
        (Site().parked("n1").asks("2"), Code.NEVER_TOO_LARGE),
        (Site().parked("n1").asks("1:nosuch"), Code.NEVER_NO_SUCH_NODE),
        (Site().parked("n1").rules(limit=Limit(cpus=3)).asks("1:ppn=4"), Code.NEVER_OVER_LIMIT),
        (Site().parked("n1").rules(limit=Limit(nodes=1)).asks("2"), Code.NEVER_OVER_LIMIT),
        (Site().parked("n1").rules(limit=Limit(mem_mb=10)).asks("1"), Code.NEVER_OVER_LIMIT),
        (Site().parked("n1").asks("1:ppn=x"), Code.MALFORMED),
        (Site().parked("n1").asks("1", JobState.HELD), Code.HELD),
        (Site().parked("n1").asks("1", JobState.WAITING), Code.START_TIME),
        (Site().parked("n1").asks("1", JobState.TRANSIT), Code.NOT_STARTABLE),
        (Site().parked("n1").asks("1", JobState.SUSPENDED), Code.NOT_STARTABLE),
    ],
)
def test_why_a_job_waits(site: Site, code: Code) -> None:
    plan = site.plan()
    assert codes(plan) == {"0.head": code}
    text = plan.jobs["0.head"].text
    assert text
    assert "\n" not in text


def test_a_job_at_the_limit() -> None:
    site = Site().rules(limit=Limit(nodes=1)).online("n1", jobs={0: "r", 1: "r", 2: "r", 3: "r"})
    plan = site.parked("n2", offered=4).asks("1").plan()
    assert codes(plan) == {"0.head": Code.AT_LIMIT}
    assert not some(plan, Launch)


@pytest.mark.parametrize("state", [JobState.RUNNING, JobState.EXITING, JobState.COMPLETE])
def test_a_job_that_does_not_wait_has_no_reason(state: JobState) -> None:
    plan = Site().parked("n1", offered=4).asks("1", state).plan()
    assert plan.jobs == {}
    assert not some(plan, Launch)


@pytest.mark.parametrize(
    ("queue", "code"),
    [
        (Queue("night", started=False), Code.QUEUE_STOPPED),
        (Queue("night", execution=False), Code.QUEUE_STOPPED),
        (Queue("night"), Code.STARTING_NODES),
        (Queue("night", enabled=False), Code.STARTING_NODES),  # takes no new jobs, starts old ones
    ],
)
def test_queues(queue: Queue, code: Code) -> None:
    site = Site(queues=[queue]).parked("n1", offered=4).asks("1", queue="night")
    assert codes(site.plan()) == {"0.head": code}


def test_only_watched_queues_count() -> None:
    site = Site().rules(queues=("batch", "day-*")).parked("n1", offered=4)
    site.asks("1", queue="day-1").asks("1", queue="night")
    plan = site.plan()
    assert codes(plan) == {"0.head": Code.STARTING_NODES, "1.head": Code.QUEUE_NOT_WATCHED}
    assert one(plan, Launch).slots == 1


def test_a_limit_of_held_jobs_and_malformed_ones_disturbs_nobody() -> None:
    site = Site().parked("n1", offered=4).asks("1:ppn=99").asks("1:$(x)").asks("77:nosuch")
    site.jobs.append(Job("odd", "", "", "no-such-queue", JobState.QUEUED, frozen_map()))
    plan = site.plan()
    assert plan.jobs["odd"].code is Code.STARTING_NODES
    assert one(plan, Launch).slots == 1
    assert "'$(x)'" in plan.jobs["1.head"].text


def test_a_job_whose_wall_time_cannot_be_read_is_told_where_it_is_wrong() -> None:
    odd = frozen_map({"nodes": "1", "walltime": "01:xx:00"})
    plan = Site().parked("n1", offered=4).asks("1", resources=odd).asks("1").plan()
    assert codes(plan) == {"0.head": Code.MALFORMED, "1.head": Code.STARTING_NODES}
    assert plan.jobs["0.head"].text.startswith("walltime=01:xx:00: at column 13, 'xx'")


def test_never_runnable_jobs_alone_want_nothing() -> None:
    plan = Site().parked("n1", offered=4).asks("1:ppn=99").asks("1:nosuch").plan()
    assert kinds(plan) == ["Decline", "Suppress"]
    assert one(plan, Decline).reason.code is Code.NOTHING_WANTED


def test_never_is_not_said_before_agents_are_known() -> None:
    assert codes(Site().asks("1:ppn=99:nosuch").plan()) == {"0.head": Code.NO_AGENTS}


def test_an_agent_that_is_away_may_come_back() -> None:
    site = Site().node("n1", 8, (DOWN, OFFLINE), PARKED_NOTE).parked("n2", 2)
    assert codes(site.asks("1:ppn=8").plan()) == {"0.head": Code.WAITING_FOR_OFFERS}


def test_a_job_that_waits_for_a_host_where_starts_fail_is_told_the_cause() -> None:
    failures = frozen_map({"a-n1": Failures(3, NOW_S + 20, "no pbs_mom in PATH")})
    plan = Site().parked("n1").asks("1:ppn=2").remembers(failures=failures).plan()
    for reason in (plan.jobs["0.head"], plan.nodes["n1"]):
        assert reason.code is Code.BACKED_OFF
        assert "no pbs_mom in PATH" in reason.text
        assert "in 20 s" in reason.text
    elsewhere = Site().parked("n1").parked("n2", offered=4).asks("1:ppn=2")
    assert some(elsewhere.remembers(failures=failures).plan(), Launch)


@pytest.mark.parametrize("name", ["10.1.2.3", "7up.cluster.test", CAPACITY, "a b"])
def test_an_agent_that_cannot_be_a_node_is_not_used_and_said_so(name: str) -> None:
    plan = Site().agent(name).offer(name, 4).asks("1").plan()
    assert plan.nodes[name].code is Code.BAD_NAME
    assert "--hostname" in plan.nodes[name].text
    assert not some(plan, CreateNode)
    assert not some(plan, Launch)
    told = plan.jobs["0.head"]
    assert told.code is Code.NO_AGENTS
    assert f"no agent that can be used; {name}: {name} cannot be a node's name" in told.text


@pytest.mark.parametrize("value", ["48", "a b", "ppn", "x=y", "n" * 65])
def test_an_attribute_that_can_be_no_property_is_left_out_and_said_so(value: str) -> None:
    site = Site().rules(attribute_properties=("rack", "kind"))
    site.agent("n1", 4, kind=value, rack="r.1").agent("n2", 4, kind="fat").asks("1")
    plan = site.plan()
    made = {each.name: each.properties for each in some(plan, CreateNode)}
    assert made == {"n1": {"mesos", "r.1"}, "n2": {"mesos", "fat"}}
    assert f"its agent's attribute kind={value} is no property of it" in plan.nodes["n1"].text
    assert "attribute" not in plan.nodes["n2"].text
    site = Site().rules(attribute_properties=("kind",)).agent("n1", 4, kind=value)
    told = site.node("n1", 4, (DOWN, OFFLINE), PARKED_NOTE).plan().nodes["n1"]
    assert told.code is Code.NO_DEMAND
    assert f"kind={value} is no property" in told.text


@pytest.mark.parametrize(
    "asked",
    [
        {"nodes": "1:ppn=8"},
        {"nodes": "1", "mem": "90gb"},
        {"nodes": "1:gpus=2"},
        {"nodes": "n1:ppn=3"},
    ],
)
def test_never_is_not_said_of_what_an_agent_may_have_that_is_not_listed_yet(
    asked: dict[str, str],
) -> None:
    """As after a restart: its node was made as large as its grants, and tells no memory."""
    pool = Pool("gpu", queues=("batch",), attributes=(("kind", ("gpu",)),))
    for pools in ((), (pool,)):
        site = Site().rules(gpus=True, pools=pools)
        site.node("n1", 2, (), ONLINE_NOTE).worker("n1", 2)
        site.jobs = [Job("0.head", "", "", "batch", JobState.QUEUED, frozen_map(asked))]
        for ready in (True, False):
            code = site.plan(mesos_ready=ready).jobs["0.head"].code
            assert code in (Code.NO_AGENTS, Code.NOT_CONNECTED)


def test_a_parked_record_tells_the_slots_of_its_agent() -> None:
    away = Site().node("n1", 8, (DOWN, OFFLINE), PARKED_NOTE).parked("n2", 2)
    assert codes(away.asks("1:ppn=9").plan()) == {"0.head": Code.NEVER_TOO_LARGE}
