"""Worlds with pools: limits, floors and budgets of each, and a clock on the wall."""

from __future__ import annotations

import math
from dataclasses import replace
from random import Random
from typing import Any

from tests.decide.world.ending import calm, finish, leave, played
from tests.decide.world.parts import Box, Broken, Task, Work
from tests.decide.world.troubles import disturb
from tests.decide.world.world import World
from torque_mesos.decide import Limit, Memory, Policy, Snapshot
from torque_mesos.decide.budget import DAY_S, Spending, day_of, over_budget, spans
from torque_mesos.decide.maintenance import wall_time_s
from torque_mesos.decide.packing import Host, Tier, place
from torque_mesos.decide.plan import Action, Launch, Offline
from torque_mesos.decide.pool import Budget, Pool, Schedule, Share
from torque_mesos.decide.reason import Code
from torque_mesos.model import Agent, JobState, Resources, TaskState, frozen_map

SLOT = Resources(1.0, 1024.0)
QUEUES = ("fat", "batch", "small")


class PoolWorld(World):
    """A world with pools, whose agents come and go, and a clock on the wall."""

    floors_hold = True
    speed = 60.0

    def snapshot(self, *, stale: bool = False) -> Snapshot:
        snapshot = super().snapshot(stale=stale)
        # Mesos forgets an agent that was away for long: its workers are of no known pool.
        listed = tuple(agent for agent in snapshot.agents if agent.active)
        return replace(snapshot, agents=listed)

    def pool_of(self, name: str) -> Pool | None:
        box = self.boxes[name]
        agent = Agent(box.agent_id, name, box.total, frozen_map(box.attributes))
        return self.policy.pool_of_agent(agent)

    def held_by(self, pool: Pool) -> list[Task]:
        return [task for task in self.tasks.values() if self.pool_of(task.name) == pool]

    def _hold_against_rules(self, action: Action) -> None:
        super()._hold_against_rules(action)
        if isinstance(action, Launch):
            self._below_pools_limit(action)
            self._below_budgets(action)
        if isinstance(action, Offline) and action.reason.code in (Code.IDLE, Code.SPARE):
            self._above_pools_floor(action)

    def _below_pools_limit(self, action: Launch) -> None:
        pool = self.pool_of(action.name)
        if pool is None:
            raise Broken(f"no pool wants this agent: {action}")
        tasks = self.held_by(pool)
        held = sum((task.resources for task in tasks), action.resources)
        nodes = len({task.name for task in tasks} | {action.name})
        if over := pool.share.limit.exceeded_by(nodes, held):
            raise Broken(f"above the limit of {pool.name}, {over}: {action}")

    def _below_budgets(self, action: Launch) -> None:
        wall_s, offset_s = self.wall_s, self.offset_s
        left_s = (day_of(wall_s, offset_s) + 1) * DAY_S - offset_s - wall_s
        left = (left_s, spans(wall_s, offset_s)[1][1])
        ahead: dict[str, list[float]] = {}
        for name, resources in [
            *((task.name, task.resources) for task in self.tasks.values()),
            (action.name, action.resources),
        ]:
            pool = self.pool_of(name)
            assert pool is not None
            price = self.policy.price if pool.price is None else pool.price
            for_s = self._lasts_s(name)
            for scope in (pool.name, ""):
                costs = ahead.setdefault(scope, [0.0, 0.0])
                for number, rest_s in enumerate(left):
                    costs[number] += resources.cpus * price * min(for_s, rest_s) / 3600.0
        budgets = {"": self.policy.budget} | {p.name: p.share.budget for p in self.policy.pools}
        for name, budget in budgets.items():
            if name and name != getattr(self.pool_of(action.name), "name", ""):
                continue
            spent = self.memory.spending.of(name, wall_s, offset_s)
            day, month = ahead.get(name, (0.0, 0.0))
            if over := over_budget(budget, spent, (day, month)):
                raise Broken(f"above the budget {over}: {action}")

    def _lasts_s(self, name: str) -> float:
        """How long the jobs that the last reading told of on a node may yet last."""
        jobs = self.reading.jobs if self.reading is not None else ()
        there = [job for job in jobs if name in job.exec_nodes and job.state is JobState.RUNNING]
        began = self.memory.spending.began
        times = [self.policy.budget_ahead_s] if not there else []
        for job in there:
            asked_s = wall_time_s(job.resources.get("walltime"))
            if math.isfinite(asked_s):
                times.append(asked_s + began.get(job.job_id, self.wall_s) - self.wall_s)
            else:
                times.append(self.policy.budget_ahead_s)
        return max(0.0, *times)

    def _above_pools_floor(self, action: Offline) -> None:
        pool = self.pool_of(action.name)
        task = self.task_at(action.name)
        if pool is None or not self.floors_hold or task is None:
            return
        if task.state is TaskState.UNREACHABLE:  # it did not count
            return
        states = (TaskState.STAGING, TaskState.STARTING, TaskState.RUNNING)
        kept = sum(
            task.slots
            for task in self.held_by(pool)
            if task.state in states and not task.killed and not self._draining(task.name)
        )
        own = sum(one.slots for one in self.tasks_at(action.name))
        if action.reason.code is Code.SPARE:
            own = int(action.reason.numbers["slots"])
        if kept - own < pool.share.floor_slots:
            raise Broken(f"below the floor of {pool.name}: {action}")


def make_world(seed: int) -> PoolWorld:
    random = Random(seed)
    budget = random.choice([Budget(), Budget(), Budget(day=9.0), Budget(month=20.0)])
    fat = Pool(
        "fat",
        queues=("fat",),
        attributes=(("kind", ("fat",)),),
        properties=random.choice([(), ("fatnode",)]),
        share=Share(
            limit=random.choice([Limit(), Limit(nodes=1), Limit(cpus=3)]),
            floor_slots=random.choice([0, 0, 2]),
            reserve_slots=random.choice([0, 0, 1]),
            budget=random.choice([Budget(), Budget(day=6.0)]),
        ),
        price=random.choice([None, 2.0]),
    )
    small = Pool("small", queues=("small",), share=Share(limit=Limit(cpus=2)))
    policy = Policy(
        slot=SLOT,
        limit=random.choice([Limit(), Limit(nodes=3), Limit(cpus=6)]),
        attribute_properties=("kind",),
        generation="g1",
        grace_s=random.choice([0.0, 10.0]),
        capacity_record=random.choice(["localhost", None]),
        pools=random.choice([(fat,), (fat, small), (fat, small, Pool("rest"))]),
        schedules=random.choice([(), (Schedule(frozenset(range(7)), 0, 43200, 2),)]),
        reserve_slots=random.choice([0, 0, 2]),
        price=1.0,
        budget=budget,
    )
    boxes = {
        name: Box(name, f"a-{name}", SLOT * random.choice([1, 2, 4]), {"kind": kind})
        for name, kind in {"n1": "fat", "n2": "fat", "n3": "thin", "n4": "thin"}.items()
    }
    world = PoolWorld(policy, random, boxes)
    # Floors are given up when a budget is spent; that is looked at where there is none.
    world.floors_hold = not (budget.any or fat.share.budget.any)
    return world


def possible(world: PoolWorld, work: Work) -> bool:
    request, policy, queue = work.request, world.policy, work.queue
    if request is None:
        return False
    pools = {pool.name: pool for pool in policy.pools}
    limits = [policy.limit]
    if queue in pools:
        limits.append(pools[queue].share.limit)
    if any(limit.exceeded_by(request.hosts, SLOT * request.slots) for limit in limits):
        return False
    hosts = [
        Host(
            box.name,
            box.total.slots(SLOT),
            Tier.ONLINE,
            frozenset({box.name, *policy.properties, *box.attributes.values()}),
        )
        for box in world.boxes.values()
        if (box.attributes["kind"] == "fat") == (queue == "fat")
    ]
    return place(request, hosts) is not None


REQUESTS = ["1", "1", "1:ppn=2", "2", "1:ppn=4", "1:fat", "n1", "3"]


def trouble(world: PoolWorld, steps: int) -> None:
    random = world.random
    world.fault = random.choice([0.0, 0.1])
    policy: Any = world.policy
    for _ in range(steps):
        spending = world.memory.spending
        if random.random() < 0.4:
            more = {"walltime": "02:00:00"} if random.random() < 0.5 else {}
            runs_s = random.choice([0.5, 20.0])
            world.submit(random.choice(REQUESTS), runs_s, random.choice(QUEUES), **more)
        elif world.records:
            disturb(world)
        if world.memory == Memory():
            # Started again: what was spent is remembered, or lost and then not known.
            lost = random.random() < 0.2
            world.memory = Memory(spending=Spending(unknown="lost") if lost else spending)
        if world.policy.floor_slots or world.policy.limit != policy.limit:
            world.policy = replace(world.policy, floor_slots=0)
        for _ in range(random.choice([1, 2, 4])):
            world.tick(random.choice([0.1, 0.5, 1.0, 5.0, 40.0]))
            world.turn(stale=random.random() < 0.3, between=random.random() < 0.3)


def settle(world: PoolWorld) -> None:
    """Without budgets, floors and reserves all that is possible runs, and all is given back."""
    calm(world)
    pools = tuple(replace(pool, share=Share(limit=pool.share.limit)) for pool in world.policy.pools)
    world.policy = replace(
        world.policy, pools=pools, schedules=(), reserve_slots=0, budget=Budget(), floor_slots=0
    )
    leave(world, world.random.choice(list(world.boxes.values())))
    finish(world, [work for work in world.jobs.values() if possible(world, work)])
    assert not world.tasks
    for turn in range(5):
        world.tick(60.0)
        plan = world.turn()
        assert not plan.actions or turn == 0, plan.actions


def play(seed: int) -> PoolWorld:
    """All of one world. Raises AssertionError (Broken, where it was a rule) when it goes wrong."""
    return played(make_world(seed), trouble, settle)
