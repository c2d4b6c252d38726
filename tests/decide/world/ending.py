"""How the fault world ends well: what can run has run, and nothing is left over."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tests.decide.world.parts import Box, Record, Work
from tests.decide.world.troubles import undo
from tests.decide.world.world import World
from torque_mesos.decide.packing import Host, Tier, place
from torque_mesos.decide.request import cost_of
from torque_mesos.decide.worker import CAPACITY_NOTE
from torque_mesos.model import JobState, Resources

W = TypeVar("W", bound=World)


def usable(world: World) -> list[Box]:
    """The agents that may be nodes."""
    return [box for box in world.boxes.values() if world.policy.names_a_node(box.name)]


def possible(world: World, work: Work) -> bool:
    """Whether a job can be served when all agents are there and nothing else runs."""
    request, policy = work.request, world.policy
    if request is None:
        return False
    if policy.limit.exceeded_by(request.hosts, cost_of(request, policy.slot)):
        return False
    hosts = [
        Host(
            box.name,
            box.total.slots(policy.slot),
            Tier.OFFERED,
            frozenset({box.name, *policy.properties, *box.attributes.values()}),
            slot_mb=policy.slot.mem_mb,
            mem_mb=box.total.mem_mb,
            gpus=box.total.gpus if policy.gpus else 0,
        )
        for box in usable(world)
    ]
    return place(request, hosts) is not None


def calm(world: World) -> None:
    """Faults stop: all agents are there, other frameworks are gone, people undo their marks."""
    world.fault = 0.0
    world.unreadable.clear()
    world.failing_until = 0.0
    name = world.policy.capacity_record
    if name is not None and name not in world.records:  # jobs would be deleted until it is there
        words = frozenset(world.policy.properties)
        world.records[name] = Record(name, world.policy.capacity_np, words, CAPACITY_NOTE)
    for box in world.boxes.values():
        world.back(box)
        box.others = Resources()
        world.maintain(box, None)
    for record in world.records.values():
        if record.person:
            undo(record)
    for task in world.tasks.values():
        if task.fate == "fails":
            task.fate = "hangs"


def settle(world: World) -> None:
    """All feasible jobs run to their end, and nothing beyond the floor is kept."""
    calm(world)
    leave(world, world.random.choice(usable(world)))
    finish(world, [work for work in world.jobs.values() if possible(world, work)])
    assert_quiet(world)


def leave(world: World, box: Box) -> None:
    """An agent is to be maintained: what is there ends, its jobs by themselves, and it may go."""
    world.maintain(box, 60.0)
    step = 0
    while world.inverse:
        world.tick(5.0)
        world.turn()
        step += 1
        assert step < 200, f"{box} is not given back: {world.tasks_at(box.name)}"
    assert not world.tasks_at(box.name)
    world.maintain(box, None)


def finish(world: World, jobs: list[Work]) -> None:
    """Go on until all of `jobs` have ended, and ten minutes more."""
    step = 0
    while any(work.state is not JobState.COMPLETE for work in jobs):
        world.tick(0.2 if step % 20 else 10.0)
        world.turn()
        step += 1
        assert step < 2500, [work for work in jobs if work.state is not JobState.COMPLETE]
    for _ in range(60):
        world.tick(10.0)
        world.turn()


def assert_quiet(world: World) -> None:
    floor, workers = world.policy.floor_slots, {task.name for task in world.tasks.values()}
    held = [sum(task.slots for task in world.tasks_at(name)) for name in workers]
    assert not held or sum(held) - min(held) < floor, "more than the floor is kept"
    room = sum(box.total.slots(world.policy.slot) for box in usable(world))
    old = [task for task in world.tasks.values() if task.generation != world.policy.generation]
    assert not old, "workers with older settings are kept"
    one_more = (
        Resources() if not held else sum((t.resources for t in world.tasks.values()), Resources())
    )
    if not world.policy.limit.exceeded_by(len(held) + 1, one_more + world.policy.slot):
        assert sum(held) >= min(floor, room), "the floor is not had"
    for turn in range(5):
        world.tick(60.0)
        plan = world.turn()
        waiting = any(work.state is JobState.QUEUED for work in world.jobs.values())
        assert not plan.actions or (waiting and turn == 0), plan.actions
    for record in world.records.values():
        if record.name in world.boxes:
            assert record.offline or world.task_at(record.name), record


def played(world: W, trouble: Callable[[W, int], None], settle: Callable[[W], None]) -> W:
    """A world, when trouble has come and gone. What went wrong before is noted at an error."""
    try:
        trouble(world, 60)
        settle(world)
    except BaseException as error:
        error.add_note("\n".join(world.history[-40:]))
        raise
    return world
