"""Jobs on more than half of the cluster, of two frameworks on one Mesos: both run in the end."""

from __future__ import annotations

import os
from random import Random

import pytest

from tests.decide.world import Box, World
from torque_mesos.decide import Policy
from torque_mesos.model import JobState, Resources

SEEDS = range(int(os.environ.get("GANG_SEEDS", "3")))
SLOT = Resources(1.0, 1024.0)
HOSTS = 4
DEADLINE_S = 1800.0


class Side(World):
    """One of two frameworks. What the other has, or is offered, is not there for it."""

    other: Side
    mine: float = 0.5  # how much of what is free it is offered at each look

    def available(self, box: Box) -> Resources:
        free = super().available(box)
        for task in self.other.tasks.values():
            if task.agent_id == box.agent_id:
                free -= task.resources
        for offer in self.other.offers.values():
            if offer.agent_id == box.agent_id:
                free -= offer.resources
        return free

    def allocate(self) -> None:
        boxes = self.boxes
        chosen = [name for name in boxes if self.random.random() < self.mine]
        self.boxes = {name: boxes[name] for name in chosen}
        super().allocate()
        self.boxes = boxes


def make_side(name: str, seed: int, mine: float) -> Side:
    policy = Policy(slot=SLOT, generation="g1", grace_s=5.0, capacity_record="localhost")
    boxes = {f"n{i}": Box(f"n{i}", f"a-n{i}", SLOT * 4) for i in range(1, HOSTS + 1)}
    side = Side(policy, Random(f"{name} {seed}"), boxes)
    side.mine = mine
    return side


def play(sides: list[Side], jobs: list[str]) -> float:
    """Until all jobs have run. Gives how long it took, in seconds."""
    one, two = sides
    one.other, two.other = two, one
    for side in sides:
        side.offers = {}
    for _ in range(30):  # the records are made
        for side in sides:
            side.tick(0.5)
            side.turn()
    began_s = one.now_s
    work = [side.submit(nodes, 30.0) for side in sides for nodes in jobs]
    while any(job.state is not JobState.COMPLETE for job in work):
        for side in sides:
            side.tick(0.2)
            side.turn()
        assert one.now_s - began_s < DEADLINE_S, work
    return one.now_s - began_s


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("jobs", [["3:ppn=4"], ["4:ppn=4", "3:ppn=3"], ["3:ppn=4", "1", "2:ppn=4"]])
def test_both_gangs_run(seed: int, jobs: list[str]) -> None:
    mine = Random(seed).choice([0.3, 0.5, 0.9])
    play([make_side("one", seed, mine), make_side("two", seed, mine)], jobs)


def test_halves_that_are_dealt_evenly_are_given_back() -> None:
    """Each is offered the same half, again and again, as long as the other does not let go."""

    class Fair(Side):
        half: frozenset[str] = frozenset()

        def allocate(self) -> None:
            boxes = self.boxes
            free = {name for name, box in boxes.items() if self.available(box).cpus == 4}
            least = free if len(free) < HOSTS else free & self.half
            self.boxes = {name: boxes[name] for name in sorted(least)}
            World.allocate(self)
            self.boxes = boxes

    sides: list[Side] = []
    for name, half in (("one", {"n1", "n2"}), ("two", {"n3", "n4"})):
        plain = make_side(name, 1, 1.0)
        side = Fair(plain.policy, Random(name), plain.boxes)
        side.half = frozenset(half)
        sides.append(side)
    assert play(sides, ["3:ppn=4"]) < DEADLINE_S
