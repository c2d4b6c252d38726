"""`decide` in a world full of faults: the rules hold in every turn, and all ends well."""

from __future__ import annotations

import os
from dataclasses import replace
from random import Random

import pytest

from tests.decide.world import Box, Record, Work, World, requested
from torque_mesos.decide import Limit, Memory, Policy
from torque_mesos.decide.packing import Host, Tier, place
from torque_mesos.decide.worker import CAPACITY_NOTE, ONLINE_NOTE
from torque_mesos.model import JobState, Resources, TaskState

# More of them: DECIDE_SEEDS=2000 pytest tests/decide/test_world.py
SEEDS = range(int(os.environ.get("DECIDE_SEEDS", "50")))
SLOT = Resources(1.0, 1024.0)
SIZES = [1, 2, 2, 4]
REQUESTS = [
    "1",
    "1",
    "1:ppn=2",
    "2",
    "2:ppn=2",
    "1:ppn=4",
    "3",
    "1:fat",
    "n1",
    "1:ppn=9",
    "2:nosuch",
    "2:ppn=four",
]


def make_world(seed: int) -> World:
    random = Random(seed)
    policy = Policy(
        slot=SLOT,
        floor_slots=random.choice([0, 0, 1, 3]),
        limit=random.choice([Limit(), Limit(), Limit(nodes=3), Limit(cpus=6)]),
        attribute_properties=("kind",),
        generation="g1",
        park=random.random() < 0.8,
        grace_s=random.choice([0.0, 10.0, 60.0]),
        forget_after_s=600.0,
        capacity_record=random.choice(["localhost", "localhost", None]),
    )
    boxes = {
        name: Box(
            name,
            f"a-{name}",
            SLOT * random.choice(SIZES) + Resources(random.choice([0, 0.4]), 0),
            {"kind": "fat"} if random.random() < 0.3 else {},
        )
        for name in ["n1", "n2", "n3", "n4"]
    }
    if random.random() < 0.3:  # an agent whose name cannot be a node's
        name = random.choice(["10.0.0.7", "n5 np=9"])
        boxes[name] = Box(name, f"a-{name}", SLOT * 4)
    world = World(policy, random, boxes)
    world.records["static"] = Record(
        "static", 2, frozenset({"old"}), "", offline=random.random() < 0.5
    )
    return world


def usable(world: World) -> list[Box]:
    """The agents that may be nodes."""
    return [box for box in world.boxes.values() if world.policy.names_a_node(box.name)]


def possible(world: World, nodes: str) -> bool:
    """Whether a request can be served when all agents are there and nothing else runs."""
    request, limit = requested(nodes), world.policy.limit
    if request is None or limit.exceeded_by(request.hosts, world.policy.slot * request.slots):
        return False
    hosts = [
        Host(
            box.name,
            box.total.slots(SLOT),
            Tier.ONLINE,
            frozenset({box.name, *world.policy.properties, *box.attributes.values()}),
        )
        for box in usable(world)
    ]
    return place(request, hosts) is not None


def disturb(world: World) -> None:
    """One thing that happens in the world."""
    random = world.random
    box = random.choice(list(world.boxes.values()))
    record = random.choice(list(world.records.values()))
    match random.randrange(19):
        case 0 | 1 | 2:
            world.submit(random.choice(REQUESTS), random.choice([0.5, 20.0, 90.0]))
        case 3:
            used = sum(
                (t.resources for t in world.tasks.values() if t.agent_id == box.agent_id),
                Resources(),
            )
            room = (box.total - used).slots(SLOT)
            for offer in [o for o in world.offers.values() if o.agent_id == box.agent_id]:
                world.rescind(offer.offer_id)
            box.others = SLOT * random.randint(0, room)
        case 4 if world.offers:
            world.rescind(random.choice(list(world.offers)))
        case 5 if world.tasks:  # an executor is killed, and the mom and its jobs with it
            task = random.choice(list(world.tasks.values()))
            if task.state is not TaskState.UNREACHABLE:
                world.end_task(task, clean=False)
        case 6:
            world.back(box) if not box.active else world.lose_agent(box)
        case 7:
            world.back(box) if not box.active else world.cut_agent(box)
        case 8:  # the framework is killed and started again
            world.memory = Memory()
            world.offers.clear()
            world.suppressed = False
            world.ready_s = world.now_s + random.choice([0.0, 3.0])
        case 9:
            world.unreadable_s = world.now_s + random.choice([1.0, 20.0])
        case 10 if world.now_s > world.all_down_until + 60.0:
            # The batch server is restarted: all is down until the moms report.
            world.all_down_until = world.now_s + random.choice([5.0, 45.0])
        case 11 if record.note == ONLINE_NOTE and not record.offline:
            record.offline = record.person = True
        case 12 if record.note_before is None and record.name != world.policy.capacity_record:
            record.note, record.note_before = "bad disk", record.note
            record.person = True
            record.offline = record.offline or random.random() < 0.5
        case 13 if record.person:
            undo(record)
        case 14:
            waiting = [w for w in world.jobs.values() if w.state is JobState.QUEUED]
            if waiting:
                del world.jobs[random.choice(waiting).job_id]

        case 15:  # an upgrade
            world.policy = replace(world.policy, generation=random.choice(["g1", "g2"]))
        case 16:  # other settings
            floor, limit = random.choice([0, 2]), random.choice([Limit(), Limit(nodes=2)])
            world.policy = replace(world.policy, floor_slots=floor, limit=limit)
        case 17:  # one record cannot be read for a while
            world.unreadable[record.name] = world.now_s + random.choice([1.0, 30.0])
        case 18 if world.policy.capacity_record in world.records:  # a person deletes it
            del world.records[world.policy.capacity_record]
            world.refuses_s = world.now_s + random.choice([0.0, 60.0])


def undo(record: Record) -> None:
    """A person takes back what he did."""
    if record.note_before is not None:
        record.note, record.note_before = record.note_before, None
    record.offline = record.person = False


def trouble(world: World, steps: int) -> None:
    """A hundred things happen, at any distance."""
    random = world.random
    world.fault = random.choice([0.0, 0.05, 0.2])
    for _ in range(steps):
        disturb(world)
        for _ in range(random.choice([1, 1, 2, 4])):
            world.tick(random.choice([0.1, 0.1, 0.5, 1.0, 5.0, 40.0]))
            world.turn(stale=random.random() < 0.3, between=random.random() < 0.3)
            if random.random() < 0.5:
                # Something wakes the loop before the answers are there.
                world.turn(stale=True)


def calm(world: World) -> None:
    """Faults stop: all agents are there, other frameworks are gone, people undo their marks."""
    world.fault = 0.0
    world.unreadable.clear()
    name = world.policy.capacity_record
    if name is not None and name not in world.records:  # jobs would be deleted until it is there
        words = frozenset(world.policy.properties)
        world.records[name] = Record(name, world.policy.capacity_np, words, CAPACITY_NOTE)
    for box in world.boxes.values():
        world.back(box)
        box.others = Resources()
    for record in world.records.values():
        if record.person:
            undo(record)
    for task in world.tasks.values():
        if task.fate == "fails":
            task.fate = "hangs"


def settle(world: World) -> None:
    """All feasible jobs run to their end, and nothing beyond the floor is kept."""
    calm(world)
    finish(world, [work for work in world.jobs.values() if possible(world, work.nodes)])
    assert_quiet(world)


def finish(world: World, jobs: list[Work]) -> None:
    """Go on until all of `jobs` have ended, and ten minutes more."""
    step = 0
    while any(work.state is not JobState.COMPLETE for work in jobs):
        world.tick(0.2 if step % 20 else 10.0)
        world.turn()
        step += 1
        assert step < 6000, [work for work in jobs if work.state is not JobState.COMPLETE]
    for _ in range(60):
        world.tick(10.0)
        world.turn()


def assert_quiet(world: World) -> None:
    floor, workers = world.policy.floor_slots, {task.name for task in world.tasks.values()}
    held = [sum(task.slots for task in world.tasks_at(name)) for name in workers]
    assert not held or sum(held) - min(held) < floor, "more than the floor is kept"
    room = sum(box.total.slots(SLOT) for box in usable(world))
    old = [task for task in world.tasks.values() if task.generation != world.policy.generation]
    assert not old, "workers with older settings are kept"
    one_more = (
        Resources() if not held else sum((t.resources for t in world.tasks.values()), Resources())
    )
    if not world.policy.limit.exceeded_by(len(held) + 1, one_more + SLOT):
        assert sum(held) >= min(floor, room), "the floor is not had"
    for turn in range(5):
        world.tick(60.0)
        plan = world.turn()
        waiting = any(work.state is JobState.QUEUED for work in world.jobs.values())
        assert not plan.actions or (waiting and turn == 0), plan.actions
    for record in world.records.values():
        if record.name in world.boxes:
            assert record.offline or world.task_at(record.name), record


@pytest.mark.parametrize("seed", SEEDS)
def test_rules_hold_and_all_ends_well(seed: int) -> None:
    world = make_world(seed)
    try:
        trouble(world, 60)
        settle(world)
    except BaseException as error:
        error.add_note("\n".join(world.history[-40:]))
        raise
