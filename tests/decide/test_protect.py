"""Starts that fail everywhere: growth stops, tries again carefully, and goes on by itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.decide.site import NOW_S, Site, codes, one, some
from torque_mesos.decide import Memory
from torque_mesos.decide.plan import Decline, Launch, Plan
from torque_mesos.decide.protect import FAILED_STARTS, FIRST_PAUSE_S, LONGEST_PAUSE_S
from torque_mesos.decide.reason import Code


def failed(*names: str, memory: Memory | None = None) -> Memory:
    """Starts that failed, one after the other, each when its agent was tried again."""
    memory = memory or Memory()
    for number, name in enumerate(names):
        memory = memory.with_failure(f"a-{name}", NOW_S - 900 + 50 * number, "no such file")
    return memory


def three(**jobs: str) -> Site:
    site = Site()
    for name in ("n1", "n2", "n3"):
        site.parked(name, offered=4)
    return site


EVERYWHERE = ("n1", "n2", "n3", "n1", "n2")


def test_growth_stops_when_starts_fail_everywhere() -> None:
    site = three().asks("1").asks("2")
    site.memory = failed(*EVERYWHERE)
    plan = site.plan()
    assert not some(plan, Launch)
    assert set(codes(plan).values()) == {Code.PROTECTED}
    assert plan.protected == plan.jobs["0.head"]
    assert "no such file" in plan.jobs["0.head"].text
    assert {decline.reason.code for decline in some(plan, Decline)} == {Code.PROTECTED}
    assert plan.memory.protection.until_s == NOW_S + FIRST_PAUSE_S


@pytest.mark.parametrize(
    "names", [EVERYWHERE[:4], ("n1",) * FAILED_STARTS, ("n1", "n2", "n1", "n2", "n1")]
)
def test_few_failures_or_few_agents_are_left_alone_only(names: tuple[str, ...]) -> None:
    site = three().asks("1")
    site.memory = failed(*names)
    assert some(site.plan(), Launch)
    assert site.plan().protected is None


def test_what_runs_goes_on_and_grows() -> None:
    site = three().online("n4", 2, 4).offer("n4", 2).asks("1:ppn=4")
    site.memory = failed(*EVERYWHERE)
    assert one(site.plan(), Launch).executor_id == "e-n4"


def paused(pauses: int = 0) -> Plan:
    site = three().asks("1").asks("2").asks("1")
    memory = failed(*EVERYWHERE)
    site.memory = replace(memory, protection=replace(memory.protection, pauses=pauses))
    return site.plan()


def test_after_the_pause_one_job_is_the_trial() -> None:
    before = paused()
    site = three().asks("2").asks("1").rules(floor_slots=9)
    site.memory = before.memory
    site.now_s = NOW_S + FIRST_PAUSE_S
    site.offers = [replace(offer, received_s=site.now_s) for offer in site.offers]
    plan = site.plan()
    assert len(some(plan, Launch)) == 2, "the nodes of one job, and no more"
    assert codes(plan) == {"0.head": Code.STARTING_NODES, "1.head": Code.PROTECTED}


def test_while_the_trial_is_under_way_nothing_else_starts() -> None:
    site = three().starting("n4").asks("2:ppn=4")
    site.memory = paused().memory
    plan = site.plan(now_s=NOW_S + FIRST_PAUSE_S)
    assert not some(plan, Launch)
    assert "a trial is under way" in plan.jobs["0.head"].text


def test_a_trial_that_fails_doubles_the_pause() -> None:
    site = three().asks("1")
    memory = paused().memory.with_failure("a-n1", NOW_S + 31, "again")
    site.memory = memory
    plan = site.plan(now_s=NOW_S + 31)
    assert plan.memory.protection.until_s == NOW_S + 31 + 2 * FIRST_PAUSE_S
    site.memory = plan.memory
    again = site.plan(now_s=NOW_S + 40).memory.protection
    assert again.until_s == plan.memory.protection.until_s, "one failure counts once"
    assert paused(pauses=30).memory.protection.until_s == NOW_S + LONGEST_PAUSE_S


def test_a_trial_that_works_ends_it() -> None:
    site = three().ready("n4").asks("1:ppn=4").asks("1").asks("1:ppn=2")
    site.memory = paused().memory
    plan = site.plan(now_s=NOW_S + FIRST_PAUSE_S)
    assert plan.memory.protection.row == ()
    assert len(some(plan, Launch)) == 1
    assert Code.PROTECTED not in codes(plan).values()


def test_a_mom_that_ran_before_proves_nothing() -> None:
    site = three().online("n4", 1, 1, {0: "r"}).asks("1")
    site.memory = failed(*EVERYWHERE)
    assert not some(site.plan(), Launch)


def test_a_mom_that_was_ready_before_the_failures_and_waits_for_others_shows_nothing() -> None:
    site = three().asks("1").ready("n4", 1).starting("n5", 1).asks("2")
    site.memory = failed(*EVERYWHERE)  # the last of them 700 s ago
    (ready, starting) = site.workers
    early = replace(ready.grants[0], since_s=NOW_S - 800)
    site.workers = [replace(ready, grants=(early,)), starting]
    assert site.plan().protected is not None
    late = replace(ready.grants[0], since_s=NOW_S - 600)
    site.workers = [replace(ready, grants=(late,)), starting]
    assert site.plan().protected is None
