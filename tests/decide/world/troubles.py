"""What happens in the fault world: jobs, other frameworks, people, faults."""

from __future__ import annotations

from dataclasses import replace

from tests.decide.world.parts import Record
from tests.decide.world.world import World
from torque_mesos.decide import Limit, Memory
from torque_mesos.decide.worker import ONLINE_NOTE
from torque_mesos.model import JobState, Resources, TaskState

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
MEMORY = [{"mem": "3000mb"}, {"pmem": "1500mb"}, {"pmem": "1gb"}]


def submit(world: World) -> None:
    """A job; one that asks for memory or gpus, too, in worlds where some do."""
    random, runs_s = world.random, world.random.choice([0.5, 20.0, 90.0])
    more = {"walltime": "100"} if random.random() < world.walltimes else {}
    if world.more_than_slots and random.random() < 0.3:
        nodes = random.choice(["1", "1:ppn=2", "2"])
        if world.policy.gpus and random.random() < 0.5:
            nodes += ":gpus=1"
        else:
            more |= random.choice(MEMORY)
        world.submit(nodes, runs_s, **more)
    else:
        world.submit(random.choice(REQUESTS), runs_s, **more)


def disturb(world: World) -> None:
    """One thing that happens in the world."""
    random = world.random
    box = random.choice(list(world.boxes.values()))
    record = random.choice(list(world.records.values()))
    favoured = world.favours and random.random() < 0.4
    match random.choice(world.favours) if favoured else random.randrange(26):
        case 0 | 1 | 2:
            submit(world)
        case 3:
            used = sum(
                (t.resources for t in world.tasks.values() if t.agent_id == box.agent_id),
                Resources(),
            )
            room = (box.total - used).slots(world.policy.slot)
            for offer in [o for o in world.offers.values() if o.agent_id == box.agent_id]:
                world.rescind(offer.offer_id)
            box.others = world.policy.slot * random.randint(0, room)
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
            world.failed.clear()
            world.paused_until = 0.0
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
        case 18 | 19 if world.policy.capacity_record in world.records:  # a person deletes it
            del world.records[world.policy.capacity_record]
            world.refuses_s = world.now_s + random.choice([0.0, 60.0, 200.0])
            for _ in range(random.randrange(3)):
                submit(world)
        case 20 | 21:  # an agent is to be maintained, soon or late; or it was
            begins_s = random.choice([100.0, 700.0, 5000.0])
            world.maintain(box, begins_s if box.unavailable_s is None else None)
        case 22 | 25:  # what all moms need is away
            world.failing_until = world.now_s + random.choice([60.0, 300.0])
            for _ in range(3):
                submit(world)
        case 23 | 24:
            submit(world)


def undo(record: Record) -> None:
    """A person takes back what he did."""
    if record.note_before is not None:
        record.note, record.note_before = record.note_before, None
    record.offline = record.person = False


def trouble(world: World, steps: int) -> None:
    """Things happen, at any distance."""
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
