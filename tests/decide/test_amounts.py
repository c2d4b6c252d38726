"""What jobs ask for beside slots, from the queue to the launch: memory, gpus, whole hosts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.decide.site import NOW_S, SLOT, Site, codes, one, some
from torque_mesos.decide import Limit
from torque_mesos.decide.plan import Launch, Offline, Revive, SetNp
from torque_mesos.decide.reason import Code
from torque_mesos.model import Grant, JobState, Resources, TaskState, frozen_map


def asks(site: Site, nodes: str, *, running: bool = False, **more: str) -> Site:
    state = JobState.RUNNING if running else JobState.QUEUED
    return site.asks(nodes, state, resources=frozen_map({"nodes": nodes, **more}))


def gpu_site() -> Site:
    return Site().rules(gpus=True)


def with_gpus(site: Site, name: str, gpus: int, slots: int = 4, record: int = 0) -> Site:
    """A parked host whose agent has gpus, all offered."""
    site.parked(name, slots, offered=slots)
    site.agents[-1] = replace(site.agents[-1], total=SLOT * slots + Resources(0, 0, gpus))
    site.offers[-1] = replace(site.offers[-1], resources=SLOT * slots + Resources(0, 0, gpus))
    site.nodes[-1] = replace(site.nodes[-1], gpus=record)
    return site


class TestMemory:
    def test_a_grant_has_the_memory_that_its_job_asked_for(self):
        site = asks(Site().parked("n1", 8, offered=8), "1:ppn=2", pmem="3gb")
        launch = one(site.plan(), Launch)
        assert (launch.slots, launch.resources) == (2, Resources(2, 6144))

    def test_less_than_the_slots_have_changes_nothing(self):
        site = asks(Site().parked("n1", 8, offered=8), "1:ppn=4", mem="2gb")
        assert one(site.plan(), Launch).resources == SLOT * 4

    def test_mem_is_divided_over_all_slots_of_the_job(self):
        site = Site().parked("n1", 8, offered=8).parked("n2", 8, offered=8)
        launches = some(asks(site, "2:ppn=2", mem="16gb").plan(), Launch)
        assert [launch.resources for launch in launches] == [Resources(2, 8192)] * 2

    def test_nobody_else_is_counted_on_its_host(self):
        site = asks(Site().parked("n1", 8, offered=8), "1", mem="4gb")
        plan = asks(site, "1").plan()
        assert one(plan, Launch).slots == 1
        assert codes(plan)["1.head"] is Code.WAITING_FOR_OFFERS

    def test_two_such_jobs_get_a_host_each(self):
        site = Site().parked("n1", 8, offered=8).parked("n2", 8, offered=8)
        plan = asks(asks(site, "1", mem="4gb"), "1", mem="3gb").plan()
        assert sorted(launch.resources.mem_mb for launch in some(plan, Launch)) == [3072, 4096]

    def test_a_job_that_came_first_keeps_its_slots(self):
        site = asks(Site().parked("n1", 8, offered=8), "1")
        plan = asks(site, "1", mem="4gb").plan()
        assert one(plan, Launch).resources == SLOT
        assert codes(plan)["1.head"] is Code.WAITING_FOR_OFFERS

    def test_a_live_node_serves_it_only_if_all_its_slots_keep_their_memory(self):
        enough = asks(Site().online("n1", 4), "1:ppn=4", mem="4gb").plan()
        assert codes(enough)["0.head"] is Code.RUNS_SOON
        beside = asks(Site().online("n1", 4), "1:ppn=1", mem="2gb").plan()
        assert codes(beside)["0.head"] is not Code.RUNS_SOON

    def test_a_worker_whose_grants_start_one_after_another_serves_it(self):
        """The first grant has the memory; the slots of the second come a moment later."""
        site = asks(Site().online("n1", 1, size=8).parked("n2", 8, offered=8), "1:ppn=2", mem="4gb")
        first = replace(site.workers[0].grants[0], resources=Resources(1, 3072))
        for state in (TaskState.STARTING, TaskState.RUNNING):
            second = Grant("t2", 1, SLOT, state, NOW_S - 1.0)
            site.workers[0] = replace(site.workers[0], grants=(first, second))
            plan = site.plan()
            assert not some(plan, Launch)
            assert not some(plan, Offline)

    def test_an_idle_worker_that_is_too_small_makes_room_for_it(self):
        site = asks(Site().online("n1", 2, size=8), "1:ppn=2", mem="8gb")
        reason = one(site.plan(), Offline).reason
        assert reason.code is Code.MAKES_ROOM

    def test_slots_whose_memory_a_running_job_uses_serve_nobody(self):
        """The batch scheduler has put a large job on a small node."""
        site = asks(Site(), "1", running=True, mem="3gb").online("n1", 4, jobs={0: "0.head"})
        plan = asks(asks(site, "1"), "1").plan()
        assert codes(plan)["1.head"] is Code.RUNS_SOON
        assert codes(plan)["2.head"] is not Code.RUNS_SOON

    def test_a_worker_whose_job_asked_for_more_gets_it_if_its_agent_has_it(self):
        site = asks(Site(), "1", running=True, mem="3gb").online("n1", 4, jobs={0: "0.head"})
        plan = replace(site, suppressed=True).plan()
        assert some(plan, Revive), "offers are asked for"
        few = replace(site, offers=[]).offer("n1", 1).plan()
        assert not some(few, Launch)
        launch = one(site.offer("n1", 4).plan(), Launch)
        assert (launch.slots, launch.resources) == (0, Resources(0, 2048))
        assert launch.executor_id == "e-n1"

    def test_that_memory_is_not_offered_to_another_job(self):
        site = asks(Site(), "1", running=True, mem="3gb").online("n1", 1, jobs={0: "0.head"})
        plan = asks(site.offer("n1", 3), "1:ppn=2").plan()
        assert one(plan, Launch).resources == Resources(0, 2048)
        assert codes(plan)["1.head"] is not Code.STARTING_NODES

    def test_it_ends_when_the_memory_is_there(self):
        site = asks(Site(), "1", running=True, mem="3gb").online("n1", 4, jobs={0: "0.head"})
        worker = site.workers[0]
        more = Grant("t2", 0, Resources(0, 2048), TaskState.STARTING, NOW_S)
        site.workers[0] = replace(worker, grants=(*worker.grants, more))
        assert not some(site.offer("n1", 4).plan(), Launch)

    def test_nor_above_the_limit(self):
        site = Site().rules(limit=Limit(mem_mb=5000.0)).online("n1", 4, jobs={0: "0.head"})
        plan = asks(site.offer("n1", 4), "1", running=True, mem="3gb").plan()
        assert not some(plan, Launch)

    def test_more_than_any_agent_has(self):
        plan = asks(Site().parked("n1", 8, offered=8), "1", mem="9gb").plan()
        assert plan.jobs["0.head"].code is Code.NEVER_TOO_LARGE
        assert "9216 MB of memory on one host" in plan.jobs["0.head"].text

    def test_memory_counts_for_the_limit(self):
        site = Site().rules(limit=Limit(mem_mb=6000.0))
        site.parked("n1", 8, offered=8).parked("n2", 8, offered=8)
        plan = asks(asks(site, "1", mem="4gb"), "1", mem="4gb").plan()
        assert len(some(plan, Launch)) == 1
        assert codes(plan)["1.head"] is Code.AT_LIMIT
        never = asks(Site().rules(limit=Limit(mem_mb=2048.0)).parked("n1", 8), "1", mem="4gb")
        assert codes(never.plan())["0.head"] is Code.NEVER_OVER_LIMIT

    def test_openpbs_says_it_by_chunk(self):
        site = Site().parked("n1", 8, offered=8)
        asked = frozen_map({"select": "1:ncpus=2:mem=5gb"})
        launch = one(site.asks("", resources=asked).plan(), Launch)
        assert launch.resources == Resources(2, 5120)


class TestAlone:
    def test_a_host_to_itself(self):
        site = asks(Site().parked("n1", 8, offered=8), "1:ppn=2", naccesspolicy="singlejob")
        plan = asks(site, "1").plan()
        assert one(plan, Launch).slots == 2
        assert codes(plan)["1.head"] is Code.WAITING_FOR_OFFERS

    def test_not_beside_others(self):
        site = Site().online("n1", 4, jobs={0: "9.head"})
        plan = asks(site, "1", naccesspolicy="singlejob").plan()
        assert codes(plan)["0.head"] is Code.WAITING_FOR_OFFERS
        idle = asks(Site().online("n1", 4), "1", naccesspolicy="singlejob").plan()
        assert codes(idle)["0.head"] is Code.RUNS_SOON


class TestGpus:
    def test_a_grant_has_them_and_so_has_the_record(self):
        plan = asks(with_gpus(gpu_site(), "n1", 4), "1:ppn=2:gpus=2").plan()
        launch, resized = one(plan, Launch), one(plan, SetNp)
        assert launch.resources == Resources(2, 2048, 2)
        assert (resized.np, resized.gpus) == (2, 2)

    def test_hosts_without_any_are_for_the_others(self):
        site = with_gpus(gpu_site(), "n1", 2).parked("n2", 4, offered=4)
        plan = asks(asks(site, "1"), "1:gpus=1").plan()
        held = {launch.name: launch.resources.gpus for launch in some(plan, Launch)}
        assert held == {"n1": 1, "n2": 0}

    def test_a_record_that_has_gpus_gets_at_least_one(self):
        """TORQUE does not let a node that had gpus have none."""
        plan = asks(with_gpus(gpu_site(), "n1", 2, record=2), "1").plan()
        assert one(plan, Launch).resources.gpus == 1
        assert one(plan, SetNp).gpus == 1
        none = asks(with_gpus(gpu_site(), "n1", 0, record=2), "1").plan()
        assert not some(none, Launch)

    def test_each_is_given_once(self):
        site = asks(with_gpus(gpu_site(), "n1", 2), "1:gpus=1")
        plan = asks(asks(site, "1:gpus=1"), "1:gpus=1").plan()
        assert one(plan, Launch).resources == Resources(2, 2048, 2)
        assert codes(plan)["2.head"] is Code.WAITING_FOR_OFFERS

    def test_a_running_worker_gets_more_of_them_without_a_slot(self):
        site = gpu_site().online("n1", 4)
        site.offer("n1", 0)
        site.agents[-1] = replace(site.agents[-1], total=SLOT * 4 + Resources(0, 0, 1))
        site.offers[-1] = replace(site.offers[-1], resources=Resources(0, 0, 1))
        launch = one(asks(site, "1:gpus=1").plan(), Launch)
        assert (launch.slots, launch.resources) == (0, Resources(0, 0, 1))
        assert launch.executor_id == "e-n1"

    def test_those_in_use_serve_nobody(self):
        site = asks(gpu_site(), "1:gpus=1", running=True).online("n1", 4, jobs={0: "0.head"})
        grant = site.workers[0].grants[0]
        held = replace(grant, resources=SLOT * 4 + Resources(0, 0, 1))
        site.workers[0] = replace(site.workers[0], grants=(held,))
        site.nodes[0] = replace(site.nodes[0], gpus=1)
        plan = asks(asks(site, "1:gpus=1"), "1").plan()
        assert codes(plan)["1.head"] is not Code.RUNS_SOON
        assert codes(plan)["2.head"] is Code.RUNS_SOON

    def test_more_than_any_agent_has(self):
        plan = asks(with_gpus(gpu_site(), "n1", 2), "1:gpus=3").plan()
        assert plan.jobs["0.head"].code is Code.NEVER_TOO_LARGE
        assert "3 gpus on one host, the largest agent for it has 2" in plan.jobs["0.head"].text

    def test_none_are_taken_unless_the_settings_say_so(self):
        plan = asks(with_gpus(Site(), "n1", 2), "1:gpus=1").plan()
        assert not some(plan, Launch)
        assert plan.jobs["0.head"].code is Code.NEVER_TOO_LARGE

    @pytest.mark.parametrize("nodes", ["1:mics=1", "1#shared"])
    def test_what_no_node_has(self, nodes):
        plan = asks(Site().parked("n1", 8, offered=8), nodes).plan()
        assert codes(plan)["0.head"] is Code.NEVER_NO_SUCH_NODE
