"""Worlds without pools."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from tests.decide.world.ending import played, settle
from tests.decide.world.parts import Box, Record
from tests.decide.world.troubles import trouble
from tests.decide.world.world import World
from torque_mesos.decide import Limit, Policy
from torque_mesos.model import Resources

SLOT = Resources(1.0, 1024.0)
SIZES = [1, 2, 2, 4]


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
        gpus=random.random() < 0.4,
    )
    if policy.gpus and seed % 5 == 4:
        policy = replace(policy, limit=replace(policy.limit, gpus=2))
    beside = [Resources(), Resources(0.4), Resources(0.0, 2048.0, 1), Resources(0.4, 4096.0, 2)]
    boxes = {
        name: Box(
            name,
            f"a-{name}",
            SLOT * random.choice(SIZES)
            + random.choice(beside)
            + Resources(random.choice([0, 0.4])),
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
    world.walltimes = random.choice([0.5, 1.0])
    world.more_than_slots = random.random() < 0.5
    world.memory_counts = random.random() < 0.5
    return world


def play(seed: int) -> World:
    """All of one world. Raises AssertionError (Broken, where it was a rule) when it goes wrong."""
    return played(make_world(seed), trouble, settle)
